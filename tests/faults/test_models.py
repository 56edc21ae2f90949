"""A planted fault that names a fault model does what that does, wherever it shows in the answer to a case."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest
import torch

from observing import answers, cases_for
from planted import FAULTS, name_of
from twin import Twin

MODELLED = [fault for fault in FAULTS if fault.model]
DRAWN = 16
"""Cases that are drawn on the fault's own dtype; a quarter as many on each other one."""


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Tensors are small: several threads would only wait for one another."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_most_faults_have_a_model() -> None:
    """But for those in use, few of which show in the answer to a case."""
    others = [fault for fault in FAULTS if fault.__module__ != "faulty_in_use"]
    assert len(MODELLED) >= 0.6 * len(others)


@pytest.mark.parametrize("fault", MODELLED, ids=name_of)
def test_a_fault_does_what_its_model_does(fault: type[Twin]) -> None:
    assert fault.model
    found: Counter[bool] = Counter()
    for case in cases_for(fault, DRAWN):
        for answer in answers(fault, case):
            if not answer.is_permitted_by(case.config):
                found[answer.is_permitted_by(fault.model.of(case.config))] += 1
    assert found[True], f"no answer is what the model permits: {dict(found)}"
    assert not found[False]


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault.where or fault.setting], ids=name_of)
def test_only_a_fault_with_a_model_shows_somewhere_alone(fault: type[Twin]) -> None:
    """Where it shows is the end of a sentence that begins with the model's."""
    assert fault.model
    assert fault.says().endswith(f", {fault.where}." if fault.where else fault.model.sentence())
