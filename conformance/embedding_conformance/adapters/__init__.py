"""Adapters: those that `boundary.target.BUNDLED` names, and what they share."""
