"""Each planted fault is one: it shows, without the suite."""

from __future__ import annotations

import re
import warnings
from typing import Any

import pytest
import torch

from planted import FAULTS, name_of
from trigger import Signatures
from twin import Twin

EACH = pytest.mark.parametrize("fault", FAULTS, ids=name_of)


def seen(fault: type[Twin], embedding: Any) -> Any:
    """What a fault's trigger shows of an embedding."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of sparse tensors in CSR, for one
        return fault.trigger.seen(embedding, fault.dtype)


@EACH
def test_a_fault_is_described(fault: type[Twin]) -> None:
    """It says in one sentence what is wrong with it, how hard that is to hit, where it shows and what rejects it."""
    assert bool(vars(fault)["__doc__"]) != bool(fault.model)  # one of the two says what is wrong
    assert re.fullmatch(r"[^\n]+[^.]\.", fault.says())
    assert ". " not in fault.says()
    assert fault.grade in {"easy", "medium", "rare"}
    assert "trigger" in vars(fault)
    assert fault.trips


@EACH
def test_a_fault_differs_from_the_twin(fault: type[Twin]) -> None:
    """It is wrong, where its trigger looks."""
    assert seen(fault, fault) != seen(fault, Twin)


@EACH
def test_the_twin_is_like_torch(fault: type[Twin]) -> None:
    """There the twin is like torch, unless torch is wrong itself."""
    assert (seen(fault, Twin) == seen(fault, torch.nn.Embedding)) == fault.trigger.alike


@EACH
def test_only_a_fault_of_the_signature_changes_it(fault: type[Twin]) -> None:
    """A fault is wrong in one way: unless it is about the signature, no clause of the signature rejects it."""
    about = any(clause.endswith("signature") for clause in fault.trips)
    assert about == (Signatures().look(fault) != Signatures().look(Twin))


def test_no_two_faults_have_one_name() -> None:
    """A name says which fault is meant."""
    assert len(FAULTS) == len({name_of(fault) for fault in FAULTS})
