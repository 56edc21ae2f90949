"""Fault models of max_norm and norm_type."""
