"""Adapters: those that `conformance.target.BUNDLED` names, and what they share."""
