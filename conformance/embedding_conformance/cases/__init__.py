"""The cases of the suite: a `Case` in plain data, its features, and the Hypothesis strategies that draw cases.

Nothing here knows how a case is run or judged. `case` and `features` run on Python 3.8 with the standard library alone,
because the worker needs them; the strategies import Hypothesis.
"""
