"""The exceptions that a call raises where it gives no answer."""

from __future__ import annotations


class Refused(Exception):  # noqa: N818 - it says what the implementation did
    """The implementation raised.

    Attributes:
        family: one of `embedding_reference.permitted.FAMILIES`, or "other".
        kind: name of the exception's class.
        message: its text.
    """

    def __init__(self, family: str, kind: str, message: str) -> None:
        super().__init__(family, kind, message)
        self.family, self.kind, self.message = family, kind, message

    @classmethod
    def of(cls, error: BaseException) -> Refused:
        """The refusal that a Python exception stands for; the most derived family wins.

        An exception of a class that is in no family counts as "runtime" where the implementation or its framework
        defined the class, as it raises that deliberately; else as "other".
        """
        own = type(error).__module__.split(".")[0] not in ("builtins", "embedding_conformance")
        families = (
            ((LookupError,), "index"),  # of which IndexError is one
            ((TypeError,), "type"),
            ((ValueError, AssertionError, OverflowError), "value"),
            ((RuntimeError,), "runtime"),
        )
        family = next((name for types, name in families if isinstance(error, types)), "runtime" if own else "other")
        return cls(family, type(error).__name__, str(error))

    def __str__(self) -> str:
        first_line = self.message.strip().splitlines()[0] if self.message.strip() else ""
        return f"{self.kind}: {first_line}" if first_line else self.kind


class Lost(Refused):
    """The implementation raised, and its process can answer nothing more, as after a failed assertion on a device."""


LOST = "a refusal cost the process that held the weight, as an assertion on the device does"
"""The reason given for calls on an instance whose process such a refusal ended."""


class Unsupported(Exception):  # noqa: N818 - it is an answer, not an error
    """The adapter does not provide this verb or argument, for the reason given.

    Attributes:
        reason: the reason.
        asked: whether it is known that the implementation does not provide it either: it raised for want of it, or its
            signature says so. Else nothing is known of what it does.
    """

    def __init__(self, reason: str, *, asked: bool = False) -> None:
        super().__init__(reason)
        self.reason, self.asked = reason, asked

    @property
    def account(self) -> str:
        """The reason as a verdict gives it: which says where the implementation was not asked."""
        return self.reason if self.asked else f"not asked: {self.reason}"


class MissingVerb(Unsupported):
    """The adapter does not have this verb at all.

    Attributes:
        verb: its name.
    """

    def __init__(self, verb: str) -> None:
        super().__init__(f"the adapter has no {verb}")
        self.verb = verb


class Died(Exception):  # noqa: N818 - it says what the implementation did
    """The implementation ended its process, or did not answer in time; the text says which, e.g. `died (SIGSEGV)`.

    Attributes:
        stderr: the end of what it wrote to standard error.
    """

    def __init__(self, how: str, stderr: str = "") -> None:
        super().__init__(how)
        self.stderr = stderr


class Misanswered(Exception):  # noqa: N818 - it says what the adapter did
    """The adapter's answer to a verb is not one of the protocol; the text says why, and what would be."""
