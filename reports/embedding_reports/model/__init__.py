"""What a page says, without HTML: counts, groups, comparisons and histories of results documents.

How it looks belongs in `pages` and `text`.
"""
