"""What can be wrong with a results file: one named exception per defect, one line of text each."""

# ruff: noqa: N818  (each name says the defect; their common base says that they are errors)
from __future__ import annotations


class ResultsError(Exception):
    """A results file cannot be used; `str(error)` is one line: which file, what is wrong, what would be right."""

    def __init__(self, file: object, defect: str) -> None:
        """Keep the message to one line, whatever the file had put into it."""
        super().__init__(" ".join(f"{file}: {defect}".split()))


class Unreadable(ResultsError):
    """The file is missing, or the operating system will not let it be read."""


class Unwritable(ResultsError):
    """The results cannot be stored where they were asked for."""


class NotJson(ResultsError):
    """The file is not JSON, or holds what JSON cannot (NaN, infinity)."""


class CutShort(ResultsError):
    """The JSON ends early: the file was only written, or copied, in part."""


class NotResults(ResultsError):
    """The file is JSON, but something other than results of this suite."""


class UnknownVersion(ResultsError):
    """The results follow a version of the schema that this release does not know."""


class Incomplete(ResultsError):
    """The results have no footer: the run died before it could say how it ended."""


class SchemaViolation(ResultsError):
    """A value is missing, superfluous or of the wrong kind."""


class Inconsistent(ResultsError):
    """Every value is well-formed, but two of them contradict each other."""


class Unfit(ResultsError):
    """The results are sound, but cannot answer what was asked of them."""
