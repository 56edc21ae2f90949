"""The release matrix: what tox runs for each release of torch, and what is published of it."""

from __future__ import annotations

import configparser
import os
import platform
import re
import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from functools import cache
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
from processes import python

ROOT = Path(__file__).parents[2]
TOX = configparser.RawConfigParser()
TOX.read(ROOT / "tox.ini", encoding="utf-8")
RELEASES = TOX["torch"]["releases"].split()


@pytest.fixture(scope="module")
def publish() -> Iterator[Any]:
    """The module that publishes, which reads what is published once; `publishing` is a folder of scripts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "publishing")
        module = import_module("publish")
        for name in ("published", "implementations"):
            patch.setattr(module, name, cache(getattr(module, name)))
        yield module


@pytest.fixture
def reproduce(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module that runs scripts."""
    monkeypatch.syspath_prepend(ROOT / "publishing")
    return import_module("reproduce")


def install(results: Path, release: str) -> int:
    """Run what installs a release, with no index to install anything from."""
    command = [sys.executable, str(ROOT / "publishing" / "install.py"), str(results), release]
    return subprocess.run(command, check=False, env={**os.environ, "PIP_NO_INDEX": "1"}).returncode  # noqa: S603


def test_every_release_is_run_installed_and_merged() -> None:
    """What tox makes of its file, of which the environments of the releases are no part."""
    made = configparser.RawConfigParser()
    made.read_string(python("-m", "tox", "config", "-k", "commands_pre", "commands", "depends", folder=ROOT).stdout)
    wanted = {f"torch{release.rpartition('.')[0]}": release for release in RELEASES}
    *_, newest = wanted
    wanted |= {f"py3.{minor}-{newest}": wanted[newest] for minor in (12, 13, 14)}
    assert made.sections() == [f"testenv:{name}" for name in (*wanted, "report")]
    assert made["testenv:report"]["depends"].split() == list(wanted)
    merged = re.search(r"embedding-conformance report '(.+?)'", made["testenv:report"]["commands"])
    for name, release in wanted.items():
        results = str(ROOT / "reports" / "out" / f"{name}.json")
        assert made[f"testenv:{name}"]["commands_pre"].split()[-2:] == [results, release]
        assert f"--embedding-results {results}" in made[f"testenv:{name}"]["commands"]
        assert merged
        assert fnmatch(results, merged[1])


def test_what_cannot_be_installed_leaves_results_with_the_reason(tmp_path: Path) -> None:
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
def test_the_reason_of_a_failure(stderr: str, reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "publishing")
    assert import_module("install")._reason(stderr) == reason


def test_until_the_suite_has_run_the_results_are_those_of_a_run_that_was_not_made(tmp_path: Path) -> None:
    results = tmp_path / "torch.json"
    assert install(results, version("torch").partition("+")[0]) == 0
    assert absence(read(results)) == "the run ended before its results were written"


def test_pages_are_made_of_the_published_results(publish: Any) -> None:
    runs = publish.published()
    page = (ROOT / "docs" / "torch-releases.md").read_text(encoding="utf-8")
    assert page == publish.docs_torch_releases.rendered(runs)
    assert (publish.PUBLISHED / "torch.html").read_text(encoding="utf-8") == render(runs)


def test_the_scoreboard_is_made_of_the_published_results(publish: Any) -> None:
    runs = publish.implementations()
    page = publish.docs_scoreboard.rendered(runs, publish.scripts())
    assert (ROOT / "docs" / "scoreboard.md").read_text(encoding="utf-8") == page
    assert (publish.PUBLISHED / "scoreboard.html").read_text(encoding="utf-8") == render(runs)


def test_every_deviation_on_the_scoreboard_has_a_script(publish: Any) -> None:
    scripts = publish.scripts()
    for run in publish.implementations():
        target = publish.docs_scoreboard.target_of(run)
        shown = {c for script in publish.docs_scoreboard.reproductions(run, scripts) for c in script.clauses}
        missing = {clause for clause, _ in publish.docs_scoreboard.deviating(run)} - shown
        assert not missing, f"reports/published/scripts/{target} has no script for {missing}"


def test_every_script_is_about_a_clause_that_there_is(publish: Any) -> None:
    known = {clause.id for clause in clauses()}
    assert {clause for found in publish.scripts().values() for script in found for clause in script.clauses} <= known


SCRIPTS = sorted((ROOT / "reports" / "published" / "scripts").glob("*/*.py"))


@pytest.mark.parametrize("script", SCRIPTS, ids=[f"{path.parent.name}/{path.stem}" for path in SCRIPTS])
def test_each_script_shows_its_deviation_where_the_framework_is_installed(script: Path, reproduce: Any) -> None:
    if script.parent.name.endswith("-cuda") and not torch.cuda.is_available():
        pytest.skip("each would take seconds to say that there is no CUDA")
    outcome = reproduce.told(python(str(script), folder=script.parent))
    if outcome == "not installed":
        pytest.skip(outcome)
    assert outcome == "reproduced"


def test_every_release_of_the_matrix_is_published(publish: Any) -> None:
    names = {path.stem for path in publish.PUBLISHED.glob("torch-[0-9]*.json")}
    assert {f"torch-{release}" for release in RELEASES} <= names


def test_results_keep_their_name_and_verdicts_when_they_are_published(publish: Any) -> None:
    for path in publish.PUBLISHED.glob("*.json"):
        run = read(path)
        assert publish.name_of(run) == path.stem
        assert publish.slim(run) == run


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("raise SystemExit(0)", "reproduced"),
        ("raise SystemExit(1)", "no longer deviates"),
        ("import sys; sys.stderr.write('hello'); sys.exit(1)", "no longer deviates"),
        ("import nowhere", "not installed"),
        ("raise AssertionError('Torch not compiled with CUDA enabled')", "not installed"),
        ("1 / 0", "failed with status 1: ZeroDivisionError: division by zero"),
    ],
)
def test_the_outcome_of_a_script(tmp_path: Path, reproduce: Any, text: str, outcome: str) -> None:
    (tmp_path / "script.py").write_text(text, encoding="utf-8")
    assert reproduce.outcome(tmp_path / "script.py") == outcome
