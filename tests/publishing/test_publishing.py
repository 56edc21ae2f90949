"""The release matrix: what tox runs for each release of torch, and what is published of it."""

from __future__ import annotations

import configparser
import os
import platform
import re
import subprocess
import sys
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import torch

from embedding_conformance.suite.catalogue import clauses
from embedding_reports.model.summary import absence
from embedding_reports.pages.html import render
from embedding_reports.results import read

ROOT = Path(__file__).parents[2]
TOX = configparser.RawConfigParser()
TOX.read(ROOT / "tox.ini", encoding="utf-8")
MATRIX = next(section for section in TOX.sections() if section.startswith("testenv:{") and "torch{" in section)


@pytest.fixture
def publish(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module that publishes; `publishing` is a folder of scripts."""
    monkeypatch.syspath_prepend(ROOT / "publishing")
    return import_module("publish")


@pytest.fixture
def reproduce(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module that runs scripts."""
    monkeypatch.syspath_prepend(ROOT / "publishing")
    return import_module("reproduce")


def releases(text: str) -> list[str]:
    """The minor releases in `torch{...}`."""
    return re.findall(r"torch\{([\d.,]+)\}", text)[0].split(",")


def install(results: Path, release: str) -> int:
    """Run what installs a release, with no index to install anything from."""
    command = [sys.executable, str(ROOT / "publishing" / "install.py"), str(results), release]
    return subprocess.run(command, check=False, env={**os.environ, "PIP_NO_INDEX": "1"}).returncode  # noqa: S603


def test_every_release_is_run_installed_and_merged() -> None:
    wanted = releases(TOX["tox"]["env_list"])
    assert wanted == releases(MATRIX) == releases(TOX["testenv:report"]["depends"])
    installed = re.findall(r"torch([\d.]+): \{\[matrix\]install\} ([\d.]+)", TOX[MATRIX]["commands_pre"])
    assert [minor for minor, _ in installed] == wanted
    assert all(patch.startswith(f"{minor}.") for minor, patch in installed)


def test_what_cannot_be_installed_leaves_results_that_say_so(tmp_path: Path) -> None:
    """What is missing is named whatever pip prints."""
    results = tmp_path / "torch0.0.json"
    assert install(results, "0.0.1") != 0
    assert str(absence(read(results))).startswith(
        f"pip install torch==0.0.1 failed on Python {platform.python_version()} with status "
    )


@pytest.mark.parametrize(
    ("stderr", "reason"),
    [
        ("ERROR: No matching distribution found for torch==0.0.1\n", "No matching distribution found for torch==0.0.1"),
        (
            "ERROR: Cannot install torch==0.0.1\n\nThe conflict is ...\nERROR: ResolutionImpossible: for help visit https://x\n",
            "Cannot install torch==0.0.1",
        ),
        ("Traceback\nImportError: no libcuda\n", "ImportError: no libcuda"),
        ("", ""),
    ],
)
def test_the_reason_is_what_was_said_of_the_failure(stderr: str, reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "publishing")
    assert import_module("install")._reason(stderr) == reason


def test_until_the_suite_has_run_results_say_that_it_has_not(tmp_path: Path) -> None:
    results = tmp_path / "torch.json"
    assert install(results, version("torch").partition("+")[0]) == 0
    assert absence(read(results)) == "the run ended before its results were written"


def test_pages_are_made_of_the_published_results(publish: Any) -> None:
    documents = publish.published()
    assert (ROOT / "docs" / "torch-releases.md").read_text(encoding="utf-8") == publish.releases.rendered(documents)
    assert (publish.PUBLISHED / "torch.html").read_text(encoding="utf-8") == render(documents)


def test_the_scoreboard_is_made_of_the_published_results(publish: Any) -> None:
    documents = publish.implementations()
    page = publish.scoreboard.rendered(documents, publish.scripts())
    assert (ROOT / "docs" / "scoreboard.md").read_text(encoding="utf-8") == page
    assert (publish.PUBLISHED / "scoreboard.html").read_text(encoding="utf-8") == render(documents)


def test_every_deviation_on_the_scoreboard_has_a_script(publish: Any) -> None:
    scripts = publish.scripts()
    for document in publish.implementations():
        target = publish.scoreboard.target_of(document)
        shown = {c for script in publish.scoreboard.reproductions(document, scripts) for c in script.clauses}
        missing = {clause for clause, _ in publish.scoreboard.deviating(document)} - shown
        assert not missing, f"reports/published/scripts/{target} has no script for {missing}"


def test_every_script_is_about_a_clause_that_there_is(publish: Any) -> None:
    known = {clause.id for clause in clauses()}
    assert {clause for found in publish.scripts().values() for script in found for clause in script.clauses} <= known


SCRIPTS = sorted((ROOT / "reports" / "published" / "scripts").glob("*/*.py"))


@pytest.mark.parametrize("script", SCRIPTS, ids=[f"{path.parent.name}/{path.stem}" for path in SCRIPTS])
def test_each_script_shows_its_deviation_where_the_framework_is_installed(script: Path, reproduce: Any) -> None:
    if script.parent.name.endswith("-cuda") and not torch.cuda.is_available():
        pytest.skip("each would take seconds to say that there is no CUDA")
    came = reproduce.outcome(script)
    if came == "not installed":
        pytest.skip(came)
    assert came == "reproduced"


def test_every_release_of_the_matrix_is_published(publish: Any) -> None:
    names = {path.stem for path in publish.PUBLISHED.glob("torch-[0-9]*.json")}
    patches = re.findall(r"\{\[matrix\]install\} ([\d.]+)", TOX[MATRIX]["commands_pre"])
    assert {f"torch-{patch}" for patch in patches} <= names


def test_results_keep_their_name_and_verdicts_when_they_are_published(publish: Any) -> None:
    for path in publish.PUBLISHED.glob("*.json"):
        document = read(path)
        assert publish.name_of(document) == path.stem
        assert publish.slim(document) == document


@pytest.mark.parametrize(
    ("text", "came"),
    [
        ("raise SystemExit(0)", "reproduced"),
        ("raise SystemExit(1)", "no longer deviates"),
        ("import sys; sys.stderr.write('hello'); sys.exit(1)", "no longer deviates"),
        ("import nowhere", "not installed"),
        ("raise AssertionError('Torch not compiled with CUDA enabled')", "not installed"),
        ("1 / 0", "failed with status 1: ZeroDivisionError: division by zero"),
    ],
)
def test_what_came_of_a_script_is_told(tmp_path: Path, reproduce: Any, text: str, came: str) -> None:
    (tmp_path / "script.py").write_text(text, encoding="utf-8")
    assert reproduce.outcome(tmp_path / "script.py") == came
