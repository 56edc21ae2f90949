"""How an implementation is judged: by what the oracle permits, case by case, for one clause at a time.

The clauses themselves are in `suite`; verdicts on them are made in `running`. Only `expectations` asks the oracle.
"""
