"""Who imports what: data goes one way, and torch is for torch's adapters."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import embedding_conformance
import embedding_reference
import embedding_reports
from processes import python

PACKAGES = {
    package.__name__: Path(package.__file__ or "").parent
    for package in (embedding_reference, embedding_conformance, embedding_reports)
}


def modules(package: str) -> dict[str, Path]:
    """The modules of a package, by their dotted names."""
    home = PACKAGES[package]
    found = {path.relative_to(home.parent).with_suffix(""): path for path in home.rglob("*.py")}
    return {".".join(name.parts).removesuffix(".__init__"): path for name, path in sorted(found.items())}


ALL = {name: path for package in PACKAGES for name, path in modules(package).items()}

ROOMS = {
    "embedding_reference": (),
    "embedding_conformance.cases": ("embedding_reference",),
    "embedding_conformance.boundary": ("embedding_conformance.cases",),
    "embedding_conformance.adapters": ("embedding_conformance.boundary",),
    "embedding_conformance.judging": ("embedding_conformance.boundary",),
    "embedding_conformance.diagnosis": ("embedding_conformance.judging", "embedding_reports"),
    "embedding_conformance.suite": ("embedding_conformance.judging",),
    "embedding_conformance.wiring": ("embedding_conformance.judging",),
    "embedding_reports": (),
    "embedding_conformance.ledgers": ("embedding_conformance.judging",),
    "embedding_conformance.running": (
        "embedding_conformance.wiring",
        "embedding_conformance.suite",
        "embedding_conformance.ledgers",
        "embedding_conformance.diagnosis",
        "embedding_reports",
    ),
}
"""The folders between which arrows go one way only: from each, to those named and to what those may import."""

FOUNDATION = "embedding_conformance.unusable"
"""Imports nothing of ours, and may be imported from everywhere."""

FRONT = {"embedding_conformance", "embedding_conformance.cli", "embedding_conformance.worker"}
"""The front doors, which lead everywhere and are imported from nowhere."""


def room_of(module: str) -> str:
    """The folder, among `ROOMS`, that a module lies in; "" for a front door."""
    if module in FRONT:
        return ""
    return max((room for room in ROOMS if f"{module}.".startswith(f"{room}.")), key=len)


def reachable(room: str) -> set[str]:
    """What a folder may import."""
    return {room, *(far for near in ROOMS[room] for far in reachable(near))}


def imported(module: str) -> Iterator[str]:
    """The modules of ours that a module imports, wherever in it."""
    for node in ast.walk(ast.parse(ALL[module].read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        yield from (name for name in names if name in ALL and name not in PACKAGES)


def loaded(*names: str, without: tuple[str, ...] = ()) -> set[str]:
    """The top-level packages, standard library apart, that importing the modules loads where some do not exist."""
    program = (
        "import sys\n"
        + "".join(f"sys.modules[{name!r}] = None\n" for name in without)
        + "before = set(sys.modules)\n"
        + "".join(f"import {name}\n" for name in names)
        + "print(*{name.partition('.')[0] for name, m in sys.modules.items() if m and name not in before})\n"
    )
    done = python("-c", program)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split()) - sys.stdlib_module_names


@pytest.mark.parametrize("module", sorted(set(ALL) - FRONT))
def test_arrows_go_one_way(module: str) -> None:
    """No folder imports one that imports it, directly or by a detour, and nothing imports a front door."""
    if module in PACKAGES:
        pytest.skip("the package itself")
    if module == FOUNDATION:
        assert not {*imported(module)}
        return
    others = {name for name in imported(module) if name != FOUNDATION}
    assert {room_of(name) for name in others} <= reachable(room_of(module))


def test_no_modules_import_each_other_in_a_circle() -> None:
    arrows = {module: {*imported(module)} - {module} for module in ALL}
    while leaves := {module for module, targets in arrows.items() if not targets}:
        arrows = {module: targets - leaves for module, targets in arrows.items() if module not in leaves}
    assert not arrows, "these import each other in a circle, or what does"


@pytest.mark.parametrize("package", PACKAGES)
def test_rooms_are_small(package: str) -> None:
    """About 300 lines a module, about a dozen modules a folder."""
    folders: dict[Path, int] = {}
    for path in modules(package).values():
        folders[path.parent] = folders.get(path.parent, 0) + (path.name != "__init__.py")
        assert len(path.read_text("utf-8").splitlines()) <= 350, path
    assert {folder: count for folder, count in folders.items() if count > 14} == {}


def test_torch_is_imported_by_its_adapters_alone() -> None:
    ours = [name for name in ALL if ".adapters" not in name and not name.endswith("conftest")]
    assert "torch" not in loaded(*ours, without=("torch", "numpy"))


def test_the_plugin_costs_other_runs_nothing() -> None:
    """It is loaded wherever pytest runs, and so imports neither Hypothesis nor what takes time."""
    assert loaded("embedding_conformance.running.plugin") <= {
        "embedding_conformance",
        "pytest",
        "_pytest",
        "pluggy",
        "iniconfig",
        "pygments",
        "packaging",
        "py",
    }


def test_reports_render_without_the_suite() -> None:
    found = loaded("embedding_reports.pages.html", "embedding_reports.results", without=("torch",))
    assert not found & {"embedding_conformance", "hypothesis", "pytest"}


def test_the_reference_needs_the_standard_library_alone() -> None:
    assert loaded(*modules("embedding_reference")) == {"embedding_reference"}


@pytest.mark.parametrize("package", PACKAGES)
def test_only_torchs_adapters_say_torch(package: str) -> None:
    """Also where an import is put off until it is needed."""
    said = {
        name
        for name, path in modules(package).items()
        if any(line.strip().startswith(("import torch", "from torch")) for line in path.read_text("utf-8").splitlines())
    }
    assert {name for name in said if not name.startswith("embedding_conformance.adapters.torch.")} == set()
