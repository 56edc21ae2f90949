"""Is the adapter wired right? Plain cases, tried before a run, tell a wrong adapter from a wrong embedding.

Plain cases lead to no verdict: what one shows is noted beside the verdicts that it may explain.
"""
