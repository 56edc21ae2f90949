"""Clauses on an embedding in use: what happens between two calls, and ways of calling; sections as named."""
