"""What is installed: three packages with their data, and nothing else."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from processes import HUNG

PROJECT = Path(__file__).parents[2]
FOLDERS = {"reference": "embedding_reference", "conformance": "embedding_conformance", "reports": "embedding_reports"}
"""The folders of the first level, and the package that each holds."""


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The files in a wheel: a freshly built one, or where none can be built the one that is installed."""
    if can_build():
        return built(tmp_path_factory.mktemp("wheel"))
    installed = {str(file) for file in metadata.files("embedding-conformance") or ()}
    if "embedding_conformance/running/plugin.py" not in installed:
        pytest.skip("neither what builds a wheel nor a wheel is installed")
    return {name for name in installed if not name.startswith("..") and "__pycache__" not in name}


def can_build() -> bool:
    """Whether what pyproject.toml builds with is installed, in a version that it admits.

    Without isolation setuptools reads our SPDX licence by the packaging that it finds, which must know of them; for
    what we do with it ourselves an older one will do.
    """
    (wanted,) = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))["build-system"]["requires"]
    needed = [Requirement(wanted), Requirement("packaging>=24.2")]
    try:
        return all(metadata.version(one.name) in one.specifier for one in needed)
    except metadata.PackageNotFoundError:
        return False


def built(folder: Path) -> set[str]:
    """The files in a wheel built in a folder, beside tests and results that do not belong into it."""
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info", "out", "published")
    for name in FOLDERS:
        shutil.copytree(PROJECT / name, folder / "project" / name, ignore=ignored)
    for extra in ("out", "published"):
        (folder / "project" / "reports" / extra).mkdir(exist_ok=True)
        (folder / "project" / "reports" / extra / "results.json").write_text("{}")
    shutil.copytree(PROJECT / "tests", folder / "project" / "tests", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        if (PROJECT / name).exists():
            shutil.copy(PROJECT / name, folder / "project")
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", ".", "./project"],
        cwd=folder,
        check=True,
        capture_output=True,
        timeout=HUNG,
    )
    (wheel,) = folder.glob("*.whl")
    return set(zipfile.ZipFile(wheel).namelist())


def test_three_packages_and_nothing_else(names: set[str]) -> None:
    top = {name.partition("/")[0] for name in names}
    assert {name for name in top if not name.endswith(".dist-info")} == set(FOLDERS.values())
    assert not {name for name in names if {"out", "published"} & set(Path(name).parts)}


def test_the_data_is_in(names: set[str]) -> None:
    missing = [
        str(path)
        for folder, package in FOLDERS.items()
        for path in (PROJECT / folder / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and str(path.relative_to(PROJECT / folder)) not in names
    ]
    assert missing == []
    assert {
        "embedding_reports/schema/results-1.json",
        "embedding_reports/pages/templates/report.html.j2",
        "embedding_reports/pages/static/report.css",
        "embedding_conformance/ledgers/deviations/torch.toml",
        "embedding_conformance/py.typed",
        "embedding_reference/py.typed",
        "embedding_reports/py.typed",
    } <= names
