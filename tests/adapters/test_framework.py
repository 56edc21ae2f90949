"""Adapters of frameworks that take and give numpy arrays, on one that is numpy itself."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embedding_conformance.adapters.frameworks.framework import NO_FREEZE, NO_STRIDES, Framework, flushing, without
from embedding_conformance.adapters.frameworks.framework_adapter import FrameworkAdapter
from embedding_conformance.boundary.refusals import Refused, Unsupported
from embedding_conformance.cases.case import Case
from embedding_reference import Tensor
from examined import examined, scalar, subject
from examples import case


def tensor(array: Any, dtype: str) -> Any:
    """An array with the name of its dtype, which numpy's own does not tell of bfloat16."""
    return {"array": array, "dtype": dtype}


def array(tensor: Any) -> tuple[Any, str]:
    """The array, and the name."""
    return tensor["array"], tensor["dtype"]


def make(num_embeddings: int, embedding_dim: int, weight: Any) -> Any:  # noqa: ARG001 - it takes no other argument
    """The weight is all there is."""
    return weight


def look_up(embedding: Any, index: Any) -> Any:
    """The rows."""
    return tensor(embedding["array"][index["array"]], embedding["dtype"])


def differentiate(embedding: Any, indices: list[Any], upstreams: list[Any]) -> tuple[list[Any], Any]:
    """The rows of each index, and the sum of all that comes back."""
    gradient = np.zeros_like(embedding["array"])
    for index, upstream in zip(indices, upstreams, strict=True):
        np.add.at(gradient, index["array"], upstream["array"])
    return [look_up(embedding, index) for index in indices], tensor(gradient, embedding["dtype"])


def weight_of(embedding: Any) -> Any:
    """The weight."""
    return embedding


def framework(**changed: Any) -> Framework:
    """A lookup in numpy, which lets negative indices count from the end."""
    parts = {
        "name": "numpy indexing",
        "packages": ("numpy",),
        "dtypes": ("float32", "bfloat16", "complex64"),
        "imports": "from typing import Any",
        "tensor": tensor,
        "array": array,
        "make": make,
        "look_up": look_up,
        "differentiate": differentiate,
        "weight_of": weight_of,
        "shared": (tensor, look_up),
        "unsupported": (*without("padding_idx", "max_norm", "scale_grad_by_freq", "sparse"), NO_FREEZE, *NO_STRIDES),
    }
    return Framework(**{**parts, **changed})


def adapter(**changed: Any) -> FrameworkAdapter:
    return FrameworkAdapter(framework(**changed))


def twice() -> Case:
    """Two lookups."""
    return replace(case(), lookups=case().lookups * 2)


@pytest.mark.parametrize(
    ("clause", "one", "came"),
    [
        ("lookup.bits", case(dtype="bfloat16"), "conforms"),
        ("lookup.shape", scalar(), "conforms"),
        ("lookup.out-of-range", case(index=(0, -1)), "deviates"),
        ("lookup.device", case(), "unsupported"),
        ("gradient.sum", case(index=(2, 0, 2)), "conforms"),
        ("gradient.sum", case(index=(2, 0, 2), dtype="complex64"), "conforms"),
        ("gradient.accumulates", twice(), "unsupported"),
        ("padding_idx.no-gradient", case(padding_idx=1), "unsupported"),
        ("construction.padding-range", case(), "unsupported"),
        ("construction.weight-shape", case(), "unsupported"),
        ("lookup.functional", case(), "unsupported"),
        ("module.state", case(), "unsupported"),
    ],
)
def test_what_it_claims_is_judged_and_all_else_is_unsupported(clause: str, one: Case, came: str) -> None:
    assert examined(adapter(), clause, one) == came


def test_what_it_does_not_claim_is_refused() -> None:
    with pytest.raises(Refused, match="unexpected keyword argument 'max_norm'"):
        subject(adapter()).make(case(max_norm=1.0))


def test_row_slices_are_a_sparse_gradient() -> None:
    def sliced(embedding: Any, indices: list[Any], upstreams: list[Any]) -> tuple[list[Any], Any]:
        outputs = [look_up(embedding, index) for index in indices]
        return outputs, (indices[0], upstreams[0])

    gradient = subject(adapter(differentiate=sliced)).run(case(index=(2, 0, 2))).gradient
    assert gradient is not None
    assert gradient.layout == "rows"
    assert gradient.rows == Tensor.of("int64", (3,), [2, 0, 2])
    assert gradient.shape == (3, 2)


def test_what_was_compiled_is_forgotten_before_another_dtype() -> None:
    forgotten: list[None] = []
    compiling = adapter(forget=lambda: forgotten.append(None))
    assert compiling.describe().compiles
    assert not adapter().describe().compiles
    for dtype, times in (("float32", 1), ("float32", 1), ("bfloat16", 2), ("float32", 3)):
        subject(compiling).make(case(dtype=dtype))
        assert len(forgotten) == times


def test_a_verb_may_take_several_lookups_and_give_outputs_with_their_gradient() -> None:
    def beside(embedding: Any, *, weight: Any, lookups: list[Any]) -> list[Any]:
        tables = (embedding, weight)
        return [differentiate(t, [index], [upstream]) for t, (index, upstream) in zip(tables, lookups, strict=True)]

    def again(embedding: Any, *, lookup: Any) -> list[Any]:
        return [differentiate(embedding, [lookup[0]], [lookup[1]])] * 2

    able = adapter(verbs={"beside": beside, "again": again}, shared=(tensor, look_up, differentiate))
    assert examined(able, "gradient.two-tables", twice()) == "conforms"
    assert examined(able, "gradient.one-graph-twice", case(index=(2, 0, 2))) == "conforms"
    assert examined(able, "gradient.deterministic", case(index=(2, 0, 2))) == "unsupported"


def test_further_verbs_take_and_give_plain_data() -> None:
    def edit(embedding: Any, *, weight: Any) -> None:
        embedding["array"][...] = weight["array"]

    def attributes(embedding: Any) -> dict[str, Any]:
        return {"shape": embedding["array"].shape}

    instance = subject(adapter(verbs={"edit": edit, "attributes": attributes})).make(case())
    assert instance.attributes() == {"shape": (3, 2)}
    other = case(values=range(10, 16)).weight
    instance.edit(weight=other)
    assert instance.weight() == other


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "complex64"])
def test_the_script_makes_the_same_calls_without_us(tmp_path: Path, dtype: str) -> None:
    embedding = subject(adapter(), dtype)
    values = [1.5, -0.0, float("inf"), float("nan"), 2, 3]
    embedding.run(case(index=(2, 0, 2), dtype=dtype, values=values))
    script = embedding.driver.adapter.script(embedding.driver.calls)
    assert not any(name in script for name in ("conformance", "reference"))
    assert dtype != "bfloat16" or "uint16" in script
    (tmp_path / "script.py").write_text(script, encoding="utf-8")
    done = subprocess.run([sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert [line.partition(" ")[0] for line in done.stdout.splitlines() if line[0].isalpha()][:2] == [
        "outputs",
        "gradient",
    ]


class InvalidArgument(Exception):  # noqa: N818 - so TensorFlow names its own
    """An exception that derives from none of Python's families."""


def checked(embedding: Any, index: Any) -> Any:
    """The rows of an index within bounds."""
    if not ((index["array"] >= 0) & (index["array"] < len(embedding["array"]))).all():
        raise InvalidArgument("indices[1] is not in [0, 3)")
    return look_up(embedding, index)


def test_an_exception_of_the_frameworks_own_is_a_refusal() -> None:
    beyond = case(index=(0, 3))
    assert examined(adapter(look_up=checked), "lookup.out-of-range", beyond) == "conforms"
    with pytest.raises(Refused, match="InvalidArgument: indices\\[1\\] is not in"):
        subject(adapter(look_up=checked)).make(beyond).forward(lookup=beyond.lookups[0])


def test_only_the_dtypes_that_the_framework_has_are_wrong_ones_for_an_index() -> None:
    def without(*lacking: str) -> FrameworkAdapter:
        def to(array: Any, dtype: str) -> dict[str, Any]:
            if dtype in lacking:
                raise Unsupported(f"there is no {dtype}")
            return tensor(array, dtype)

        return adapter(tensor=to, look_up=strict)

    def strict(embedding: Any, index: Any) -> Any:
        if not index["dtype"].startswith("int"):
            raise TypeError("an index is of integers")
        return look_up(embedding, index)

    assert examined(without("complex128"), "lookup.wrong-index-dtype", case()) == "conforms"
    others = ("float16", "bfloat16", "float64", "complex64", "complex128", "bool")
    assert examined(without(*others), "lookup.wrong-index-dtype", case()) == "conforms"

    def cast(embedding: Any, index: Any) -> Any:
        return look_up(embedding, tensor(index["array"].astype("int64"), "int64"))

    assert examined(adapter(look_up=cast), "lookup.wrong-index-dtype", case()) == "deviates"


def test_sums_that_become_zero_by_design_are_not_tried() -> None:
    def flushed(embedding: Any, indices: list[Any], upstreams: list[Any]) -> tuple[list[Any], Any]:
        outputs, gradient = differentiate(embedding, indices, upstreams)
        gradient["array"][abs(gradient["array"]) < 2.0**-126] = 0
        return outputs, gradient

    tiny = case(upstream=(2.0**-127, 1, 1, 1))
    assert examined(adapter(differentiate=flushed), "gradient.sum", tiny) == "deviates"
    by_design = adapter(differentiate=flushed, flushes=flushing("float32"))
    assert examined(by_design, "gradient.sum", tiny) == "unsupported"
    assert subject(by_design).declarations.for_strategies.flushes
    assert not subject(by_design, dtype="float64").declarations.for_strategies.flushes
    assert not subject(adapter()).declarations.for_strategies.flushes
    assert examined(by_design, "gradient.sum", case()) == "conforms"
    assert subject(by_design).make(case()).forward(lookup=tiny.lookups[0]).output.values() == [0, 1, 2, 3]


def test_a_name_that_the_adapter_gets_wrong_is_not_taken_for_a_refusal() -> None:
    def misspelt(embedding: Any, index: Any) -> Any:
        return embedding["array"].taek(index["array"])

    def refused(embedding: Any, index: Any) -> Any:  # noqa: ARG001 - the adapter's
        return index["array"].astype("no such dtype")

    def refused_within(embedding: Any, index: Any) -> Any:  # noqa: ARG001 - the adapter's
        return np.lib.format.header_data_from_array_1_0(index["dtype"])  # an AttributeError of numpy's own

    for look_up, kind in ((misspelt, AttributeError), (refused, Refused), (refused_within, Refused)):
        embedding = adapter(look_up=look_up, shared=()).make(case().config, case().weight, device="cpu")
        with pytest.raises(kind):
            embedding.forward(case().lookups[0])
