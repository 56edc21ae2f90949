"""One run of the suite under pytest: options, ledgers, verdicts, and the results document.

What a single case is worth is decided in `judging`; how results look on a page in `embedding_reports`.
"""
