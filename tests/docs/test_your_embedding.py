"""The steps of docs/test-your-embedding.md, run literally and in order."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from processes import HUNG, python

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "test-your-embedding.md").read_text(encoding="utf-8")
CONSOLE = "".join(re.findall(r"^```console\n(.+?)^```$", PAGE, re.MULTILINE | re.DOTALL))
STEPS = [step.splitlines() for step in re.split(r"^\$ ", CONSOLE, flags=re.MULTILINE)[1:]]
ALONE = {"PYTHONPATH": ""}
"""The environment of a project that has nothing of our tests."""

FAILING = (0, 4)
"""The runs that find a deviation, as the page says, among its commands."""


def run(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command line as a shell does, with the programs of this environment first."""
    program, *arguments = shlex.split(command)
    if program == "pytest":
        return python(str(Path(sys.executable).with_name(program)), *arguments, folder=folder, environment=ALONE)
    quieted = ("PYTEST_", "HYPOTHESIS_", "COV_", "COVERAGE_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(quieted)}
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return subprocess.run(  # noqa: S603 - our own commands
        ["/bin/bash", "-c", command],
        cwd=folder,
        env={**kept, "PATH": path, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=HUNG,
    )


def test_each_step_gives_what_the_page_shows(tmp_path: Path) -> None:
    """One test: each step starts from what those before it left."""
    folder = Path(shutil.copytree(ROOT / "docs" / "examples", tmp_path / "project"))
    for number, (command, *shown) in enumerate(STEPS):
        done = run(command, folder)
        assert done.returncode == (number in FAILING), f"{command}\n{done.stdout}{done.stderr}"
        for line in shown:
            assert line in done.stdout, command


def test_the_mistake_is_what_the_page_says_and_nothing_else_differs() -> None:
    before, after = ((ROOT / "docs" / "examples" / name).read_text("utf-8") for name in ("table.py", "fixed/table.py"))
    fix = re.findall(r"^```python\n(.+?)^```$", PAGE, re.MULTILINE | re.DOTALL)[0].strip()
    assert fix not in before
    assert fix in after
