"""One run of the suite under pytest: options, ledgers, verdicts, and the results document.

`judging` judges a single case, and `embedding_reports` renders results.
"""
