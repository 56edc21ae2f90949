"""The documentation says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from conformance.cli import main
from conformance.options import HELP
from conformance.profiles import PROFILES

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def option_rows() -> list[str]:
    """The rows of the README's table of options."""
    return [
        f"| `--{name} {metavar}` | {default or 'none'} | {text} |" for name, (metavar, default, text) in HELP.items()
    ]


def profile_rows() -> list[str]:
    """The rows of the README's table of profiles."""
    return [f"| `{name}` | {p.examples} | {p.enough} |" for name, p in PROFILES.items()]


@pytest.mark.parametrize(("block", "rows"), [("options", option_rows()), ("profiles", profile_rows())])
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


def test_torch_is_the_same_release_everywhere() -> None:
    pinned = re.findall(r"torch==([\d.]+)", (ROOT / "tox.ini").read_text(encoding="utf-8"))
    assert set(pinned) == {re.search(r"installs torch ([\d.]+) ", README)[1]}  # type: ignore[index]
