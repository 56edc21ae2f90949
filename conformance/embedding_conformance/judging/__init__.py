"""Whether an answer is right: what the oracle permits, the comparison, and what one clause came to.

The clauses themselves stand in `suite`; what a run makes of them in `running`. Only `expectations` asks the oracle.
"""
