"""Fault models of the gradient."""
