"""What docs/faq.md shows is what torch does, and the clauses that it names exist."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest
import torch

from embedding_conformance.suite.catalogue import clauses

TEXT = (Path(__file__).parents[2] / "docs" / "faq.md").read_text(encoding="utf-8")
ANSWERS = dict(section.split("\n", 1) for section in re.split(r"^### ", TEXT, flags=re.MULTILINE)[1:])
KNOWN = {clause.id for clause in clauses()}


@pytest.mark.parametrize("question", ANSWERS)
def test_an_answer_names_clauses_that_exist(question: str) -> None:
    (listed,) = re.findall(r"^Clauses: (.+?)\.$", ANSWERS[question], re.MULTILINE | re.DOTALL)
    named = re.findall(r"`([^`]+)`", listed)
    assert named
    assert set(named) <= KNOWN


@pytest.mark.parametrize("question", ANSWERS)
def test_a_demonstration_prints_what_it_shows(question: str) -> None:
    (block,) = re.findall(r"^```python\n(.+?)^```$", ANSWERS[question], re.MULTILINE | re.DOTALL)
    names = {"torch": torch, "nn": torch.nn}
    shown = doctest.DocTestParser().get_doctest(block, names, question, "docs/faq.md", 0)
    said: list[str] = []
    failed = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(shown, out=said.append).failed
    assert not failed, "".join(said)
