"""What is wrong: from cases that deviate to a sentence that a maintainer can act on.

Whether a case deviates is decided in `judging`; nothing here changes a verdict.
"""
