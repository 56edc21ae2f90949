"""The standalone script of a deviation makes the same calls and gets the same bits, without anything of ours."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import redirect_stdout, suppress
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given, settings

from embedding_conformance.adapters.torch.module import TorchModuleAdapter
from embedding_conformance.adapters.torch.paths.functional import TorchFunctionalAdapter
from embedding_conformance.adapters.torch.tensors import from_torch
from embedding_conformance.boundary.refusals import Refused, Unsupported
from embedding_conformance.cases import palettes
from embedding_conformance.cases.case import LAYOUTS, Case
from embedding_conformance.cases.palettes import ANY as ANY_PALETTE
from embedding_conformance.cases.strategies import cases
from embedding_conformance.judging.subject import Subject
from embedding_reference import Tensor
from examples import case

ADAPTERS = {"module": TorchModuleAdapter, "functional": TorchFunctionalAdapter}


class MyEmbedding(torch.nn.Embedding):
    """Somebody's, in a module of theirs."""


def subject(adapter: Any = None) -> Subject:
    made = adapter or TorchModuleAdapter()
    return Subject(made, made.describe(), "float32", "cpu")


def executed(embedding: Subject) -> dict[str, Any]:
    """The variables of the script after it ran."""
    script = embedding.driver.adapter.script(embedding.driver.calls)
    assert not any(name in script for name in ("conformance", "reference", "reports"))
    variables: dict[str, Any] = {}
    with redirect_stdout(io.StringIO()):
        exec(script, variables)  # noqa: S102 - our own
    return variables


@pytest.mark.parametrize("adapter", ADAPTERS)
@given(case=cases(upstreams=ANY_PALETTE, weights=ANY_PALETTE, lookups=2, writable=True))
@settings(max_examples=40)
def test_the_script_gets_the_same_output_and_gradient(adapter: str, case: Case) -> None:
    embedding = subject(ADAPTERS[adapter]())
    try:
        observed = embedding.run(case)
    except Refused:  # complex weights
        return
    variables = executed(embedding)
    assert from_torch(variables["output"]) == observed.outputs[-1]
    assert from_torch(variables["weight"]) == observed.weight
    gradient = variables["weight"].grad
    assert observed.gradient is not None
    assert from_torch(gradient._values() if gradient.is_sparse else gradient) == observed.gradient.values


def test_a_large_tensor_is_packed() -> None:
    embedding = subject()
    embedding.run(case(65537, 1, (65536,), values=palettes.fill("counting", "float32", (65537,), 0).values()))
    assert len(embedding.driver.adapter.script(embedding.driver.calls)) < 5000
    assert len(executed(embedding)["weight"]) == 65537


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_script_has_the_same_memory_layout(layout: str) -> None:
    plain = case(4, 3, (2, 2, 2, 2), values=[1.0, 2.0, 3.0] * 4)
    lookup = replace(plain.lookups[0], index_layout=layout, upstream_layout=layout)
    embedding = subject()
    embedding.run(replace(plain, lookups=(lookup,), weight_layout=layout))
    variables = executed(embedding)
    tensors = [variables[name] for name in ("weight", "index", "upstream")]
    assert [t.is_contiguous() for t in tensors] == [
        layout in ("contiguous", "sliced"),
        layout not in ("strided", "expanded"),
        layout in ("contiguous", "sliced"),
    ]
    assert [0 in t.stride() for t in tensors] == [layout == "expanded"] * 3
    assert [t.storage_offset() > 0 for t in tensors] == [layout in ("sliced", "columns")] * 3


@pytest.mark.parametrize("freeze", [False, True])
@pytest.mark.parametrize("via", ["assignment", "_weight", "from_pretrained"])
def test_the_weight_gets_in_the_same_way(via: str, freeze: bool) -> None:
    embedding = subject()
    instance = embedding.make(case(padding_idx=1, freeze=freeze), via=via)
    module = executed(embedding)["embedding"]
    assert from_torch(module.weight) == instance.weight()
    assert module.padding_idx == 1
    assert module.weight.requires_grad == (not freeze)


def deep(embedding: Subject) -> None:
    lookups = case().lookups
    instance = embedding.make(case())
    for optimizer in ("SGD", "Adagrad", "SGD"):
        instance.step(optimizer=optimizer, options={"lr": 0.5}, lookups=lookups)
        instance.step(optimizer=optimizer, options={"lr": 0.5, "weight_decay": 0.5}, lookups=lookups)


def cleared(embedding: Subject) -> None:
    instance = embedding.make(case())
    instance.gradient(lookups=case().lookups)
    instance.clear(to_none=True)


def zeroed(embedding: Subject) -> None:
    instance = embedding.make(case())
    instance.gradient(lookups=case().lookups)
    instance.clear(to_none=False)


def edited(embedding: Subject) -> None:
    instance = embedding.make(case())
    instance.mode(training=False)
    instance.freeze(frozen=True)
    instance.edit(weight=case(values=[1.0] * 6).weight)
    instance.given()
    instance.freeze(frozen=False)
    instance.gradient(lookups=case().lookups)


def cast(embedding: Subject) -> None:
    instance = embedding.make(case())
    instance.step(optimizer="SGD", options={"lr": 0.5, "momentum": 0.9}, lookups=case().lookups)
    instance.cast(dtype="float64")
    instance.cast(dtype="float16", by_name=True)
    instance.step(optimizer="SGD", options={"lr": 0.5, "momentum": 0.9}, lookups=case(dtype="float16").lookups)


def together(embedding: Subject) -> None:
    embedding.make(case()).gradient(lookups=case().lookups * 2, together=True)


def loaded(embedding: Subject) -> None:
    embedding.make(case()).load(state={"weight": Tensor.of("float32", (3, 2), [9, 8, 7, 6, 5, float("nan")])})


def overwritten(embedding: Subject) -> None:
    embedding.make(case()).overwrite(lookup=case().lookups[0])


def used_first(embedding: Subject) -> None:
    embedding.make(case()).use_first(lookup=case().lookups[0], clone=True)


def read(embedding: Subject) -> None:
    instance = embedding.make(case())
    instance.attributes()
    instance.state()
    instance.weight()
    instance.forward(lookup=case().lookups[0], no_grad=True, index_device="cpu")
    instance.index_after(lookup=case().lookups[0])
    instance.again(lookup=case().lookups[0])
    instance.second_order(lookup=case().lookups[0], direction=case().weight)
    embedding.signature("constructor")
    embedding.signature("from_pretrained")


@pytest.mark.parametrize("use", [deep, cleared, zeroed, edited, cast, together, loaded, overwritten, used_first, read])
@pytest.mark.parametrize("adapter", ADAPTERS)
def test_the_script_uses_every_verb(adapter: str, use: Callable[[Subject], None]) -> None:
    embedding = subject(ADAPTERS[adapter]())
    with suppress(Unsupported):
        use(embedding)
    here = embedding.driver.adapter.make(case().config, case().weight, device="cpu")
    for verb, arguments, _ in embedding.driver.calls[1:]:
        if verb != "signature":
            getattr(here, verb)(**arguments)
    table, weight = here.table, executed(embedding)["weight"]
    assert (from_torch(weight), weight.requires_grad) == (from_torch(table), table.requires_grad)
    assert (weight.grad is None) == (table.grad is None)
    assert weight.grad is None or torch.equal(weight.grad, table.grad)


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_two_tables_are_in_the_script(adapter: str) -> None:
    embedding = subject(ADAPTERS[adapter]())
    lookups = (*case(index=(0, 1)).lookups, *case(index=(2, 2)).lookups)
    both = embedding.make(case()).beside(weight=case(values=[1.0] * 6).weight, lookups=lookups)
    variables = executed(embedding)
    for name, came in zip(("weight", "other"), both):
        assert came.gradient is not None
        assert from_torch(variables[name].grad) == came.gradient.values


def test_the_functional_form_is_in_the_script() -> None:
    embedding = subject()
    observed = embedding.run(case(padding_idx=1, max_norm=1.0), via="functional")
    variables = executed(embedding)
    assert "torch.nn.functional.embedding" in embedding.driver.adapter.script(embedding.driver.calls)
    assert from_torch(variables["output"]) == observed.output
    assert from_torch(variables["weight"]) == observed.weight


@pytest.mark.parametrize("how", ["deepcopy", "pickle", "save"])
def test_a_script_tells_a_copy_from_its_original(how: str) -> None:
    embedding = subject()
    instance = embedding.make(case())
    copy = instance.copy(how=how)
    copy.load(state={"weight": case(values=[1.0] * 6).weight})
    copy.gradient(lookups=case().lookups)
    variables = executed(embedding)
    assert from_torch(variables["embedding"].weight) == from_torch(variables["weight"]) == instance.weight()
    assert from_torch(variables["embedding2"].weight) == from_torch(variables["weight2"]) == copy.weight()
    assert variables["weight"].grad is None
    assert from_torch(variables["weight2"].grad) == copy.gradient(lookups=()).gradient.values


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_a_script_tells_two_embeddings_apart(adapter: str) -> None:
    embedding = subject(ADAPTERS[adapter]())
    first, second = embedding.make(case()), embedding.make(case(values=[9.0] * 6))
    output = first.forward(lookup=case().lookups[0]).output
    second.step(optimizer="SGD", options={"lr": 0.5}, lookups=case().lookups)
    first.forward(lookup=case().lookups[0])
    first.step(optimizer="SGD", options={"lr": 0.5}, lookups=case().lookups)
    variables = executed(embedding)
    assert from_torch(variables["output"]) == output
    assert from_torch(variables["weight"]) == first.weight()
    assert from_torch(variables["weight2"]) == second.weight()


def test_a_call_that_is_not_provided_is_not_in_the_script() -> None:
    embedding = subject(TorchFunctionalAdapter())
    instance = embedding.make(case())
    with pytest.raises(Unsupported):
        instance.copy(how="deepcopy")
    assert [call.verb for call in embedding.driver.calls] == ["make"]


def test_the_default_dtype_is_in_the_script() -> None:
    embedding = subject()
    embedding.fresh(case().config, via="default_dtype")
    assert executed(embedding)["weight"].dtype is torch.float32
    assert (
        "torch.set_default_dtype(torch.float32)\nembedding = torch.nn.Embedding(3, 2)\n"
        in embedding.driver.adapter.script(embedding.driver.calls)
    )


def test_a_derived_class_is_in_the_script() -> None:
    embedding = subject()
    made = embedding.make(case(), via="subclass").attributes()["class"]
    assert type(executed(embedding)["embedding"]).__name__ == made == "Derived"


def test_meta_is_in_the_script() -> None:
    embedding = subject()
    embedding.fresh(case().config, device="meta").move(device="cpu", empty=True)
    embedding.make(case()).move(device="meta")
    variables = executed(embedding)
    assert (variables["weight"].device.type, variables["weight2"].device.type) == ("cpu", "meta")


def test_resets_and_fresh_weights_are_in_the_script() -> None:
    embedding = subject()
    embedding.fresh(case(padding_idx=0, dtype="float64").config).reset()
    weight = executed(embedding)["weight"]
    assert (weight.shape, weight[0].tolist()) == ((3, 2), [0, 0])


def test_a_class_is_imported_from_where_it_is() -> None:
    adapter = TorchModuleAdapter(MyEmbedding)
    embedding = subject(adapter)
    embedding.run(case(sparse=True, norm_type=float("inf"), max_norm=1.0))
    script = adapter.script(embedding.driver.calls)
    assert f"import {__name__}\n" in script
    made = f'{__name__}.MyEmbedding(3, 2, max_norm=1.0, norm_type=float("inf"), sparse=True, device="cpu"'
    assert made in script
    assert isinstance(executed(embedding)["embedding"], MyEmbedding)
