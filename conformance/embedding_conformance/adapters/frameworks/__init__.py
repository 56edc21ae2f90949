"""Adapters of frameworks that speak numpy, each a `Framework` of functions.

`framework`, `framework_adapter` and `framework_script` turn one into an adapter.
"""
