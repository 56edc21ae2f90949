"""What else there is to test an embedding with: the samples that PyTorch ships, gradcheck, and random comparisons.

Each baseline yields one check after the other, named; a check raises where the embedding differs from `nn.Embedding`,
by the default tolerances of `torch.testing.assert_close`. A call that torch refuses must be refused, and no other.
"""

from __future__ import annotations

import io
import random
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.testing import assert_close
from torch.testing._internal.common_methods_invocations import op_db
from torch.testing._internal.common_modules import module_db

Check = tuple[str, Callable[[], object]]
"""What is checked, and the check."""

SEED = 0


def opinfo(embedding: Any) -> Iterator[Check]:
    """The samples of `nn.functional.embedding`: output, gradient and weight, on each of its dtypes; and its errors."""
    operator = next(info for info in op_db if info.name == "nn.functional.embedding")
    for dtype in sorted(operator.dtypes, key=str):
        torch.manual_seed(SEED)
        for sample in operator.sample_inputs("cpu", dtype):
            for form, one in (("", sample), (", strided", sample.noncontiguous())):
                called = partial(_with_weight, one.input, one.args[0], one.kwargs)
                yield f"{dtype}, {one.kwargs}{form}", partial(_alike, called, embedding)
    for error in operator.error_inputs("cpu"):
        called = partial(_given, error.sample_input.input, error.sample_input.args[0])
        yield "error inputs", partial(_alike, called, embedding)


def moduleinfo(embedding: Any) -> Iterator[Check]:
    """The inputs of `nn.Embedding`, and what PyTorch's own tests of modules do with them; and its errors."""
    module = next(info for info in module_db if info.module_cls is torch.nn.Embedding)
    for dtype in sorted(module.dtypes, key=str):
        for training in (True, False):
            torch.manual_seed(SEED)
            arguments = {"device": "cpu", "dtype": dtype, "requires_grad": False, "training": training}
            for sample in module.module_inputs_func(module, **arguments):
                made = sample.constructor_input
                call = partial(_fresh, made.args, {**made.kwargs, "dtype": dtype}, training)
                for what in (_used, _reused_strided, _copied, _restored, _shown):
                    checked = partial(what, call, sample.forward_input.args[0])
                    yield f"{what.__name__}, {dtype}", partial(_alike, checked, embedding)
                if dtype == torch.float64:
                    yield "gradcheck", partial(_gradchecks, call(embedding), sample.forward_input.args[0])
            for error in module.module_error_inputs_func(module, **arguments):
                sample = error.module_error_input
                made, called = sample.constructor_input, sample.forward_input.args
                yield "error inputs", partial(_alike, partial(_failed, made.args, made.kwargs, called), embedding)


def gradcheck(embedding: Any) -> Iterator[Check]:
    """`gradcheck` and `gradgradcheck` of a plain lookup, for an index of none, one and two dimensions."""
    for index in (torch.tensor(1), torch.tensor([1, 0, 1]), torch.tensor([[1, 0, 4], [3, 1, 1]])):
        torch.manual_seed(SEED)
        yield f"{index.dim()}-d index", partial(_gradchecks, embedding(5, 3, dtype=torch.float64), index)


def random_comparisons(embedding: Any, count: int = 100) -> Iterator[Check]:
    """Random arguments, weight, index and upstream gradient: output, gradient and weight, on a random dtype."""
    rng = random.Random(SEED)  # noqa: S311 - test data
    torch.manual_seed(SEED)
    for number in range(count):
        rows, columns = rng.randint(1, 20), rng.randint(1, 16)
        dtype = rng.choice((torch.float16, torch.bfloat16, torch.float32, torch.float64))
        shape = [rng.randint(0, 8) for _ in range(rng.randint(0, 3))]
        arguments = {
            "padding_idx": rng.choice((None, rng.randrange(-rows, rows))),
            "max_norm": rng.choice((None, rng.uniform(0.1, 5))),
            "norm_type": rng.choice((1.0, 2.0, 3.0, float("inf"))),
            "scale_grad_by_freq": rng.random() < 0.5,
            "sparse": rng.random() < 0.25,
        }
        index = torch.randint(rows, shape, dtype=rng.choice((torch.int32, torch.int64)))
        called = partial(_with_weight, torch.randn(rows, columns).to(dtype), index, arguments)
        yield f"case {number}", partial(_alike, called, embedding)


def _alike(seen: Callable[[Any], Mapping[str, Any]], embedding: Any) -> None:
    """Compare what is seen of an embedding with what is seen of torch's."""
    expected = _attempted(seen, torch.nn.Embedding)
    observed = _attempted(seen, embedding)
    if expected is None or observed is None:
        assert expected is observed, "one of the two raised"
        return
    for what, value in expected.items():
        if isinstance(value, Tensor):
            assert isinstance(observed[what], Tensor), f"{what}: no tensor"
            assert_close(observed[what], value, equal_nan=True, msg=lambda text, what=what: f"{what}: {text}")
        else:
            assert observed[what] == value, what


def _attempted(seen: Callable[[Any], Mapping[str, Any]], embedding: Any) -> Mapping[str, Any] | None:
    """What is seen, or None where something was raised. Both embeddings draw from the same seed."""
    torch.manual_seed(SEED)
    try:
        return seen(embedding)
    except Exception:  # noqa: BLE001 - whatever an implementation raises
        return None


def _with_weight(weight: Tensor, index: Tensor, arguments: Mapping[str, Any], embedding: Any) -> dict[str, Any]:
    """One lookup and its backward, in a table that is given: the functional form."""
    module = embedding(*weight.shape, **arguments, _weight=weight.detach().clone())
    return _trained(module, index)


def _given(weight: Tensor, index: Tensor, embedding: Any) -> dict[str, Any]:
    """One lookup in a weight of the wrong shape."""
    return {"output": embedding(1, 1, _weight=weight)(index)}


def _fresh(arguments: tuple[Any, ...], keywords: Mapping[str, Any], training: bool, embedding: Any) -> Any:
    """A module as it starts."""
    return embedding(*arguments, **keywords).train(training)


def _trained(module: Any, index: Tensor) -> dict[str, Any]:
    """What a module gives for an index, and the gradient of a random upstream gradient."""
    output = module(index)
    output.backward(torch.randn(output.shape).to(output.dtype))
    return {"output": output.detach(), "gradient": module.weight.grad, "weight": module.weight.detach()}


def _used(make: Callable[[Any], Any], index: Tensor, embedding: Any) -> dict[str, Any]:
    """A fresh module: its weight, its dtype and device, what it gives, and its gradient."""
    module = make(embedding)
    weight = module.weight.detach().clone()
    return {
        "fresh weight": weight,
        "device": weight.device,
        "keys": list(module.state_dict()),
        **_trained(module, index),
    }


def _reused_strided(make: Callable[[Any], Any], index: Tensor, embedding: Any) -> dict[str, Any]:
    """The same with an index and an upstream gradient that are not contiguous, on top of a gradient that is there."""
    module = make(embedding)
    _trained(module, index)
    strided = index.repeat_interleave(2, -1)[..., ::2]
    output = module(strided)
    output.backward(torch.randn(*output.shape[:-1], 2 * output.shape[-1]).to(output.dtype)[..., ::2])
    return {"output": output.detach(), "gradient": module.weight.grad}


def _copied(make: Callable[[Any], Any], index: Tensor, embedding: Any) -> dict[str, Any]:
    """A copy through torch.save."""
    stream = io.BytesIO()
    torch.save(make(embedding), stream)
    stream.seek(0)
    return _trained(torch.load(stream, weights_only=False), index)


def _restored(make: Callable[[Any], Any], index: Tensor, embedding: Any) -> dict[str, Any]:
    """A module that was given the state of another one."""
    state = make(embedding).state_dict()
    module = make(embedding)
    module.load_state_dict(state)
    return _trained(module, index)


def _shown(make: Callable[[Any], Any], index: Tensor, embedding: Any) -> dict[str, Any]:
    """Its repr, and its other mode."""
    module = make(embedding)
    return {"repr": module.extra_repr(), "other mode": module.train(not module.training)(index).detach()}


def _failed(
    arguments: tuple[Any, ...], keywords: Mapping[str, Any], called: tuple[Any, ...], embedding: Any
) -> dict[str, Any]:
    """A call that torch refuses."""
    return {"output": embedding(*arguments, **keywords)(*called)}


def _gradchecks(module: Any, index: Tensor) -> None:
    """Derivatives by the weight, first and second, against differences; fast, as in PyTorch's own tests."""

    def looked_up(weight: Tensor) -> Tensor:
        return torch.func.functional_call(module, {"weight": weight}, (index,))

    weight = module.weight.detach().clone().requires_grad_()
    assert torch.autograd.gradcheck(looked_up, weight, fast_mode=True)
    assert torch.autograd.gradgradcheck(looked_up, weight, fast_mode=True)
