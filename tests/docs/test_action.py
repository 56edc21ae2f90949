"""action.yml and the workflow that calls it: their steps are run with bash, as a runner would, on the real suite."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from processes import HUNG

ROOT = Path(__file__).parents[2]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
WORKFLOW = yaml.safe_load((ROOT / ".github" / "workflows" / "conformance.yml").read_text(encoding="utf-8"))
CALLED = WORKFLOW[True]["workflow_call"]["inputs"]  # YAML takes the key `on` for true
STEPS = {step["name"]: step for step in ACTION["runs"]["steps"]}
MINE = "from plain import Plain, Misreads\nclass Mine({base}): pass\n"


class Job:
    """A workspace, and the files that a runner gives to each step."""

    def __init__(self, folder: Path, **inputs: str) -> None:
        self.workspace, self.temp = folder / "workspace", folder / "temp"
        for made in (self.workspace, self.temp):
            made.mkdir(exist_ok=True)
        self.inputs = {name: each["default"] for name, each in ACTION["inputs"].items()} | inputs
        self.outputs = ""

    @property
    def folder(self) -> Path:
        """Where the results are."""
        return self.temp / "embedding-conformance"

    @property
    def summary(self) -> str:
        """The summary of the job."""
        return (self.temp / "summary").read_text(encoding="utf-8")

    def run(self, name: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run one step."""
        step = STEPS[name]
        quieted = ("PYTEST_", "HYPOTHESIS_", "COV_", "COVERAGE_", "PYTHON")
        kept = {key: value for key, value in os.environ.items() if not key.startswith(quieted)}
        files = {f"GITHUB_{key.upper()}": str(self.temp / key) for key in ("output", "env", "path")}
        programs = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        done = subprocess.run(  # noqa: S603 - our own commands
            ["/bin/bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", step["run"]],
            cwd=self.workspace,
            env={
                **(kept | files | {"CI": "true", "PATH": programs, "OMP_NUM_THREADS": "1"}),
                "GITHUB_STEP_SUMMARY": str(self.temp / "summary"),
                "PYTHONPATH": str(ROOT / "tests" / "support"),
                **{key: self.filled(value) for key, value in step["env"].items()},
                **more,
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=HUNG,
        )
        if (self.temp / "output").exists():
            self.outputs = (self.temp / "output").read_text(encoding="utf-8").strip().removeprefix("folder=")
        return done

    def filled(self, value: str) -> str:
        """A value of the YAML with its expressions worked out; one that is not known fails the test."""
        known = {
            "github.action_path": str(ROOT),
            "runner.temp": str(self.temp),
            "steps.run.outputs.folder": self.outputs,
            **{f"inputs.{name}": given for name, given in self.inputs.items()},
        }
        return re.sub(r"\$\{\{ (.+?) \}\}", lambda found: known[found[1]], value)


@pytest.fixture
def job(tmp_path: Path) -> Job:
    """A job that tests an embedding of its workspace, in part."""
    made = Job(tmp_path, embedding="mine:Mine", dtypes="float32", arguments="-k test_bits -p no:cacheprovider")
    made.workspace.joinpath("mine.py").write_text(MINE.format(base="Plain"), encoding="utf-8")
    return made


def test_a_run_that_passes(job: Job) -> None:
    done = job.run("Run")
    assert done.returncode == 0, done.stdout + done.stderr
    assert job.run("Say what came of it").returncode == 0
    assert job.summary.startswith("### Embedding conformance: plain 1.0\n")
    assert sorted(file.name for file in job.folder.iterdir()) == [
        *("badge.json", "report.html", "results.json", "summary.md")
    ]
    badge = json.loads(job.folder.joinpath("badge.json").read_text(encoding="utf-8"))
    assert badge["message"].startswith("1 clause conforms, ")


def test_what_failed_is_replayed_in_the_next_run(job: Job) -> None:
    """Between two runs the runner keeps the folder that the cache names, and nothing else."""
    job.workspace.joinpath("mine.py").write_text(MINE.format(base="Misreads"), encoding="utf-8")
    assert job.run("Run").returncode == 1
    assert job.run("Say what came of it").returncode == 0
    assert "| ✗ deviates | <code>lookup.bits</code> |" in job.summary
    kept = job.workspace / STEPS["Save the cases that failed"]["with"]["path"]
    assert [entry.name for entry in kept.iterdir()] == ["mine-Mine"]
    job.inputs |= {"profile": "smoke"}
    assert job.run("Run").returncode == 1, "five cases do not find it by themselves"


def test_a_run_that_cannot_begin(job: Job) -> None:
    job.inputs |= {"profile": "fast"}
    done = job.run("Run")
    assert done.returncode == 2
    assert "--embedding-profile fast: must be one of smoke, default, thorough" in done.stderr
    assert job.run("Say what came of it").returncode == 0
    assert job.summary == "Embedding conformance: no results; the log of the run says why.\n"


def test_what_is_left_out_is_left_to_pyproject(job: Job) -> None:
    table = '[tool.embedding-conformance]\nembedding = "mine:Mine"\nembedding_profile = "smoke"\n'
    job.workspace.joinpath("pyproject.toml").write_text(table, encoding="utf-8")
    job.inputs |= {"embedding": ""}
    assert job.run("Run").returncode == 0
    header = json.loads(job.folder.joinpath("results.json").read_text(encoding="utf-8"))["header"]
    assert (header["implementation"]["target"], header["profile"]) == ("mine:Mine", "smoke")


def test_inputs_are_words_and_not_commands(job: Job) -> None:
    job.inputs |= {"deviations": '$(touch "harm"); `touch harm` "x y"'}
    done = job.run("Run")
    assert done.returncode == 2
    assert "No such file" in done.stderr
    assert not job.workspace.joinpath("harm").exists()
    for step in STEPS.values():
        assert "${{" not in step.get("run", ""), "an expression in a script is replaced before bash reads it"


@pytest.mark.parametrize(
    ("inputs", "installed"),
    [
        ({}, [f"{ROOT}[torch]"]),
        ({"extra": "", "requirements": "-r more.txt ."}, ["-r more.txt .", str(ROOT)]),
    ],
    ids=["by default", "with requirements, without torch"],
)
def test_the_installation(job: Job, inputs: dict[str, str], installed: list[str]) -> None:
    """What pip is asked for; pip itself is stood in for, as it would take the network and this environment."""
    programs = job.temp / "bin"
    programs.mkdir()
    programs.joinpath("python").write_text('#!/bin/sh\necho "$*"\n', encoding="utf-8")
    programs.joinpath("python").chmod(0o755)
    job.inputs |= inputs
    done = job.run("Install", PATH=f"{programs}:{os.environ['PATH']}")
    assert done.stdout.splitlines() == [f"-m pip install {each}" for each in installed]


def test_what_failed_is_kept_and_reported_even_where_the_run_fails() -> None:
    names = list(STEPS)
    for name in names[names.index("Run") + 1 :]:
        assert STEPS[name]["if"].startswith("always() && ")
    restored, saved = (STEPS[f"{what} the cases that failed{rest}"]["with"] for what, rest in CACHED)
    assert {restored["path"], saved["path"]} == {".hypothesis/embedding-conformance"}
    assert restored["key"] == saved["key"]
    assert saved["key"].startswith(restored["restore-keys"])


CACHED = (("Restore", " before"), ("Save", ""))


def test_the_workflow_passes_every_input_on() -> None:
    call = WORKFLOW["jobs"]["conformance"]["steps"][-1]
    assert call["uses"] == "./.embedding-conformance"
    assert call["with"] == {name: f"${{{{ inputs.{name} }}}}" for name in ACTION["inputs"]}
    assert set(CALLED) - set(ACTION["inputs"]) == {"python-version", "runs-on"}
    differ = {name for name, each in ACTION["inputs"].items() if CALLED[name]["default"] != each["default"]}
    assert differ == {"requirements"}


def test_actions_of_others_are_pinned_to_a_release() -> None:
    steps: list[dict[str, Any]] = [*STEPS.values(), *WORKFLOW["jobs"]["conformance"]["steps"]]
    for used in (step["uses"] for step in steps if "uses" in step and not step["uses"].startswith("./")):
        assert re.fullmatch(r"actions/[\w/-]+@v\d+", used)
