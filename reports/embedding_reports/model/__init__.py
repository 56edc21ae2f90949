"""The contents of pages, without HTML: counts, groups, comparisons and histories of runs.

Their form belongs in `pages` and `text`.
"""
