"""One fault is one cause, however many clauses it breaks; two faults are two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import torch
from torch import nn

from embedding_conformance import Checked, Profile, check
from embedding_conformance.diagnosis.causes import SENTENCES, causes_of
from embedding_conformance.diagnosis.shown import Shown
from embedding_conformance.judging.clause import Clause
from embedding_conformance.suite.catalogue import clauses
from embedding_reports.condition import Condition
from embedding_reports.outcomes import Outcome
from embedding_reports.records import Evidence

LOOKUPS = "lookup.bits,lookup.functional,lookup.one-hot,padding_idx.output,max_norm.output,module.mode,gradient.sum"


class OfOneRow(nn.Embedding):
    """Doubles the output of two lookups or more in a table of one row."""

    def forward(self, index: torch.Tensor) -> torch.Tensor:
        """Look up."""
        output = super().forward(index)
        return output * 2 if self.num_embeddings == 1 and index.numel() > 1 else output


class OfTwoFaults(OfOneRow):
    """Refuses an index of three dimensions, too."""

    def forward(self, index: torch.Tensor) -> torch.Tensor:
        """Look up."""
        if index.dim() == 3:
            raise NotImplementedError("three dimensions")
        return super().forward(index)


def found(embedding: type[nn.Embedding], selected: str = LOOKUPS, dtypes: str = "float32,bfloat16") -> Checked:
    profile = Profile("some", examples=60, enough=6)
    return check(embedding, profile=profile, clauses=selected, dtypes=dtypes, isolation="none", seed=1)


@pytest.fixture(scope="module")
def of_one_row() -> Checked:
    """A fault in one line."""
    return found(OfOneRow)


def test_a_fault_is_one_cause(of_one_row: Checked) -> None:
    (cause,) = of_one_row.causes
    assert cause.plainest == "lookup.bits"
    assert cause.pattern == "num_embeddings = 1 and index_numel >= 2"
    assert cause.does == "The output is twice the row."
    assert set(cause.clauses) == set(LOOKUPS.split(","))
    assert cause.dtypes == ("float32", "bfloat16")
    assert cause.deviating > 0.95 * cause.covered
    assert cause.outside > 50


def test_its_smallest_case_is_the_plainest_there_is(of_one_row: Checked) -> None:
    shown = of_one_row.causes[0].evidence.case_repr
    assert shown.startswith(
        'Case(config=Config(num_embeddings=1, embedding_dim=1), weight=Tensor.of("float32", (1, 1),'
    )
    assert 'index=Tensor.of("int64", (2,), [0, 0])' in shown


def test_each_clause_was_tested_beyond_the_cause(of_one_row: Checked) -> None:
    assert {verdict.outcome for verdict in of_one_row.verdicts} == {Outcome.DEVIATES}
    assert {verdict.causes for verdict in of_one_row.verdicts} == {(1,)}
    assert all(verdict.exercised >= 20 for verdict in of_one_row.verdicts)


def test_the_summary_is_short_and_says_it(of_one_row: Checked) -> None:
    told = str(of_one_row).splitlines()
    assert len(told) < 12
    assert told[0] == "cause 1: lookup.bits [MUST]: The output is twice the row."


def test_a_second_fault_is_a_second_cause() -> None:
    causes = {cause.pattern: cause for cause in found(OfTwoFaults).causes}
    assert set(causes) == {"num_embeddings = 1 and index_numel >= 2", "index_ndim = 3"}
    assert causes["index_ndim = 3"].does == "a call that the contract allows was refused"
    assert "NotImplementedError: three dimensions" in causes["index_ndim = 3"].evidence.observed


class DoublesWhatIsFrozen(nn.Embedding):
    """Doubles the output of a frozen weight."""

    def forward(self, index: torch.Tensor) -> torch.Tensor:
        """Look up."""
        output = super().forward(index)
        return output if self.weight.requires_grad else output * 2


def test_a_life_that_comes_to_a_cause_shows_that_cause() -> None:
    """It is frozen in its course, and was not when it began."""
    checked = check(
        DoublesWhatIsFrozen,
        profile=Profile("some", examples=40, enough=6),
        clauses=("lookup.bits", "sequences.life"),
        dtypes="float32",
        isolation="none",
        seed=1,
    )
    (cause,) = checked.causes
    assert (cause.clauses, cause.pattern) == (("lookup.bits", "sequences.life"), "freeze = true")
    assert all(verdict.exercised >= 6 for verdict in checked.verdicts)


def shown(clause: str, *where: Condition, symptom: str = "", models: Sequence[str] = (), sure: bool = False) -> Shown:
    """A finding whose cases tell nothing."""
    evidence = Evidence("wrong", None, "", "this", "that")
    arguments = tuple(one.feature for one in where if one.values)
    fault, deviating = (models[0] if sure else None), ({"sparse": True},) if models else ()
    return Shown(
        clause,
        "float32",
        "cpu",
        symptom,
        where,
        "wrong",
        fault,
        tuple(models),
        deviating,
        (),
        (0,),
        arguments,
        evidence,
    )


CONTRACT: tuple[Clause, ...] = clauses()
SPARSE, OFTEN = Condition("sparse", (True,)), Condition("index_numel", least=2)


def test_findings_with_one_pattern_are_of_one_cause() -> None:
    same = [shown("module.mode", SPARSE), shown("sparse.values", SPARSE), shown("lookup.bits", OFTEN)]
    (first, members), (second, _) = causes_of(same, CONTRACT)
    assert (first.plainest, first.clauses) == ("sparse.values", ("sparse.values", "module.mode"))
    assert [one.clause for one in members] == ["sparse.values", "module.mode"]
    assert (second.number, second.plainest) == (2, "lookup.bits")


def test_without_a_pattern_only_the_same_thing_is_of_one_cause() -> None:
    apart = [shown("lookup.bits", symptom="raises TypeError"), shown("gradient.sum", symptom="raises ValueError")]
    assert len(causes_of(apart, CONTRACT)) == 2
    assert len(causes_of([*apart, *apart], CONTRACT)) == 2


def test_what_breaks_a_must_comes_first() -> None:
    mixed = [shown("max_norm.frozen", SPARSE), shown("lookup.bits", OFTEN)]
    assert [cause.plainest for cause, _ in causes_of(mixed, CONTRACT)] == ["lookup.bits", "max_norm.frozen"]


def test_findings_of_which_one_explains_the_other_are_of_one_cause() -> None:
    few = shown("module.cast", OFTEN, symptom="a layout", models=("StaysDense", "UsesNoArguments"))
    many = shown("lookup.bits", SPARSE, models=("IgnoresPadding", "UsesNoArguments"), sure=True)
    more = shown("padding_idx.none", symptom="a row", models=("UsesNoArguments", "StaysDense"), sure=True)
    other = shown("gradient.sum", symptom="raises TypeError", models=("DoublesTheGradient",))
    (first, _), (second, _) = causes_of([few, many, more, other], CONTRACT)
    assert set(first.clauses) == {"module.cast", "lookup.bits", "padding_idx.none"}
    assert (first.fault, first.does) == ("UsesNoArguments", SENTENCES["UsesNoArguments"])
    assert second.clauses == ("gradient.sum",)


def test_a_model_that_explains_none_for_sure_makes_no_cause() -> None:
    unsure = [
        shown("module.cast", OFTEN, models=("StaysDense",)),
        shown("gradient.sum", symptom="x", models=("StaysDense",)),
    ]
    assert len(causes_of(unsure, CONTRACT)) == 2


def cases(*, deviating: Sequence[bool], conforming: Sequence[bool] = (), **more: Any) -> Shown:
    """A finding of some cases, which differ in whether `sparse` is set."""
    features = [tuple({"sparse": value} for value in values) for values in (deviating, conforming)]
    return replace(shown(**more), deviating=features[0], conforming=features[1])


def test_what_shows_in_just_the_cases_of_a_cause_follows_from_it() -> None:
    cause = cases(clause="sparse.layout", symptom="a layout", deviating=[True], conforming=[False])
    cause = replace(cause, where=(SPARSE,))
    refused = partial(cases, clause="padding_idx.training", symptom="raises TypeError", deviating=[True] * 3)
    (one,) = causes_of([cause, refused(conforming=[False])], CONTRACT)
    assert (one[0].plainest, one[0].clauses) == ("sparse.layout", ("sparse.layout", "padding_idx.training"))
    assert (one[0].where, one[0].deviating, one[0].covered) == ((SPARSE,), 1, 1)
    assert len(causes_of([cause, refused(conforming=[True])], CONTRACT)) == 2
    assert len(causes_of([cause, refused()], CONTRACT)) == 2
    assert len(causes_of([cause, refused(conforming=[False])], CONTRACT, consequences=False)) == 2


def test_about_one_argument_what_always_deviates_is_one_cause() -> None:
    keys = shown("module.state", symptom="the keys")
    refused = shown("module.load", symptom="raises RuntimeError")
    life = shown("sequences.life", symptom="raises RuntimeError")
    (one,) = causes_of([life, refused, keys], CONTRACT)
    assert one[0].plainest == "module.state"
    assert set(one[0].clauses) == {"module.state", "module.load", "sequences.life"}
    elsewhere = shown("construction.signature", symptom="a signature")
    assert len(causes_of([refused, keys, elsewhere], CONTRACT)) == 2


def test_two_that_are_explained_are_two_causes() -> None:
    one, other = (
        shown(f"sparse.{name}", symptom=name, models=(model,), sure=True)
        for name, model in (("layout", "StaysDense"), ("values", "DoublesTheGradient"))
    )
    assert len(causes_of([one, other], CONTRACT)) == 2
    assert len(causes_of([one, replace(other, fault=None)], CONTRACT)) == 1


def test_a_gradient_that_nothing_explains_is_no_fault_of_the_output() -> None:
    output = shown("max_norm.renormalises", models=("RewritesRowsBelow",), sure=True)
    gradient = shown("lookup.refusal-keeps-gradient")
    changed = replace(gradient, evidence=replace(gradient.evidence, summary="gradient differs"))
    assert len(causes_of([output, changed], CONTRACT)) == 2
    assert len(causes_of([output, gradient], CONTRACT)) == 1
