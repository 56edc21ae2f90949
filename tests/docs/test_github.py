"""What GitHub reads: the project's own checks are those of .ci/run, and forms ask for what an issue needs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
CI = ROOT / ".github" / "workflows" / "ci.yml"
JOB = yaml.safe_load(CI.read_text(encoding="utf-8"))["jobs"]["tox"]
FORMS = sorted(path for path in (ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml") if path.name != "config.yml")


def test_the_checks_on_github_are_those_of_the_script() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    wanted = re.findall(r"^python -m tox run -e (.+)$", script, re.MULTILINE)
    assert [each["run"] for each in JOB["strategy"]["matrix"]["include"]] == wanted
    assert [step["run"] for step in JOB["steps"] if step.get("name") == "Run"] == ["python -m tox run -e $RUN"]


def test_actions_are_pinned_to_a_commit() -> None:
    """A tag can be moved; the comment says which release the commit is."""
    used = re.findall(r"uses: (.+)$", CI.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(used) == len([step for step in JOB["steps"] if "uses" in step])
    for action in used:
        assert re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40}  # v\d+\.\d+\.\d+", action)


def test_nothing_that_is_checked_out_keeps_credentials() -> None:
    (checkout,) = [step for step in JOB["steps"] if step.get("uses", "").startswith("actions/checkout@")]
    assert checkout["with"] == {"persist-credentials": False}


def test_there_is_a_form_for_each_kind_of_issue() -> None:
    assert [path.stem for path in FORMS] == ["false-accusation", "missed-fault", "new-framework"]


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.stem)
def test_a_form_has_fields_with_names_of_their_own(form: Path) -> None:
    """What GitHub's schema of forms leaves open."""
    fields: list[dict[str, Any]] = yaml.safe_load(form.read_text(encoding="utf-8"))["body"]
    ids = [field["id"] for field in fields]
    labels = [field["attributes"]["label"] for field in fields]
    assert len(set(ids)) == len(ids)
    assert len(set(labels)) == len(labels)
    assert any(field.get("validations", {}).get("required") for field in fields)
