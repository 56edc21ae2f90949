"""Who imports what: data goes one way, and torch is for torch's adapters."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from processes import python

import conformance

OURS = Path(conformance.__file__).parent.parent

SUITE = [f"conformance.suite.{path.stem}" for path in (OURS / "conformance" / "suite").glob("test_*.py")]
MODULES = [f"conformance.{path.stem}" for path in (OURS / "conformance").glob("*.py") if path.stem != "__init__"]


def loaded(*modules: str, without: tuple[str, ...] = ()) -> set[str]:
    """The top-level packages, standard library apart, that importing the modules loads where some do not exist."""
    program = (
        "import sys\n"
        + "".join(f"sys.modules[{name!r}] = None\n" for name in without)
        + "before = set(sys.modules)\n"
        + "".join(f"import {name}\n" for name in modules)
        + "print(*{name.partition('.')[0] for name, m in sys.modules.items() if m and name not in before})\n"
    )
    done = python("-c", program)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split()) - sys.stdlib_module_names


def test_torch_is_imported_by_its_adapters_alone() -> None:
    found = loaded(*MODULES, *SUITE, "reports.html", without=("torch", "numpy"))
    assert "torch" not in found


def test_the_plugin_costs_other_runs_nothing() -> None:
    """It is loaded wherever pytest runs, and so imports neither Hypothesis nor what a user's folder may stand for."""
    assert loaded("conformance.plugin") <= {
        "conformance",
        "pytest",
        "_pytest",
        "pluggy",
        "iniconfig",
        "pygments",
        "packaging",
        "py",
    }


def test_reports_render_without_the_suite() -> None:
    assert not loaded("reports.html", "reports.results", without=("torch",)) & {"conformance", "hypothesis", "pytest"}


def test_the_reference_needs_the_standard_library_alone() -> None:
    assert loaded("reference", "reference.bounds") == {"reference"}


@pytest.mark.parametrize("package", ["conformance", "reference", "reports"])
def test_only_torchs_adapters_say_torch(package: str) -> None:
    """Also where an import is put off until it is needed."""
    said = {
        path.name
        for path in (OURS / package).rglob("*.py")
        if "published" not in path.parts  # scripts for the maintainers of what is tested
        and any(
            line.strip().startswith(("import torch", "from torch")) for line in path.read_text("utf-8").splitlines()
        )
    }
    assert {name for name in said if not name.startswith("torch_")} == set()
