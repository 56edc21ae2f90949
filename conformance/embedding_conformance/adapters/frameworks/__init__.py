"""Adapters of frameworks that exchange numpy arrays; each is a `Framework`, a record of functions.

`framework`, `framework_adapter` and `framework_script` make an adapter of a `Framework`.
"""
