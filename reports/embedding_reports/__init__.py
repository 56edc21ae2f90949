"""Results of a conformance run, and the pages that show them.

Nothing here imports torch, hypothesis or the suite itself, so results render on a machine that has none of them.
"""
