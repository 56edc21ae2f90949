"""The documentation says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from conformance.cli import main
from conformance.options import HELP
from conformance.profiles import PROFILES
from conformance.target import BUNDLED, resolve

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
    return [name for name in BUNDLED if name.startswith("torch-")]


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
