"""The driver calls the implementation under test: it records and times each call, and checks its answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from embedding_conformance.boundary import answers
from embedding_conformance.boundary.adapter import Adapter, Instance
from embedding_conformance.boundary.observations import Call
from embedding_conformance.boundary.refusals import Lost, MissingVerb, Refused, Unsupported
from embedding_conformance.boundary.verbs import VERBS
from embedding_conformance.cases.case import Case, Config, Lookup
from embedding_conformance.judging.tally import Tally
from embedding_reference import Tensor


class Driver:
    """Calls the verbs of an adapter, and of the instances that the adapter makes.

    Attributes:
        adapter: the adapter in use.
        fallback: the adapter that replaces it once its process is lost.
        dtype: the weight dtype.
        device: the device on which instances are made.
        calls: the calls made for the latest case; the standalone script of a deviation repeats them.
        tally: the tally in which calls are timed and lost processes are counted.
        missing: the verbs that the adapter turned out not to have.
    """

    def __init__(
        self, adapter: Adapter, fallback: Adapter, dtype: str, device: str, missing: set[str] | None = None
    ) -> None:
        self.adapter, self.fallback, self.dtype, self.device = adapter, fallback, dtype, device
        self.calls: list[Call] = []
        self.tally = Tally()
        self.missing: set[str] = set() if missing is None else missing
        self._refused_sizes: dict[tuple[int, int], str] = {}

    def make(self, case: Case, *, via: str = "assignment") -> Instance:
        """An instance with the case's arguments and weight (`boundary.adapter.Adapter.make`)."""
        return self._made(config=case.config, weight=case.weight, layout=case.weight_layout, via=via)

    def fresh(self, config: Config, **more: Any) -> Instance:
        """An instance that initialises its own weight, of the driver's dtype; `more` goes to `Adapter.make`."""
        return self._made(config=config, weight=None, dtype=self.dtype, **more)

    def refuses_size(self, rows: int, columns: int) -> str:
        """Why a table without rows or columns is refused, whatever it is for; "" where it is not, or has elements.

        Torch does not document such tables. They are refused where the plainest embedding is, or a lookup of nothing.
        """
        if rows and columns:
            return ""
        if (rows, columns) not in self._refused_sizes:
            calls = list(self.calls)
            nothing = Lookup(Tensor("int64", (0,), b""), Tensor(self.dtype, (0, columns), b""))
            try:
                self._plain(Config(rows, columns)).forward(lookup=nothing)
            except Refused as refused:
                reason = f"a table of {rows} rows and {columns} columns is refused: {refused}"
                self._refused_sizes[rows, columns] = reason
            else:
                self._refused_sizes[rows, columns] = ""
            self.calls[:] = calls  # it is no part of the case that is run
        return self._refused_sizes[rows, columns]

    def _plain(self, config: Config) -> Instance:
        """A fresh instance of a size without elements; where there is none, one that is given a weight."""
        try:
            return self.fresh(config)
        except Unsupported:
            shape = config.num_embeddings, config.embedding_dim
            return self._made(config=config, weight=Tensor(self.dtype, shape, b""))

    def signature(self, of: str) -> list[tuple[str, str, str]]:
        """(name, kind, default) of each parameter of "constructor" or "from_pretrained"."""
        parameters: list[tuple[str, str, str]] = self.call(self.adapter, Call("signature", {"of": of}))
        return parameters

    def _made(self, **arguments: Any) -> Instance:
        instance = self.call(self.adapter, Call("make", {"device": self.device, **arguments}))
        return cast("Instance", instance)

    def call(self, on: Any, call: Call) -> Any:
        """Call a verb of the adapter or of an instance.

        Raises:
            Refused: the implementation raised.
            Unsupported: the adapter does not provide the verb, or not with these arguments.
            Lost: the process is gone; the next call goes to the fallback.
            Misanswered: the answer is not what the protocol defines for the verb.
        """
        verb = VERBS[call.verb]
        if not hasattr(on, verb.name):
            self.missing.add(verb.name)
            raise MissingVerb(verb.name)
        self.calls.append(call)
        number = len(self.calls)
        try:
            with self.tally.measured("adapter"):
                answer = getattr(on, verb.name)(**call.arguments)
        except Unsupported as unsupported:
            self.calls.pop()  # the call changed nothing, and would fail in a script
            if isinstance(unsupported, MissingVerb):  # in a worker
                self.missing.add(unsupported.verb)
            raise
        except Lost as lost:
            self.tally.lost += 1
            self.adapter = self.fallback
            lost.__context__ = None  # else Hypothesis takes the same failure of the fallback for another bug
            raise lost.with_traceback(None) from None
        answers.check(call, answer)
        if verb.name == "attributes":
            return _Attributes(answer)
        return _RecordedInstance(answer, self.call, number) if verb.makes_instance else answer


class _RecordedInstance:
    """An instance whose calls go through the driver, each with the number of the call that made the instance."""

    def __init__(self, instance: Any, through: Callable[[Any, Call], Any], number: int) -> None:
        self._instance, self._through, self._number = instance, through, number

    def __getattr__(self, verb: str) -> Callable[..., Any]:
        def call(**arguments: Any) -> Any:
            return self._through(self._instance, Call(verb, arguments, self._number))

        return call


class _Attributes(dict[str, Any]):
    """The attributes of an instance; one that the implementation does not document is unsupported."""

    def __missing__(self, name: str) -> Any:
        raise Unsupported(f"it documents no attribute {name}")
