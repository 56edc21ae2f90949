"""The documentation says what the code does."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from embedding_conformance.boundary.target import BUNDLED, resolve
from embedding_conformance.cli import main
from embedding_conformance.running.options import HELP
from embedding_conformance.running.profiles import PROFILES
from embedding_conformance.wiring.inspection import ADAPTER, Wiring, inspect
from embedding_conformance.wiring.probes import PROBES

ROOT = Path(__file__).parents[2]
META = "torch --embedding-device meta"
README = (ROOT / "README.md").read_text(encoding="utf-8")


def option_rows() -> list[str]:
    """The rows of the README's table of options."""
    return [
        f"| `--{name} {metavar}` | {default or 'none'} | {text} |" for name, (metavar, default, text) in HELP.items()
    ]


def profile_rows() -> list[str]:
    """The rows of the README's table of profiles."""
    return [f"| `{name}` | {p.examples} | {p.enough} |" for name, p in PROFILES.items()]


def torch_adapters() -> list[str]:
    """The bundled adapters of torch but the first, torch itself."""
    return [name for name in BUNDLED if name.startswith("torch-") and name != "torch-onnx"]  # it needs ONNX Runtime


def path_rows() -> list[str]:
    """The rows of the README's table of execution paths."""
    described = {name: resolve(name).describe() for name in torch_adapters()}
    everywhere = {declared.reason for declared in resolve("torch").describe().unsupported}
    return [
        f"| `{name}` | {one.name} | {'; '.join(d.reason for d in one.unsupported if d.reason not in everywhere)} |"
        for name, one in described.items()
    ]


@pytest.mark.parametrize(
    ("block", "rows"), [("options", option_rows()), ("profiles", profile_rows()), ("paths", path_rows())]
)
def test_tables_of_the_readme(block: str, rows: list[str]) -> None:
    table = README.split(f"<!-- {block}:")[1].split(f"<!-- end of {block} -->")[0]
    assert [line for line in table.splitlines() if line.startswith("| `")] == rows


def test_every_bundled_adapter_is_in_the_readme() -> None:
    assert not [name for name in BUNDLED if f"`{name}`" not in README and name != "torch"]


def test_the_table_of_probes() -> None:
    page = (ROOT / "docs" / "write-an-adapter.md").read_text(encoding="utf-8")
    table = page.split("<!-- probes:")[1].split("<!-- end of probes -->")[0]
    assert table.splitlines()[3:] == [f"| {probe.what} | {probe.look} |" for probe in PROBES]


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


def test_contract_is_current(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["contract"]) == 0
    assert capsys.readouterr().out == (ROOT / "docs" / "contract.md").read_text(encoding="utf-8")


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
