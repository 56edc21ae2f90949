"""Cases that failed are tried in the next run, after the edge cases, in CI too, unless the run is given a seed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from processes import python

WATCHED = """\
from pathlib import Path
from plain import Misreads

class Watched(Misreads):
    '''Notes the shape of each index that is looked up.'''

    def before(self, index):
        with Path("seen").open("a") as file:
            file.write(f"{index.shape}\\n")
"""


def run(folder: Path, *arguments: str, **environment: str) -> tuple[str, list[str]]:
    """Run one clause; what it printed, and the shapes of the indices that it looked up."""
    (folder / "watched.py").write_text(WATCHED, encoding="utf-8")
    (folder / "seen").unlink(missing_ok=True)
    done = python(
        *("-m", "pytest", "--pyargs", "embedding_conformance", "-v", "-p", "no:cacheprovider", "-k", "test_bits"),
        *("--embedding", "watched:Watched", "--embedding-dtype", "float32", *arguments),
        folder=folder,
        environment=environment,
    )
    return done.stdout, (folder / "seen").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("environment", [{}, {"CI": "true"}], ids=["here", "continuous integration"])
def test_what_failed_is_tried_first_in_the_next_run(tmp_path: Path, environment: dict[str, str]) -> None:
    _, plain = run(tmp_path, "--collect-only", **environment)  # the cases that every run begins with
    first = len(plain)
    text, shapes = run(tmp_path, **environment)
    assert "DEVIATES" in text
    again, replayed = run(tmp_path, "--embedding-profile", "smoke", **environment)
    assert "DEVIATES" in again, "the few cases do not find it by themselves"
    assert replayed[first].count(", ") == 1, "an index of two dimensions"
    assert replayed[first] in shapes
    assert shapes[first].count(", ") != 1


def test_what_failed_for_one_target_is_none_of_anothers(tmp_path: Path) -> None:
    run(tmp_path)
    (kept,) = (tmp_path / ".hypothesis" / "embedding-conformance").iterdir()
    assert kept.name == "watched-Watched"
    before = sorted(kept.rglob("*"))
    done = python(
        *("-m", "pytest", "--pyargs", "embedding_conformance", "-k", "test_bits", "--embedding", "plain:Plain"),
        folder=tmp_path,
    )
    assert done.returncode == 0
    assert sorted(kept.rglob("*")) == before


def test_a_run_that_is_given_a_seed_starts_from_nothing_and_keeps_nothing(tmp_path: Path) -> None:
    text, shapes = run(tmp_path, "--hypothesis-seed", "1")
    assert "DEVIATES" in text
    assert not (tmp_path / ".hypothesis" / "embedding-conformance").exists()
    assert run(tmp_path, "--hypothesis-seed", "1")[1] == shapes


def test_the_seed_that_is_shown_repeats_the_run_that_several_processes_made(tmp_path: Path) -> None:
    text, shapes = run(tmp_path, "-n", "2", "--embedding-profile", "smoke")
    (seed,) = re.findall(r"; seed: (\d+);", text)
    _, plain = run(tmp_path, "--collect-only")  # the cases that each process begins with
    again = run(tmp_path, "--hypothesis-seed", seed, "--embedding-profile", "smoke")[1]
    assert shapes[3 * len(plain) :] == again[len(plain) :] != []
