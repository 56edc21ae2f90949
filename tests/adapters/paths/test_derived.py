"""Classes that derive from torch's, with a constructor of their own."""

from __future__ import annotations

import io
import sys
from contextlib import redirect_stdout
from typing import Any

import pytest
import torch

from embedding_conformance.adapters.frameworks.framework import without
from embedding_conformance.adapters.torch.paths.derived import Derived, DerivedAdapter
from embedding_conformance.boundary.refusals import Unsupported
from embedding_conformance.boundary.target import UnusableTarget, resolve
from examined import FEW, examined, subject
from examples import case


class Narrow(torch.nn.Embedding):
    """Takes few of the arguments, and needs one that others do not."""

    def __init__(self, num_embeddings: int, embedding_dim: int, padding_idx: int | None) -> None:
        super().__init__(num_embeddings, embedding_dim, padding_idx)


def narrow() -> DerivedAdapter:
    unsupported = without("max_norm", "scale_grad_by_freq", "sparse")
    return DerivedAdapter(Derived(f"{__name__}:Narrow", ("padding_idx",), ("float16", "float32"), unsupported))


def test_a_narrow_constructor_on_a_few_clauses() -> None:
    reals = {clause: one for clause, one in FEW.items() if clause != "lookup.device"}
    came = {clause: examined(narrow(), clause, one) for clause, one in reals.items()}
    lacking = {clause for clause in reals if clause.split(".")[0] in ("max_norm", "scale_grad_by_freq", "sparse")}
    assert {clause for clause, word in came.items() if word == "unsupported"} == lacking
    assert set(came.values()) == {"unsupported", "conforms"}


def test_the_dtype_comes_with_the_weight() -> None:
    made = narrow().make(case(dtype="float16").config, case(dtype="float16").weight, device="cpu")
    assert made.weight() == case(dtype="float16").weight


@pytest.mark.parametrize(
    ("options", "argument"),
    [
        ({"dtype": "float16"}, "dtype"),
        ({"dtype": "float32", "device": "meta"}, "device"),
        ({"weight": case().weight, "via": "_weight"}, "_weight"),
        ({"weight": case().weight, "via": "from_pretrained"}, "_weight"),
    ],
)
def test_what_the_constructor_lacks_is_unsupported(options: dict[str, Any], argument: str) -> None:
    with pytest.raises(Unsupported, match=f"Narrow takes no {argument}$"):
        narrow().make(case().config, **{"weight": None, "device": "cpu", **options})


def test_a_fresh_one_has_the_default_dtype() -> None:
    assert narrow().make(case().config, None, device="cpu", dtype="float32").weight().dtype == "float32"
    assert narrow().make(case().config, None, device="cpu", via="default_dtype", dtype="float64").weight().dtype == (
        "float64"
    )


@pytest.mark.parametrize("arguments", [{}, {"padding_idx": 1}])
def test_the_script_calls_it_as_it_wants_to_be_called(arguments: dict[str, int]) -> None:
    embedding = subject(narrow())
    observed = embedding.run(case(index=(2, 1), **arguments))
    variables: dict[str, Any] = {}
    with redirect_stdout(io.StringIO()):
        exec(embedding.driver.adapter.script(embedding.driver.calls), variables)  # noqa: S102 - our own
    assert observed.gradient is not None
    assert tuple(variables["weight"].grad.flatten().tolist()) == tuple(observed.gradient.values.values())


def test_a_package_that_is_missing_is_named_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bitsandbytes", None)
    with pytest.raises(UnusableTarget, match=r"^--embedding bitsandbytes: .*bitsandbytes.*$"):
        resolve("bitsandbytes")
