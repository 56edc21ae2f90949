"""Fault models of the lookup: what is read, and what comes out."""
