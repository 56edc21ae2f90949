"""The reducer ends at the same smallest case, whatever case it starts from."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from embedding_conformance.cases import palettes
from embedding_conformance.cases.case import Case, Life
from embedding_conformance.cases.domain import ANY, ON, Domain, Lives, OneOutOfRange
from embedding_conformance.cases.drawing import cases_in
from embedding_conformance.diagnosis.reduce import reduced
from embedding_conformance.diagnosis.smaller import sizes_of
from examples import case as example

MIXED = Domain(freeze=ANY, weights=palettes.ANY, dtype="float32")

Fault = Callable[[Case], bool]


def is_not_contiguous(case: Case) -> bool:
    return case.weight_layout == "strided" and case.config.sparse


FAULTS: dict[str, tuple[Fault, tuple[int, int, tuple[tuple[int, ...], ...]]]] = {
    "always": (lambda _: True, (1, 1, ((0,),))),
    "one row, two indices": (lambda c: c.config.num_embeddings == 1 and c.index.numel >= 2, (1, 1, ((0, 0),))),
    "three columns": (lambda c: c.config.embedding_dim >= 3 and c.index.numel > 0, (1, 3, ((0,),))),
    "65 indices": (lambda c: c.index.numel >= 65, (1, 1, ((0,) * 65,))),
    "the last row of five": (
        lambda c: c.config.num_embeddings >= 5 and max(c.positions, default=0) >= 4,
        (5, 1, ((4,),)),
    ),
    "padding": (lambda c: c.config.padding_row in c.positions, (1, 1, ((0,),))),
    "a layout and sparse": (is_not_contiguous, (1, 1, ((0,),))),
    "nothing looked up": (lambda c: c.index.numel == 0, (1, 1, ((),))),
}


@pytest.mark.parametrize("least", [0.999, 0.0])
def test_a_row_around_max_norm_has_plain_numbers(least: float) -> None:
    """Whatever its limit, and however many columns it has."""

    def fails(case: Case) -> bool:
        limit = case.config.max_norm or 0.0
        return domain.admits(case) and any(least * limit < norm < limit for norm in case.norms().values())

    domain, ends = Domain(dtype="float32", max_norm=ON), set()
    for limit, columns in ((5.0, 1), (2.5, 3), (1.0, 2)):
        values = [0.9992 * limit if column == columns - 1 else 0.0 for column in range(columns)] * 3
        ends.add(reduced(example(rows=3, dim=columns, values=values, index=(2, 1), max_norm=limit), fails))
    (end,) = ends
    assert (end.config.max_norm, end.weight.numel) == (1.0, 1)


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_has_one_smallest_case(name: str) -> None:
    fault, smallest = FAULTS[name]

    @settings(max_examples=300, derandomize=True, database=None, deadline=None, suppress_health_check=[*HealthCheck])
    @given(cases_in(MIXED))
    def from_anywhere(case: Case) -> None:
        if fault(case):
            ends.add(reduced(case, lambda one: MIXED.admits(one) and fault(one)))

    ends: set[Case] = set()
    from_anywhere()
    assert len(ends) == 1, ends
    (end,) = ends
    sizes = sizes_of(end)
    assert (sizes.rows, sizes.columns, sizes.positions) == smallest
    assert (end.config.max_norm, end.config.freeze, end.index.dtype) == (None, False, "int64")


@settings(max_examples=60, derandomize=True, database=None, deadline=None)
@given(cases_in(MIXED))
def test_what_a_number_must_be_is_kept(case: Case) -> None:
    def is_nan(one: Case) -> bool:
        return MIXED.admits(one) and any(math.isnan(c) for c in one.weight.components())

    if is_nan(case):
        end = reduced(case, is_nan)
        assert end.weight.numel == 1
        assert math.isnan(end.weight.components()[0])


@settings(max_examples=60, derandomize=True, database=None, deadline=None)
@given(cases_in(OneOutOfRange()))
def test_a_domain_is_not_left(case: Case) -> None:
    domain = OneOutOfRange()
    end = reduced(case, domain.admits)
    assert domain.admits(end)
    assert (end.config.num_embeddings, end.config.embedding_dim, end.index.numel) == (1, 1, 1)


@settings(max_examples=60, derandomize=True, database=None, deadline=None)
@given(cases_in(Lives()), st.sampled_from(("cast", "train", "edit")))
def test_a_life_keeps_the_steps_that_it_needs(case: Case, verb: str) -> None:
    def takes(one: Case) -> bool:
        return isinstance(one, Life) and Lives().admits(one) and any(step.verb == verb for step in one.steps)

    if takes(case):
        end = reduced(case, takes)
        assert isinstance(end, Life)
        assert [step.verb for step in end.steps] == [verb]
        assert sizes_of(end).rows == 1


def test_what_stops_to_fail_is_left_as_it_is() -> None:
    """The time for a diagnosis may be over at any moment."""
    budget = iter(range(3))

    @settings(max_examples=1, derandomize=True, database=None)
    @given(cases_in(MIXED))
    def any_case(case: Case) -> None:
        assert isinstance(reduced(case, lambda _: next(budget, None) is not None), Case)

    any_case()
