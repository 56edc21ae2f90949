"""The boundary to an implementation under test: protocols of adapters, records of answers, and the worker protocol.

`cases` holds what is asked, `judging` judges the answers, and `adapters` drives each framework. Everything in this
folder runs on Python 3.8 with nothing but the standard library.
"""
