"""A project that has packages named like folders of ours is not disturbed, and can run the suite."""

from __future__ import annotations

from pathlib import Path

import pytest

from processes import python

PACKAGES = ("conformance", "reference", "reports")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with packages of these names, and a test that imports all of them."""
    for name in PACKAGES:
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(f"NAME = {name!r}\n", encoding="utf-8")
    imports = "".join(f"import {name}\n" for name in PACKAGES)
    asserted = "".join(f"    assert {name}.NAME == {name!r}\n" for name in PACKAGES)
    (tmp_path / "test_own.py").write_text(f"{imports}\n\ndef test_own():\n{asserted}", encoding="utf-8")
    return tmp_path


def test_its_own_tests_pass(project: Path) -> None:
    done = python("-m", "pytest", "-q", "-p", "no:cacheprovider", "--strict-markers", "-W", "error", folder=project)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout


@pytest.mark.parametrize("isolation", ["auto", "process"])
def test_the_suite_runs_there(project: Path, isolation: str) -> None:
    done = python(
        *("-m", "pytest", "--pyargs", "embedding_conformance", "-q", "-p", "no:cacheprovider"),
        *("--embedding", "plain:Plain", "--embedding-profile", "smoke", "--embedding-dtype", "float32"),
        *("--embedding-clause", "lookup.bits,lookup.out-of-range", "--embedding-isolation", isolation),
        folder=project,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "conforms to all 2 clauses tested" in done.stdout
