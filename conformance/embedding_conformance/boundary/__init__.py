"""How an implementation is asked: the protocols of adapters, the records they answer with, and the worker protocol.

What is asked belongs in `cases`, what the answers are worth in `judging`, what drives one framework in `adapters`. All
of it runs on Python 3.8 with the standard library alone.
"""
