"""The partitions of a lookup agree with what it was, and only lookups that were made have any."""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given

from embedding_conformance.adapters.torch.module import TorchModuleAdapter
from embedding_conformance.adapters.torch.tensors import to_torch
from embedding_conformance.boundary.observations import Call
from embedding_conformance.boundary.refusals import Refused
from embedding_conformance.cases.case import LAYOUTS, Case
from embedding_conformance.cases.domain import ANY
from embedding_conformance.cases.strategies import cases
from embedding_conformance.judging.partitions import ARGUMENTS, Partitions, features, partitions_of_calls
from embedding_conformance.judging.subject import Subject
from embedding_reference import Tensor
from examples import case, of_case


def named(partitions: Partitions) -> dict[str, str | None]:
    return dict(zip(ARGUMENTS, partitions, strict=True))


def only(found: set[Partitions]) -> dict[str, str | None]:
    (partitions,) = found
    return named(partitions)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (case(), {"padding_idx": "None", "pads": None, "duplicates": "no", "index_numel": "2-32", "index_ndim": "1"}),
        (case(padding_idx=0), {"padding_idx": "first", "pads": "some"}),
        (case(padding_idx=1), {"padding_idx": "inner"}),
        (case(padding_idx=2), {"padding_idx": "last", "pads": "none"}),
        (case(padding_idx=-2, index=[1, 1]), {"padding_idx": "negative", "pads": "only", "duplicates": "yes"}),
        (case(padding_idx=0, index=[]), {"pads": "none", "index_numel": "0"}),
        (case(index=[0]), {"index_numel": "1"}),
        (case(index=[0] * 33), {"index_numel": "33-256"}),
        (case(index=[0] * 1024), {"index_numel": "257-1024"}),
        (case(index=[0] * 1025), {"index_numel": "1025+"}),
        (case(), {"max_norm": "None", "norm_type": None}),
        (case(max_norm=3.7), {"max_norm": "not exceeded", "norm_type": "2"}),  # rows 0, 1 and 2, 3; 4, 5 is not used
        (case(max_norm=3.6), {"max_norm": "exceeded"}),
        (case(max_norm=3.6, norm_type=math.inf), {"max_norm": "not exceeded", "norm_type": "inf"}),
        (case(max_norm=3.6, norm_type=0.5), {"max_norm": "exceeded", "norm_type": "fraction"}),
        (case(), {"scale_grad_by_freq": "False", "sparse": "False", "freeze": "False", "backward": "yes"}),
        (case(sparse=True, scale_grad_by_freq=True), {"scale_grad_by_freq": "True", "sparse": "True"}),
        (
            case(freeze=True, sparse=True),
            {"freeze": "True", "backward": "no", "sparse": None, "scale_grad_by_freq": None, "upstream_layout": None},
        ),
    ],
)
def test_partitions(given: Case, expected: dict[str, str | None]) -> None:
    found = only(of_case(given))
    assert {name: found[name] for name in expected} == expected


@pytest.mark.parametrize(
    "shape", [(), (0,), (1,), (3,), (1, 1), (1, 3), (3, 1), (2, 3), (2, 1, 2), (1, 2, 2), (2, 2, 1)]
)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_layout_counts_where_torch_lays_the_tensor_out_that_way(shape: tuple[int, ...], layout: str) -> None:
    index = Tensor.of("int64", shape, [0] * math.prod(shape))
    lookup = replace(case().lookups[0], index=index, index_layout=layout)
    found = only(of_case(replace(case(), lookups=(lookup,))))["index_layout"]
    laid_out = to_torch(index, layout=layout)
    plain = laid_out.is_contiguous() and not laid_out.storage_offset()
    assert found == ("contiguous" if plain else layout)


@given(cases(freeze=ANY, lookups=2, large=False))
def test_a_partition_has_the_features_that_it_implies(case: Case) -> None:
    for lookup, found in zip(case.lookups, case.each_features, strict=True):
        for argument, name in only(of_case(replace(case, lookups=(lookup,)))).items():
            implied = features(argument, name) if name else {}
            assert implied == {feature: found[feature] for feature in implied}


def subject() -> Subject:
    adapter = TorchModuleAdapter()
    return Subject(adapter, adapter.describe(), "float32", "cpu")


def counted(given: Case, verb: str = "gradient", **arguments: Any) -> set[Partitions]:
    """The partitions that are counted after one call with the case's lookup, even if it was refused."""
    embedding = subject()
    instance = embedding.make(given)
    lookups = {"lookup": given.lookups[0]} if verb == "forward" else {"lookups": given.lookups}
    with suppress(Refused):
        getattr(instance, verb)(**lookups, **arguments)
    return partitions_of_calls(embedding.driver.calls, "float32", "cpu")


def test_what_acts_in_the_backward_counts_where_there_was_one() -> None:
    forward, backward = only(counted(case(sparse=True), "forward")), only(counted(case(sparse=True)))
    assert (forward["backward"], forward["sparse"], forward["upstream_layout"]) == ("no", None, None)
    assert (backward["backward"], backward["sparse"], backward["upstream_layout"]) == ("yes", "True", "contiguous")
    assert counted(case(), "step", optimizer="SGD", options={"lr": 1.0}) == counted(case())


def test_a_pair_that_may_be_refused_counts() -> None:
    found = only(counted(case(sparse=True, scale_grad_by_freq=True)))
    assert (found["sparse"], found["scale_grad_by_freq"]) == ("True", "True")


def test_a_lookup_that_must_be_refused_does_not_count() -> None:
    assert counted(case(index=[0, 3]), "forward") == counted(case(index=[-1]), "forward") == set()


def test_an_embedding_that_is_not_looked_up_does_not_count() -> None:
    embedding = subject()
    embedding.make(case()).attributes()
    embedding.fresh(case().config).weight()
    assert partitions_of_calls(embedding.driver.calls, "float32", "cpu") == set()


def calls_of(given: Case, *calls: Call) -> list[dict[str, str | None]]:
    """What is counted of calls of an embedding made for a case, in no order."""
    made = {"config": given.config, "weight": given.weight, "layout": given.weight_layout, "device": "cpu"}
    return [named(partitions) for partitions in partitions_of_calls([Call("make", made), *calls], "float32", "cpu")]


LOOK_UP = Call("forward", {"lookup": case().lookups[0]}, 1)


@pytest.mark.parametrize(
    ("call", "known"),
    [
        (Call("attributes", {}, 1), "exceeded"),
        (Call("mode", {"training": False}, 1), "exceeded"),
        (Call("edit", {"weight": case().weight}, 1), None),
        (Call("load", {"state": {}}, 1), None),
        (Call("reset", {}, 1), None),
    ],
)
def test_whether_max_norm_is_exceeded_is_said_of_a_weight_that_is_known(call: Call, known: str | None) -> None:
    (found,) = calls_of(case(max_norm=1.0), call, LOOK_UP)
    assert (found["max_norm"], found["norm_type"]) == (known, "2")


def test_a_lookup_may_rescale_for_the_next() -> None:
    twice = calls_of(case(max_norm=1.0), LOOK_UP, LOOK_UP)
    assert {found["max_norm"] for found in twice} == {"exceeded", None}
    assert calls_of(case(), LOOK_UP, LOOK_UP) == calls_of(case(), LOOK_UP)


def test_each_embedding_has_arguments_of_its_own() -> None:
    other = {"config": case(padding_idx=0).config, "weight": None, "dtype": "float32", "device": "cpu"}
    found = calls_of(case(freeze=True), Call("make", other), Call("copy", {"how": "pickle"}, 1), LOOK_UP)
    assert [each["padding_idx"] for each in found] == ["None"]
    (found_of_other,) = calls_of(case(freeze=True), Call("make", other), LOOK_UP._replace(on=2))
    assert (found_of_other["padding_idx"], found_of_other["freeze"]) == ("first", "False")
    (found_of_copy,) = calls_of(case(freeze=True), Call("copy", {"how": "pickle"}, 1), LOOK_UP._replace(on=2))
    assert (found_of_copy["freeze"], found_of_copy["weight_layout"]) == ("True", None)


def test_freezing_and_casting_are_followed() -> None:
    backward = Call("gradient", {"lookups": case().lookups}, 1)
    freeze = Call("freeze", {"frozen": True}, 1)
    assert {(each["freeze"], each["backward"]) for each in calls_of(case(), backward, freeze, LOOK_UP)} == {
        ("False", "yes"),
        ("True", "no"),
    }
    cast = Call("gradient", {"lookups": case(dtype="float64").lookups}, 1)
    assert calls_of(case(), Call("cast", {"dtype": "float64"}, 1), cast) == []


@pytest.mark.parametrize(
    "calls",
    [
        [Call("move", {"device": "meta"}, 1), LOOK_UP],
        [Call("forward", {"lookup": case().lookups[0], "index_device": "meta"}, 1)],
        [Call("make", {"config": case().config, "weight": None, "device": "meta"}), LOOK_UP._replace(on=2)],
    ],
    ids=["embedding moved", "index elsewhere", "embedding elsewhere"],
)
def test_what_is_looked_up_on_another_device_does_not_count(calls: list[Call]) -> None:
    assert calls_of(case(), *calls) == []


def test_two_lookups_of_one_case_count_each() -> None:
    one, other = case(), case(index=[1, 1])
    assert of_case(replace(one, lookups=one.lookups + other.lookups)) == of_case(one) | of_case(other)
    assert len(of_case(replace(one, lookups=one.lookups * 2))) == 1
