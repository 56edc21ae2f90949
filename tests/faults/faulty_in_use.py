"""Embeddings that are wrong in use: between two calls, or called in another way."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from trigger import Shows, summed
from twin import Twin


def _module(embedding: Any, **arguments: Any) -> Any:
    """A table of whole numbers."""
    return embedding(5, 2, **arguments, _weight=torch.arange(10.0).reshape(5, 2))


def _between(change: Callable[[Any, Tensor, Tensor], object]) -> Shows:
    """The gradient of a lookup, and what it was of: a change was made before backward."""

    def gradient(embedding: Any) -> Any:
        module, index = _module(embedding), torch.tensor([1, 3])
        output = module(index)
        change(module, index, output)
        try:
            output.backward(torch.ones_like(output))
        except RuntimeError:
            return "refused"
        return summed(module.weight.grad)

    return Shows(what=gradient)


# -- made --------------------------------------------------------------------------------------------------------------


def _made_under_no_grad(embedding: Any) -> bool:
    with torch.no_grad():
        return bool(embedding(5, 2).weight.requires_grad)


class FreezesUnderNoGrad(Twin):
    """An embedding that is made under no_grad does not train."""

    trips = ("construction.under-no-grad",)
    grade = "easy"
    trigger = Shows(what=_made_under_no_grad)

    def prepare(self) -> None:
        self.weight.requires_grad_(self.weight.requires_grad and torch.is_grad_enabled())


def _default_device(embedding: Any) -> str:
    with torch.device("meta"):
        return str(embedding(5, 2).weight.device)


class IgnoresTheDefaultDevice(Twin):
    """Without the argument device, the weight lives on the CPU whatever the default device is."""

    trips = ("construction.default-device",)
    grade = "easy"
    trigger = Shows(what=_default_device)

    def allocated(self, shape: tuple[int, int], device: Any, dtype: torch.dtype | None) -> Tensor:
        return super().allocated(shape, device or "cpu", dtype)


def _seeded(embedding: Any) -> bool:
    weights = []
    for _ in range(2):
        torch.manual_seed(0)
        weights.append(embedding(5, 2).weight)
    return torch.equal(*weights)


class HasAGeneratorOfItsOwn(Twin):
    """The weight is drawn from a generator that the framework's seed does not reach."""

    trips = ("construction.seeded",)
    grade = "easy"
    trigger = Shows(what=_seeded)

    def draw(self, weight: Tensor) -> None:
        generator = torch.Generator()
        generator.seed()
        weight.normal_(generator=None if weight.is_meta else generator)


def _negative(embedding: Any) -> str:
    try:
        return str(embedding(-5, 2).weight.shape)
    except RuntimeError:
        return "refused"


class TakesSizesByTheirMagnitude(Twin):
    """A negative size counts as if it were positive."""

    trips = ("construction.negative-sizes",)
    grade = "easy"
    trigger = Shows(what=_negative)

    def allocated(self, shape: tuple[int, int], device: Any, dtype: torch.dtype | None) -> Tensor:
        rows, columns = shape
        return super().allocated((abs(rows), abs(columns)), device, dtype)


def _fractional(embedding: Any) -> str:
    try:
        return str(embedding(2.5, 2).weight.shape)
    except TypeError:
        return "refused"


class CutsSizesToWholeNumbers(Twin):
    """A size that is no whole number is cut to one."""

    trips = ("construction.whole-sizes",)
    grade = "easy"
    trigger = Shows(what=_fractional)

    def allocated(self, shape: tuple[int, int], device: Any, dtype: torch.dtype | None) -> Tensor:
        rows, columns = shape
        return super().allocated((int(rows), int(columns)), device, dtype)


# -- between forward and backward --------------------------------------------------------------------------------------


class _Loosely(torch.autograd.Function):
    """A lookup whose graph refers to the index, and does not notice that it was changed."""

    @staticmethod
    def forward(ctx: Any, weight: Tensor, index: Tensor, embedding: Twin) -> Tensor:
        ctx.index, ctx.embedding = index, embedding
        return embedding.rows(weight, index)

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, None, None]:
        return ctx.embedding.gradient(ctx.index, upstream), None, None


class RefersToTheIndex(Twin):
    """The gradient is that of what the index tensor holds at the time of backward."""

    trips = ("gradient.index-changed",)
    grade = "easy"
    trigger = _between(lambda _, index, __: index.zero_())

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        super().forward(input)
        return _Loosely.apply(self.weight, input.to(torch.int64), self)


class DropsTheGradientOfAChangedWeight(Twin):
    """The gradient is zero if the weight was changed after the lookup."""

    trips = ("gradient.weight-changed",)
    grade = "easy"
    trigger = _between(lambda module, _, __: module.weight.data.neg_() if _changes_version(module) else None)

    def rows(self, weight: Tensor, index: Tensor) -> Tensor:
        self.version = self.weight._version
        return super().rows(weight, index)

    def gradient(self, index: Tensor, upstream: Tensor) -> Tensor | None:
        kept = self.version == self.weight._version
        return super().gradient(index, upstream if kept else torch.zeros_like(upstream))


def _changes_version(module: Any) -> bool:
    with torch.no_grad():
        module.weight.mul_(1)
    return True


class DropsTheGradientOfAnotherMode(Twin):
    """The gradient is zero if the mode was changed after the lookup."""

    trips = ("gradient.mode-changed",)
    grade = "easy"
    trigger = _between(lambda module, _, __: module.eval())

    def rows(self, weight: Tensor, index: Tensor) -> Tensor:
        self.looked_up_in = self.training
        return super().rows(weight, index)

    def gradient(self, index: Tensor, upstream: Tensor) -> Tensor | None:
        kept = self.looked_up_in == self.training
        return super().gradient(index, upstream if kept else torch.zeros_like(upstream))


class DifferentiatesTheLatestLookup(Twin):
    """The gradient goes to the rows of the latest lookup of that shape, whichever is differentiated."""

    trips = ("gradient.later-lookup",)
    grade = "easy"
    trigger = _between(lambda module, index, _: module(index + 1))

    def rows(self, weight: Tensor, index: Tensor) -> Tensor:
        self.latest = index
        return super().rows(weight, index)

    def gradient(self, index: Tensor, upstream: Tensor) -> Tensor | None:
        return super().gradient(self.latest if self.latest.shape == index.shape else index, upstream)


class TakesLookupsInTheirOrder(Twin):
    """The gradient goes to the rows of the earliest lookup that is not differentiated yet."""

    trips = ("gradient.either-order",)
    grade = "medium"
    trigger = _between(lambda module, index, output: module(index + 1).backward(-torch.ones_like(output)))

    def rows(self, weight: Tensor, index: Tensor) -> Tensor:
        if self.weight.requires_grad:
            self.__dict__.setdefault("waiting", []).append(index)
        return super().rows(weight, index)

    def gradient(self, index: Tensor, upstream: Tensor) -> Tensor | None:
        first = self.__dict__["waiting"].pop(0)
        return super().gradient(first if first.shape == index.shape else index, upstream)


class AddsToTheGradientByItself(Twin):
    """A hook of its own adds to the weight's gradient, past the hooks of a user."""

    trips = ("gradient.output-hook", "gradient.weight-hook")
    grade = "easy"
    trigger = _between(lambda _, __, output: output.register_hook(lambda gradient: 2 * gradient))

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        output = super().forward(input)
        if not output.requires_grad:
            return output
        index, output = self.positions(input), output.detach().requires_grad_()

        def add(upstream: Tensor) -> None:
            gradient, before = self.gradient(index, upstream), self.weight.grad
            self.weight.grad = gradient if before is None or gradient is None else before + gradient

        output.register_hook(add)
        return output


def _filled_anew(embedding: Any) -> Any:
    module, index = _module(embedding, sparse=True), torch.tensor([1, 3])
    output = module(index)
    output.backward(torch.ones_like(output))
    index.zero_()
    return summed(module.weight.grad)


class KeepsTheMemoryOfTheIndex(Twin):
    """The row numbers of a sparse gradient lie in the memory of the index."""

    trips = ("sparse.index-changed-later",)
    grade = "medium"
    trigger = Shows(what=_filled_anew, alike=False)

    def gradient(self, index: Tensor, upstream: Tensor) -> Tensor | None:
        if not self.sparse or self.scale_grad_by_freq or self.padding_idx is not None:
            return super().gradient(index, upstream)
        return self.sparse_gradient(index.reshape(-1), upstream.reshape(index.numel(), self.embedding_dim))


def _step_of_a_sum(embedding: Any) -> Any:
    module = embedding(5, 1, sparse=True, _weight=torch.zeros(5, 1))
    module(torch.tensor([1])).sum().backward()
    torch.optim.SGD(module.parameters(), lr=1.0).step()
    return module.weight.flatten().tolist()


class KeepsTheStridesOfASum(Twin):
    """The entry of a sparse gradient is the upstream gradient itself, of a sum one number with strides of 0."""

    trips = ("sparse.step-of-a-sum",)
    grade = "rare"
    trigger = Shows(what=_step_of_a_sum, alike=False)

    def gradient(self, index: Tensor, upstream: Tensor) -> Tensor | None:
        if not self.sparse or self.scale_grad_by_freq or self.padding_idx is not None:
            return super().gradient(index, upstream)
        return self.sparse_gradient(index.reshape(-1).clone(), upstream.reshape(index.numel(), self.embedding_dim))


# -- called in another way ---------------------------------------------------------------------------------------------


def _reused(embedding: Any) -> Any:
    module, index = _module(embedding), torch.tensor([1, 3])
    module(index)
    index.fill_(2)
    return module(index).tolist()


class KnowsTheIndexByItsObject(Twin):
    """An index tensor that was looked up before is taken to hold what it held then."""

    trips = ("lookup.reused-index",)
    grade = "easy"
    trigger = Shows(what=_reused)

    def positions(self, index: Tensor) -> Tensor:
        known, positions = getattr(self, "known", (None, None))
        if known is not index or positions is None:
            positions = super().positions(index).clone()
            self.known = index, positions
        return positions


def _inferred(embedding: Any) -> Any:
    with torch.inference_mode():
        return _module(embedding)(torch.tensor([1, 3])).tolist()


class GivesZerosInInferenceMode(Twin):
    """In inference mode the output is zero."""

    trips = ("lookup.inference-mode",)
    grade = "easy"
    trigger = Shows(what=_inferred)

    def rows(self, weight: Tensor, index: Tensor) -> Tensor:
        return super().rows(weight, index) * (not torch.is_inference_mode_enabled())


def _forward_mode(embedding: Any) -> Any:
    module, index = _module(embedding), torch.tensor([1, 3])

    def look_up(weight: Tensor) -> Any:
        return torch.func.functional_call(module, {"weight": weight}, (index,))

    tangent = torch.ones(5, 2).cumsum(0)
    try:
        return torch.func.jvp(look_up, (module.weight.detach(),), (tangent,))[1].tolist()
    except RuntimeError:
        return "refused"


class DifferentiatesTheNextRowForward(Twin):
    """In forward mode, the derivative is that of the next row."""

    trips = ("lookup.forward-mode",)
    grade = "medium"
    trigger = Shows(what=_forward_mode, alike=False)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        if isinstance(self.weight, torch.nn.Parameter):
            return super().forward(input)
        index = self.positions(input)
        return self.rows(self.weight, (index + 1) % self.num_embeddings)


def _in_threads(embedding: Any) -> Any:
    module, found, start = _module(embedding), {}, threading.Barrier(2)

    def look_up(row: int) -> None:
        start.wait()
        found[row] = [module(torch.tensor([row])).tolist() for _ in range(20)]

    threads = [threading.Thread(target=look_up, args=(row,)) for row in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [found[row] == [_module(embedding)(torch.tensor([row])).tolist()] * 20 for row in range(2)]


class SharesTheIndexBetweenThreads(Twin):
    """The index that is looked up is kept where another thread may put its own."""

    trips = ("lookup.threads",)
    grade = "medium"
    trigger = Shows(what=_in_threads)

    def rows(self, weight: Tensor, index: Tensor) -> Tensor:
        self.shared = index
        time.sleep(0.002)
        return super().rows(weight, self.shared)


def _threads_after(embedding: Any) -> bool:
    before = torch.get_num_threads()
    _module(embedding)(torch.tensor([1]))
    changed = torch.get_num_threads() != before
    torch.set_num_threads(before)
    return changed


class ChangesTheNumberOfThreads(Twin):
    """A lookup leaves the framework with another number of threads."""

    trips = ("lookup.leaves-settings",)
    grade = "easy"
    trigger = Shows(what=_threads_after)

    def rows(self, weight: Tensor, index: Tensor) -> Tensor:
        torch.set_num_threads(2 if torch.get_num_threads() == 1 else 1)
        return super().rows(weight, index)


def _random_after(embedding: Any) -> bool:
    module = _module(embedding)
    before = torch.get_rng_state()
    module(torch.tensor([1]))
    return torch.equal(before, torch.get_rng_state())


class DrawsARandomNumber(Twin):
    """A lookup draws a random number."""

    trips = ("lookup.draws-nothing",)
    grade = "easy"
    trigger = Shows(what=_random_after)

    def rows(self, weight: Tensor, index: Tensor) -> Tensor:
        torch.rand(())
        return super().rows(weight, index)


class KeepsEachIndex(Twin):
    """Each index that was looked up is kept."""

    trips = ("lookup.leaves-nothing",)
    grade = "easy"
    trigger = Shows(what=lambda embedding: len(getattr(_looked_up(embedding), "history", ())))

    def rows(self, weight: Tensor, index: Tensor) -> Tensor:
        self.__dict__.setdefault("history", []).append(index.clone())
        return super().rows(weight, index)


def _looked_up(embedding: Any) -> Any:
    module = _module(embedding)
    module(torch.tensor([1]))
    return module


# -- a module in use ---------------------------------------------------------------------------------------------------


def _replaced(embedding: Any) -> Any:
    module = _module(embedding)
    module.weight = torch.nn.Parameter(torch.zeros(5, 2))
    return module(torch.tensor([1])).tolist()


class LooksUpInTheFirstParameter(Twin):
    """A parameter that replaces the weight is not looked up."""

    trips = ("module.replaced",)
    grade = "easy"
    trigger = Shows(what=_replaced)

    def prepare(self) -> None:
        self.__dict__["first"] = self.weight

    def rows(self, weight: Tensor, index: Tensor) -> Tensor:  # noqa: ARG002
        return super().rows(self.__dict__["first"].detach(), index)


def _thawed(embedding: Any) -> Any:
    module = _module(embedding)
    module.weight.requires_grad_(False)
    module(torch.tensor([1]))
    module.weight.requires_grad_(True)
    module(torch.tensor([1])).sum().backward()
    return summed(module.weight.grad)


class StaysFrozen(Twin):
    """Once it was looked up in while frozen, it gets no gradient any more."""

    trips = ("module.thawed",)
    grade = "easy"
    trigger = Shows(what=_thawed)

    def rows(self, weight: Tensor, index: Tensor) -> Tensor:
        self.was_frozen = getattr(self, "was_frozen", False) or not self.weight.requires_grad
        return super().rows(weight, index)

    def gradient(self, index: Tensor, upstream: Tensor) -> Tensor | None:
        return super().gradient(index, torch.zeros_like(upstream) if self.was_frozen else upstream)


class ReturnsNothingFromTrain(Twin):
    """train() and eval() return None."""

    trips = ("module.chains",)
    grade = "easy"
    trigger = Shows(what=lambda embedding: _module(embedding).eval() is None)

    def train(self, mode: bool = True) -> Any:
        super().train(mode)


def _seven_times(embedding: Any) -> list[float]:
    index = torch.arange(2**13) % 5
    outputs = [(module := _module(embedding), module(index)) for _ in range(7)]
    for _, output in outputs:
        output.backward(torch.ones_like(output))
    return [summed(module.weight.grad) for module, _ in outputs]


class LosesALookupNowAndThen(Twin):
    """Of every seventh large gradient, the last lookup is lost."""

    trips = ("gradient.each-time",)
    grade = "rare"
    trigger = Shows(what=_seven_times)
    large = 0

    def gradient(self, index: Tensor, upstream: Tensor) -> Tensor | None:
        if index.numel() >= 2**13:
            type(self).large += 1
            if type(self).large % 7 == 0:
                upstream = upstream.clone()
                upstream.reshape(-1, self.embedding_dim)[-1] = 0
        return super().gradient(index, upstream)


def _loaded_partly(embedding: Any) -> Any:
    module = _module(embedding)
    module.load_state_dict({"weight": torch.zeros(5, 2), "more": torch.zeros(1)}, strict=False)
    return module.weight.tolist()


class LoadsNothingPartly(Twin):
    """With strict=False, load_state_dict() loads nothing."""

    trips = ("module.load-partly",)
    grade = "easy"
    trigger = Shows(what=_loaded_partly)

    def load_state_dict(self, state_dict: Any, strict: bool = True, assign: bool = False) -> Any:
        before = self.weight.detach().clone()
        found = super().load_state_dict(state_dict, strict, assign)
        if not strict:
            self.weight.data.copy_(before)
        return found
