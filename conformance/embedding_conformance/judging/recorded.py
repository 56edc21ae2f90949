"""The instances that tests are given: each call is passed on, with the number of the call that made the instance."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from embedding_conformance.boundary.adapter import Call, Instance


class Recorded:
    """An instance whose verbs are called through `through`; `number` is that of the call that made it."""

    def __init__(self, instance: Instance, through: Callable[[Instance, Call], Any], number: int) -> None:
        self._instance, self._through, self._number = instance, through, number

    def __getattr__(self, verb: str) -> Callable[..., Any]:
        def call(**arguments: Any) -> Any:
            return self._through(self._instance, Call(verb, arguments, self._number))

        return call
