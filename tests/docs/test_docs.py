"""The documentation says what the code does."""

from __future__ import annotations

import ast
import configparser
import json
import re
import sys
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from embedding_conformance.boundary.target import BUNDLED
from embedding_conformance.wiring.inspection import ADAPTER, Wiring, inspect
from regenerate import torch_adapters

ROOT = Path(__file__).parents[2]
META = "torch --embedding-device meta"
README = (ROOT / "README.md").read_text(encoding="utf-8")
FAQ = (ROOT / "docs" / "faq.md").read_text(encoding="utf-8")
PUBLISHED = ROOT / "reports" / "published"
ON_CUDA = PUBLISHED / "torch-cuda-2.11.0-py3.12.json"


def test_every_bundled_adapter_is_in_the_readme() -> None:
    assert not [name for name in BUNDLED if f"`{name}`" not in README and name != "torch"]


IMPLEMENTATION = """
import numpy as np
__version__ = "1.0"
class Embedding:
    def __init__(self, rows, columns, padding_idx=None):
        self.weight = np.zeros((rows, columns))
    def __call__(self, index):
        if ((index < 0) | (index >= len(self.weight))).any():
            raise IndexError("index out of range")
        return self.weight[index]
"""


def test_the_adapter_of_the_page_is_wired_right(monkeypatch: pytest.MonkeyPatch) -> None:
    implementation, page = ModuleType("mypkg"), (ROOT / "docs" / "write-an-adapter.md").read_text(encoding="utf-8")
    exec(IMPLEMENTATION, implementation.__dict__)  # noqa: S102 - our own
    monkeypatch.setitem(sys.modules, "mypkg", implementation)
    written: dict[str, Any] = {}
    exec(page.split("```python")[1].split("```")[0], written)  # noqa: S102 - our own
    adapter = written["MyAdapter"]()
    described = adapter.describe()
    assert inspect(ADAPTER, adapter, adapter, described, described.dtypes, ("cpu",)) == Wiring(ADAPTER)


def test_continuous_integration_runs_the_commands_of_the_readme() -> None:
    commands = re.findall(r"python -m tox run -e (\w+)$", README, re.MULTILINE)
    assert commands == ["conformance", "test"]
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    for command in commands:
        assert f"python -m tox run -e {command}\n" in script
    assert "install tox" in script.replace("--quiet ", "")


def test_the_paths_that_tox_runs_are_all_there_are() -> None:
    commands = (ROOT / "tox.ini").read_text(encoding="utf-8").partition("[testenv:paths]")[2].partition("[testenv")[0]
    assert sorted(re.findall(r"--embedding (.+?) --embedding-results", commands)) == sorted([*torch_adapters(), META])
    assert sorted(re.findall(r"{/}(\S+)\.json", commands)) == sorted([*torch_adapters(), "torch-meta"])


def test_torch_is_the_same_release_everywhere() -> None:
    pinned = re.findall(r"torch==([\d.]+)", (ROOT / "tox.ini").read_text(encoding="utf-8"))
    assert set(pinned) == {re.search(r"installs torch ([\d.]+) ", README)[1]}  # type: ignore[index]


def published(path: Path) -> Any:
    """A results file as it lies there."""
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("page", [README, FAQ], ids=["README", "faq"])
def test_what_is_said_of_the_run_on_cuda_is_what_came_of_it(page: str) -> None:
    """The pages and the scoreboard, which is made of the same file, say the same."""
    run, whole = published(ON_CUDA), published(PUBLISHED / "torch-2.11.0.json")
    assert (run["header"]["devices"], run["footer"]["complete"]) == (["cuda"], False)
    there, wanted = len(run["verdicts"]), len(whole["verdicts"])
    flat = " ".join(page.split())
    assert re.findall(r"(\d+) of (\d+) verdicts", flat) == [(str(there), str(wanted))]
    assert "cut off at" in flat
    assert "torch 2.11" in flat


def test_the_faq_counts_as_the_scoreboard_does() -> None:
    rows = (ROOT / "docs" / "scoreboard.md").read_text(encoding="utf-8").splitlines()
    heads = next(row for row in rows if row.startswith("| implementation |")).split(" | ")
    cells = next(row for row in rows if row.startswith("| [torch.nn.Embedding on cuda 2.11.0]")).split(" | ")
    said = cells[heads.index("gradient")].replace("/", " of ")
    assert f"{said} clauses about the gradient" in " ".join(FAQ.split())


def test_the_devices_that_were_run_are_those_of_the_readme() -> None:
    """What was never run is named as such, and what was is not."""
    run = {device for path in PUBLISHED.glob("*.json") for device in published(path)["header"]["devices"]}
    never = re.findall(r"^(.+) have not been run\.$", README.replace("incomplete. ", "incomplete.\n"), re.MULTILINE)
    assert never == ["`mps` and `xpu`"]
    assert run == {"cpu", "cuda"}


def test_the_adapters_that_run_on_torch_are_told_from_those_that_need_none() -> None:
    """By what an adapter imports: `adapters/torch/` holds those that import torch."""
    listed = " ".join(README.split()).partition("These need no torch beside them: ")[2]
    without, _, on = listed.partition("These run on torch: ")
    on = on.partition("Each has an environment")[0]
    names = [name for name in BUNDLED if not name.startswith("torch") or name == "torch-onnx"]
    on_torch = {name for name in names if BUNDLED[name].startswith("torch.")}
    assert set(re.findall(r"`([\w-]+)`", on)) == on_torch
    assert set(re.findall(r"`([\w-]+)`", without)) == set(names) - on_torch


def test_the_readme_names_the_first_and_the_last_release_of_the_matrix() -> None:
    tox = configparser.RawConfigParser()
    tox.read(ROOT / "tox.ini", encoding="utf-8")
    releases = [release.rpartition(".")[0] for release in tox["torch"]["releases"].split()]
    assert f"every release from {releases[0]} to {releases[-1]}" in README


def test_the_architecture_says_which_folder_may_import_which() -> None:
    """The table of the page is that of the test that checks every import."""
    text = (ROOT / "tests" / "running" / "test_imports.py").read_text(encoding="utf-8")
    (rooms,) = (
        ast.literal_eval(node.value)
        for node in ast.parse(text).body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "ROOMS"
    )
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(embedding_[\w/]+)/` \| .+ \| (.+) \|$", page, re.MULTILINE)
    said = {folder.replace("/", "."): set(re.findall(r"`(\w+)`", may)) for folder, may in rows}
    assert said == {room: {near.rpartition(".")[2] for near in may} for room, may in rooms.items()}


def test_the_version_has_its_entry_in_the_changelog() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"\n## [{version}]" in changelog
    assert changelog.index("\n## [Unreleased]") < changelog.index(f"\n## [{version}]")
