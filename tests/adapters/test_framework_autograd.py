"""Adapters of frameworks whose embeddings are modules with gradients that add up, on one that numpy stands in for."""

# ruff: noqa: ARG001 - the functions are called as those of any framework

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embedding_conformance.adapters.frameworks.framework import Framework, refuses
from embedding_conformance.adapters.frameworks.framework_adapter import FrameworkAdapter
from embedding_conformance.boundary.description import Declared
from embedding_conformance.boundary.refusals import Unsupported
from embedding_conformance.cases.case import Case, Life, Step
from embedding_conformance.cases.features import NOT_NORMAL
from embedding_conformance.judging.known import KnownDeviation
from examined import examine, examined, subject
from examples import case


def tensor(array: Any, dtype: str) -> Any:
    """An array, which knows its own dtype."""
    return array


def array(tensor: Any) -> tuple[Any, str]:
    """The array, and the name of its dtype."""
    return tensor, tensor.dtype.name


def lay_out(tensor: Any, layout: str) -> Any:
    """The same elements, in Fortran's order whichever is asked for."""
    return np.asfortranarray(tensor)


class Embedding:
    """A table with a gradient; a lookup of padding_idx gives zeros."""

    def __init__(self, weight: Any, padding_idx: int | None = None, _freeze: bool = False) -> None:
        if not weight.shape[1]:
            raise ValueError("no columns")
        self.weight, self.grad, self.frozen = weight, None, _freeze
        self.padding_row = None if padding_idx is None else padding_idx % len(weight)

    def __call__(self, index: Any) -> Any:
        """One lookup."""
        if ((index < 0) | (index >= len(self.weight))).any():
            raise IndexError("out of range")
        output = self.weight[index]
        output[index == self.padding_row] = 0
        return output


def make(num_embeddings: int, embedding_dim: int, weight: Any, **arguments: Any) -> Embedding:
    """An embedding with this weight."""
    return Embedding(weight, **arguments)


def make_given(num_embeddings: int, embedding_dim: int, weight: Any, **arguments: Any) -> Embedding:
    """An embedding with a copy of the weight."""
    return Embedding(weight.copy(), **arguments)


def make_fresh(num_embeddings: int, embedding_dim: int, dtype: str, **arguments: Any) -> Embedding:
    """An embedding of draws that are not normal."""
    table = np.random.default_rng(1).uniform(-1, 1, (num_embeddings, embedding_dim)).astype(dtype)
    return Embedding(table, **arguments)


def look_up(embedding: Embedding, index: Any) -> Any:
    """One lookup."""
    return embedding(index)


def look_up_untracked(embedding: Embedding, index: Any) -> Any:
    """One lookup, whose output cannot be written to."""
    output = embedding(index)
    output.flags.writeable = False
    return output


def is_tracked(output: Any) -> bool:
    """Whether it can be written to, which here stands for taking part in differentiation."""
    return bool(output.flags.writeable)


def differentiate(embedding: Embedding, indices: list[Any], upstreams: list[Any]) -> tuple[list[Any], Any]:
    """The outputs, and the gradient of all that came back since it was cleared."""
    outputs = [embedding(index) for index in indices]
    for index, upstream in zip(indices, upstreams, strict=True):
        embedding.grad = np.zeros_like(embedding.weight) if embedding.grad is None else embedding.grad
        kept = index != embedding.padding_row
        np.add.at(embedding.grad, index[kept], upstream[kept])
    return outputs, embedding.grad


def weight_of(embedding: Embedding) -> Any:
    """The weight."""
    return embedding.weight


def beside(embedding: Embedding, weight: Any, lookups: list[Any]) -> list[tuple[list[Any], Any]]:
    """Two tables."""
    pair = (embedding, Embedding(weight, embedding.padding_row))
    return [differentiate(one, [index], [upstream]) for one, (index, upstream) in zip(pair, lookups, strict=True)]


def clear(embedding: Embedding, *, to_none: bool = True) -> None:
    """Forget the gradient."""
    embedding.grad = None if to_none or embedding.grad is None else np.zeros_like(embedding.grad)


def edit(embedding: Embedding, weight: Any) -> None:
    """Write into the weight."""
    embedding.weight[...] = weight


def attributes(embedding: Embedding) -> dict[str, Any]:
    """The one that it has."""
    return {"requires_grad": not embedding.frozen}


def freeze(embedding: Embedding, *, frozen: bool) -> None:
    """Freeze or thaw."""
    embedding.frozen = frozen


def cast(embedding: Embedding, dtype: str, *, by_name: bool = False) -> None:
    """Go over to another dtype."""
    embedding.weight = embedding.weight.astype(dtype)


def copy(embedding: Embedding, how: str) -> Embedding:
    """A copy."""
    return Embedding(embedding.weight.copy(), embedding.padding_row)


class SGD:
    """An optimiser that remembers how many steps it took."""

    def __init__(self, embedding: Embedding, rate: float) -> None:
        self.embedding, self.rate, self.steps = embedding, rate, 0


def optimizer(embedding: Embedding, name: str, options: dict[str, Any]) -> SGD:
    """The only one there is."""
    if name != "SGD" or len(options) > 1:
        raise Unsupported("there is none but plain SGD")
    return SGD(embedding, options["lr"])


def step(embedding: Embedding, optimizer: SGD, lookups: list[Any]) -> None:
    """One step; the rate halves with each."""
    embedding.grad = None
    for index, upstream in lookups:
        differentiate(embedding, [index], [upstream])
    embedding.weight -= (optimizer.rate * 0.5**optimizer.steps) * embedding.grad
    optimizer.steps += 1


VERBS = (beside, clear, edit, attributes, freeze, cast, copy, step)
BLANK = "a lookup of padding_idx gives zeros"


def adapter(**changed: Any) -> FrameworkAdapter:
    """A lookup in numpy, with a gradient that adds up."""
    parts = {
        "name": "numpy module",
        "packages": ("numpy",),
        "dtypes": ("float32", "float64"),
        "imports": "from typing import Any",
        "tensor": tensor,
        "array": array,
        "lay_out": lay_out,
        "make": make,
        "made": {"_weight": make_given, "fresh": make_fresh},
        "look_up": look_up,
        "untracked": look_up_untracked,
        "is_tracked": is_tracked,
        "differentiate": differentiate,
        "accumulates": True,
        "weight_of": weight_of,
        "optimizer": optimizer,
        "verbs": {verb.__name__: verb for verb in VERBS} | {"second_order": refuses("it is linear")},
        "shared": (Embedding, SGD),
        "unsupported": (
            Declared({"embedding_dim": 0}, "no columns"),
            Declared(NOT_NORMAL, "it draws evenly"),
        ),
        "blank_pads": BLANK,
    }
    return FrameworkAdapter(Framework(**{**parts, **changed}))


BLANKED = case(padding_idx=0, values=(0, 0, 2, 3, 4, 5))
"""A case with a pad, whose row is zeros."""


def both(one: Case) -> Case:
    """The lookup of a case twice."""
    return replace(one, lookups=one.lookups * 2)


@pytest.mark.parametrize(
    ("clause", "one", "came"),
    [
        ("lookup.bits", BLANKED, "conforms"),
        ("lookup.device", case(), "conforms"),
        ("lookup.layout", replace(case(), weight_layout="transposed"), "conforms"),
        ("gradient.accumulates", both(case(index=(2, 0, 2))), "conforms"),
        ("gradient.one-graph", both(case(index=(2, 0, 2))), "conforms"),
        ("gradient.two-tables", both(case(index=(2, 0, 2))), "conforms"),
        ("gradient.no-grad", case(), "conforms"),
        ("gradient.second-order", case(), "unsupported"),
        ("padding_idx.no-gradient", BLANKED, "conforms"),
        ("construction.weight-shape", case(), "conforms"),
        ("construction.freeze", case(freeze=True), "conforms"),
        ("construction.given-weight", case(), "conforms"),
        ("construction.given-weight-shared", case(), "deviates"),
        ("construction.zero-sizes", case(), "unsupported"),
        ("construction.default-dtype", case(), "unsupported"),
        ("construction.attributes", case(), "unsupported"),
        ("max_norm.in-place", case(), "conforms"),
        ("module.zero-grad", both(case()), "conforms"),
        ("module.cast-works", case(), "conforms"),
    ],
)
def test_what_a_module_can_do_is_judged(clause: str, one: Case, came: str) -> None:
    assert examined(adapter(), clause, one) == came


def test_a_lookup_that_is_blank_by_design_is_not_tried() -> None:
    filled = case(padding_idx=0, values=(1, 1, 2, 3, 4, 5))
    assert examined(adapter(), "padding_idx.output", filled) == "unsupported"
    assert examined(adapter(blank_pads=""), "padding_idx.output", filled) == "deviates"
    with pytest.raises(Unsupported, match=BLANK):
        subject(adapter()).run(filled)
    # The row is that of the weight as it is now.
    instance = subject(adapter()).make(BLANKED)
    instance.edit(weight=filled.weight)
    with pytest.raises(Unsupported, match=BLANK):
        instance.forward(lookup=filled.lookups[0])
    with pytest.raises(Unsupported, match=BLANK):
        subject(adapter()).make(BLANKED).beside(weight=filled.weight, lookups=both(BLANKED).lookups)


def test_a_fresh_weight_that_is_not_normal_by_design_is_not_judged_so() -> None:
    embedding = subject(adapter())
    for clause in ("construction.normal", "construction.covers", "construction.independent"):
        examine(embedding, clause, None)
        assert embedding.tally.unsupported == (clause != "construction.independent"), clause
        embedding.examination.start(known=[])


def test_an_optimiser_is_kept_until_the_weight_is_another() -> None:
    given = case(index=(0,), values=[8] * 6)
    instance = subject(adapter()).make(given)
    arguments = {"optimizer": "SGD", "options": {"lr": 1.0}, "lookups": given.lookups}
    came = []
    for dtype in ("float32", "float64"):
        instance.cast(dtype=dtype)
        for _ in range(2):
            instance.step(**arguments)
            came.append(instance.weight().values()[0])
    assert came == [7, 6.5, 5.5, 5]
    with pytest.raises(Unsupported, match="there is none but plain SGD"):
        instance.step(**{**arguments, "optimizer": "Adam"})
    with pytest.raises(Unsupported, match="no optimisers"):
        subject(adapter(optimizer=None)).make(given).step(**arguments)


def test_what_is_known_of_a_state_is_known_once_a_life_reaches_it() -> None:
    """A copy of a frozen embedding is not frozen here: known of what is frozen, whichever step froze it."""
    thawing = Life(case().config, case().weight, case().lookups, steps=(Step("freeze"), Step("copy", "deepcopy")))
    assert examined(adapter(), "sequences.life", thawing) == "deviates"
    embedding = subject(adapter())
    known = KnownDeviation({"freeze": True}, ["requires_grad of the weight differs"], "cpu")
    embedding.examination.start([known])
    examine(embedding, "sequences.life", thawing)
    assert (known.covered, known.shown) == (1, 1)


def test_the_script_of_a_life_makes_the_same_calls_without_us(tmp_path: Path) -> None:
    first = case(index=(2, 0, 2))
    strided = (replace(first.lookups[0], index_layout="strided"),)
    steps = (
        Step("look up together", lookups=first.lookups * 2),
        Step("train", "SGD", first.lookups),
        Step("copy", "deepcopy"),
        Step("clear", "to zeros"),
        Step("train", "SGD", strided),
    )
    life = Life(first.config, first.weight, strided, "transposed", steps=steps)
    embedding = subject(adapter())
    examine(embedding, "sequences.life", life)
    embedding.make(first).beside(weight=first.weight, lookups=both(first).lookups)
    embedding.fresh(first.config).forward(lookup=first.lookups[0], no_grad=True)
    script = embedding.driver.adapter.script(embedding.driver.calls)
    assert not any(name in script for name in ("conformance", "reference"))
    assert "weight = lay_out(tensor(" in script
    assert "make_given" not in script  # nothing that no call needs
    (tmp_path / "script.py").write_text(script, encoding="utf-8")
    done = subprocess.run([sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, check=True)
    # A step of rate 1/2 before the copy, and another after it, as an optimiser of the copy starts anew.
    assert str(np.array([[-1, 0], [2, 3], [2, 3]], "float32")) in done.stdout
