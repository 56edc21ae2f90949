"""Calls of code that the suite does not control: whatever such a call raises is caught here, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar

from embedding_conformance.boundary.refusals import Died, Misanswered, Refused, Unsupported

T = TypeVar("T")


class Ending(Enum):
    """How a call ended that gave no answer; the value is what a report shows of it."""

    REFUSED = "the implementation raised"
    UNSUPPORTED = "the adapter does not provide it"
    DIED = "the process did not survive it"
    MISANSWERED = "the adapter's answer is not one of the protocol"
    BROKE = "the adapter broke"


@dataclass(frozen=True)
class Failure:
    """A call that gave no answer.

    Attributes:
        ending: how it ended.
        error: what was raised.
    """

    ending: Ending
    error: BaseException

    @property
    def text(self) -> str:
        """The error's message in one line, preceded by its class where nobody expected the error."""
        if self.ending is Ending.BROKE:
            return f"{type(self.error).__name__}: {last_line(self.error)}"
        if isinstance(self.error, SystemExit):
            return f"left by sys.exit({self.error.code!r})"
        return str(self.error)


def attempt(call: Callable[[], T], *, propagate: tuple[type[BaseException], ...] = ()) -> T | Failure:
    """Make a call, and return its answer, or a `Failure` where it gave none.

    Args:
        call: the call.
        propagate: exceptions that are not about the call, and are left to the caller.

    Raises:
        KeyboardInterrupt: the user ended the run.
    """
    try:
        return call()
    except propagate:
        raise
    except Refused as error:
        return Failure(Ending.REFUSED, error)
    except Unsupported as error:
        return Failure(Ending.UNSUPPORTED, error)
    except (Died, SystemExit) as error:
        return Failure(Ending.DIED, error)
    except Misanswered as error:
        return Failure(Ending.MISANSWERED, error)
    except Exception as error:  # noqa: BLE001 - anything may be wrong with what somebody else wrote
        return Failure(Ending.BROKE, error)


def raised_in(error: BaseException) -> str:
    """The name of the module whose code raised an error."""
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    return str(trace.tb_frame.f_globals["__name__"]) if trace else ""


def first_line(error: BaseException) -> str:
    """The first line of an error's message."""
    return _lines(error)[0]


def last_line(error: BaseException) -> str:
    """The last line of an error's message; where that is a traceback from another process, it names the error there."""
    return _lines(error)[-1]


def _lines(error: BaseException) -> list[str]:
    return (str(error).strip() or "no message").splitlines()
