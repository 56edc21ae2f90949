"""An embedding of torch in use: changes between two calls, and ways of calling."""

from __future__ import annotations

import copy
import gc
import hashlib
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from embedding_conformance.adapters.torch.calls import refusals
from embedding_conformance.adapters.torch.tensors import from_torch, gradient_from_torch, to_torch
from embedding_conformance.boundary.observations import Backward, Forward
from embedding_conformance.boundary.refusals import Unsupported
from embedding_conformance.cases.case import Lookup
from embedding_reference import Tensor

ROUNDS = 8
"""How often threads look up at the same time."""


class InUse:
    """The verbs about a module in use.

    Attributes:
        module: the module; None: there is a weight alone.
        table: the weight.
        another: makes an instance with the same arguments and another weight; None: this one is to be copied.
    """

    module: Any
    another: Callable[[Tensor], Any] | None = None
    table: torch.Tensor
    call: Callable[[torch.Tensor], torch.Tensor]
    like_weight: Callable[[Tensor], torch.Tensor]
    _index: Callable[[Lookup], torch.Tensor]
    _inputs: Callable[[Lookup], tuple[torch.Tensor, torch.Tensor]]
    _optimizers: dict[tuple[str, str], Any]

    def load_partly(self, state: Mapping[str, Tensor]) -> Mapping[str, Any]:
        """`load_state_dict(state, strict=False)`."""
        tensors = {name: to_torch(value) for name, value in state.items()}
        with refusals():
            told = self._whole.load_state_dict(tensors, strict=False)
            return {"missing": list(told.missing_keys), "unexpected": list(told.unexpected_keys)}

    def replace_weight(self, weight: Tensor) -> None:
        """Assign a new parameter."""
        with refusals():
            parameter = torch.nn.Parameter(self.like_weight(weight), requires_grad=self.table.requires_grad)
            self._whole.weight = parameter
        self._optimizers.clear()

    def chains(self) -> Mapping[str, Any]:
        """Which methods return the module."""
        module, dtype = self._whole, self.table.dtype
        with refusals():
            return {
                "train": module.train() is module,
                "eval": module.eval() is module,
                "requires_grad_": module.requires_grad_(self.table.requires_grad) is module,
                "to": module.to(dtype) is module,
            }

    def beside(self, weight: Tensor, lookups: Sequence[Lookup]) -> tuple[Backward, Backward]:
        """Differentiate the lookups of two embeddings in one graph."""
        with refusals():
            calls = [self._inputs(lookup) for lookup in lookups]
            other: Any = self.another(weight) if self.another else copy.deepcopy(self)
            other.put(weight)
            outputs = [one.call(index) for one, (index, _) in zip((self, other), calls)]
            torch.autograd.backward(outputs, [upstream for _, upstream in calls])
            grads = (gradient_from_torch(one.table.grad) for one in (self, other))
            mine, its = (Backward((from_torch(output),), grad) for output, grad in zip(outputs, grads))
            return mine, its

    def between(self, lookup: Lookup, change: str) -> Backward:
        """Look up, make a change, and backpropagate."""
        with refusals():
            index, upstream = self._inputs(lookup)
            output = self.call(index)
            observed = from_torch(output)
            what, after, _ = change.partition(" after backward")
            if not after:
                self._change(what, index, output, upstream)
            output.backward(upstream)
            if after:
                self._change(what, index, output, upstream)
            return Backward((observed,), gradient_from_torch(self.table.grad))

    def _change(self, what: str, index: torch.Tensor, output: torch.Tensor, upstream: torch.Tensor) -> None:
        if what == "index":
            index.zero_()
        elif what == "weight":
            with torch.no_grad():
                self.table.neg_()
        elif what == "mode":
            self._whole.train(not self._whole.training)
        elif what == "lookup":
            self.call((index + 1) % self.table.shape[0])
        elif what == "backward of a lookup":
            self.call((index + 1) % self.table.shape[0]).backward(-upstream)
        elif what != "nothing":
            hooked = {"output hook": output, "weight hook": self.table}[what]
            hooked.register_hook(_negated)

    def reuse(self, lookups: Sequence[Lookup]) -> Backward:
        """Look up by one tensor that is filled anew."""
        with refusals():
            index, outputs = self._index(lookups[0]), []
            for lookup in lookups:
                index.copy_(self._index(lookup))
                output = self.call(index)
                output.backward(self._inputs(lookup)[1])
                outputs.append(from_torch(output))
            return Backward(tuple(outputs), gradient_from_torch(self.table.grad))

    def infer(self, lookup: Lookup) -> Forward:
        """Look up in inference mode."""
        with refusals(), torch.inference_mode():
            index = self._index(lookup)
            output = self.call(index)
            return Forward(from_torch(output), output.requires_grad, output.device.type, from_torch(index))

    def jvp(self, lookup: Lookup, tangent: Tensor) -> Tensor:
        """Differentiate in forward mode."""
        if not hasattr(torch, "func"):
            raise Unsupported("this torch has no torch.func", asked=True)
        module, index, direction = self._whole, self._index(lookup), self.like_weight(tangent)
        if "weight" not in dict(module.named_parameters()):
            raise Unsupported("its weight is no parameter of that name")
        with refusals():
            _, derivative = torch.func.jvp(
                lambda weight: torch.func.functional_call(module, {"weight": weight}, (index,)),
                (self.table.detach(),),
                (direction,),
            )
            return from_torch(derivative)

    def at_once(self, lookups: Sequence[Lookup]) -> Backward:
        """Look up in threads, which are switched as often as can be."""
        with refusals():
            indices = [self._index(lookup) for lookup in lookups]
            outputs: list[Any] = [None] * len(indices)
            start, switching = threading.Barrier(len(indices)), sys.getswitchinterval()

            def look_up(place: int) -> None:
                try:
                    start.wait()
                    for _ in range(ROUNDS):
                        outputs[place] = self.call(indices[place])
                except Exception as error:  # noqa: BLE001 - raised again below
                    outputs[place] = error

            threads = [threading.Thread(target=look_up, args=(place,)) for place in range(len(indices))]
            sys.setswitchinterval(1e-6)
            try:
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join()
            finally:
                sys.setswitchinterval(switching)
            for output in outputs:
                if isinstance(output, Exception):
                    raise output
            return Backward(tuple(map(from_torch, outputs)), None)

    def disturbs(self, lookup: Lookup) -> Mapping[str, Any]:
        """The settings that a call changes."""
        with refusals():
            index, upstream = self._inputs(lookup)
            before, threads = _settings(), torch.get_num_threads()
            self._use(index, upstream)
            after = _settings()
            torch.set_num_threads(threads)
        return {name: [before[name], after[name]] for name in before if before[name] != after[name]}

    def leaves(self, lookup: Lookup, calls: int) -> Mapping[str, Any]:
        """The growth of the number of tensors."""
        with refusals():
            index, upstream = self._inputs(lookup)
            counts = []
            gc.freeze()  # what is there already is not looked through
            try:
                for _ in range(2):  # the first round warms up
                    for _ in range(calls):
                        self._use(index, upstream)
                    gc.collect()
                    counts.append(sum(isinstance(one, torch.Tensor) for one in gc.get_objects()))
            finally:
                gc.unfreeze()
        return {"tensors": counts[1] - counts[0]}

    def _use(self, index: torch.Tensor, upstream: torch.Tensor) -> None:
        output = self.call(index)
        if output.requires_grad:
            output.backward(upstream)

    @property
    def _whole(self) -> Any:
        if self.module is None:
            raise Unsupported("the functional form has no module")
        return self.module


def _negated(gradient: torch.Tensor | None) -> torch.Tensor | None:
    """Minus a gradient, which is exact; where there is none, none."""
    return None if gradient is None else -gradient


def _settings() -> dict[str, str]:
    """The framework's settings, by name, as text."""
    default_device = getattr(torch, "get_default_device", lambda: "cpu")
    return {
        "default dtype": str(torch.get_default_dtype()),
        "default device": str(default_device()),
        "grad mode": str(torch.is_grad_enabled()),
        "deterministic": str(torch.are_deterministic_algorithms_enabled()),
        "threads": str(torch.get_num_threads()),
        "random state": hashlib.sha256(bytes(torch.get_rng_state().tolist())).hexdigest()[:16],
    }
