"""Is the adapter wired right? Plain cases that tell a wrong adapter from a wrong embedding, tried before a run.

No verdict comes from here: what a plain case shows is said beside the verdicts that it may explain.
"""
