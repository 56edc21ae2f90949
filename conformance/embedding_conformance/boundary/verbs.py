"""The verbs of the protocol."""

MAKING = ("make", "copy")
"""The verbs that are answered with an instance."""
