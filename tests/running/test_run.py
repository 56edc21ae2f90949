"""Runs of the suite from end to end, on embeddings that need no framework."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from embedding_conformance.judging.pair_coverage import NEVER
from pairs import count
from processes import Run, python, suite

FEW = "test_bits or test_shape or test_repeatable or test_out_of_range or test_wrong_index_dtype or test_no_gradient"


def counted(run: Run) -> list[dict[str, Any]]:
    """The verdicts without what differs between any two runs."""
    return [{key: value for key, value in v.items() if key != "seconds"} for v in run.document["verdicts"]]


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A right embedding, where torch cannot be imported."""
    folder = tmp_path_factory.mktemp("plain")
    (folder / "torch.py").write_text("raise ImportError('not on this machine')\n", encoding="utf-8")
    return suite(folder, "plain:Plain", FEW)


def test_a_framework_other_than_torch_is_tested_without_torch(plain: Run) -> None:
    assert plain.status == 0
    assert set(plain.verdicts.values()) == {"conforms", "unsupported"}
    assert plain.verdict("lookup.bits")["exercised"] > 0
    assert plain.verdict("padding_idx.no-gradient")["reason"] == "not asked: does not differentiate"
    assert "plain 1.0 conforms to all 5 clauses tested" in plain.text


def test_the_header_says_what_is_under_test_and_how(plain: Run) -> None:
    assert "embedding: plain 1.0 (--embedding plain:Plain)" in plain.text
    assert "dtypes: float32; devices: cpu" in plain.text
    assert "profile: smoke; seed: 1; isolation: auto" in plain.text


def test_an_adapter_without_the_verb_has_no_signatures(plain: Run) -> None:
    assert plain.document["header"]["implementation"]["signatures"] == {}


@pytest.mark.parametrize("more", [(), ("-n", "2"), ("--embedding-isolation", "process")], ids=" ".join)
def test_a_seed_gives_the_same_cases_however_they_are_run(plain: Run, tmp_path: Path, more: tuple[str, ...]) -> None:
    again = suite(tmp_path, "plain:Plain", FEW, *more)
    assert counted(again) == counted(plain)
    assert again.document["interplay"] == plain.document["interplay"]


def test_workers_are_handed_tests_one_by_one(tmp_path: Path) -> None:
    many, name = "test_lookup or test_max_norm", r"(test_\w+\.py::test_\w+)"
    order = re.findall(name, suite(tmp_path, "plain:Plain", many, "--collect-only", "-qq").text)
    run = suite(tmp_path, "plain:Plain", many, "-n", "2")
    worker = {test: number for number, test in re.findall(rf"\[gw(\d)\].*{name}", run.text)}
    assert len(order) // 2 // 4 > 2, "so few that they are handed out by twos anyhow"
    assert worker[order[0]] == worker[order[1]] != worker[order[2]] == worker[order[3]]


def test_the_lookups_that_were_judged_are_counted(plain: Run) -> None:
    (part,) = (each for each in plain.document["interplay"] if each["dtype"])
    assert 0 < part["lookups"] <= sum(verdict["exercised"] for verdict in plain.document["verdicts"])
    assert count(part, "backward no", "backward no") == part["lookups"]
    assert count(part, "backward yes", "backward yes") == 0, "what the adapter does not provide"


def test_without_a_lookup_there_is_no_interplay(tmp_path: Path) -> None:
    assert not {"kinds", "interplay"} & set(suite(tmp_path, "plain:Plain", "test_state").document)


def test_what_is_compiled_is_tested_dtype_by_dtype_and_on_few_shapes(tmp_path: Path) -> None:
    both = ("--embedding-dtype", "float32,float64")
    mixed, grouped = (suite(tmp_path, f"plain:{name}", FEW, *both) for name in ("Plain", "Compiles"))
    order = [re.findall(r"::test_\w+\[[\w.-]+-(float\d+)-cpu\]", run.text) for run in (mixed, grouped)]
    assert order[0] != sorted(order[0])
    assert order[1] == sorted(order[0])
    assert set(grouped.verdicts.values()) == {"conforms", "unsupported"}


def test_another_seed_gives_other_cases(plain: Run, tmp_path: Path) -> None:
    again = suite(tmp_path, "plain:Plain", FEW, "--hypothesis-seed", "2")
    assert again.status == 0
    assert counted(again) != counted(plain)


@pytest.fixture(scope="module")
def misreads(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """An embedding that reads another row where the index has two dimensions, which default cases find."""
    return suite(tmp_path_factory.mktemp("misreads"), "plain:Misreads", FEW, profile="default")


def test_a_deviation_fails_the_run_and_is_shown(misreads: Run) -> None:
    assert misreads.status == 1
    assert misreads.verdicts["lookup.bits", "float32"] == "deviates"
    assert misreads.verdicts["lookup.shape", "float32"] == "conforms"
    assert re.search(r"::test_bits\[lookup.bits-float32-cpu\] DEVIATES", misreads.text)
    assert re.search(r"::test_shape\[lookup.shape-float32-cpu\] CONFORMS", misreads.text)
    assert "cause 1: lookup.bits [MUST]: " in misreads.text
    assert "where: index_ndim = 2 (" in misreads.text
    deviation = misreads.verdict("lookup.bits")["deviation"]
    for shown in (deviation["case_repr"], deviation["expected"], deviation["observed"]):
        assert shown in misreads.text


def test_what_fails_on_an_edge_case_is_told_before_anything_is_searched(tmp_path: Path) -> None:
    several = "(test_given_weight or test_bits) and not test_given_weight_shape"
    run = suite(tmp_path, "plain:Inverts", several, "-x", profile="default")
    assert run.verdicts == {("lookup.bits", "float32"): "deviates"}, "given-weight, which conforms, comes before it"


def test_findings_of_two_processes_are_of_one_cause(tmp_path: Path) -> None:
    several = "test_bits or test_index_dtype or test_one_hot or test_output"
    run = suite(tmp_path, "plain:Misreads", several, "-n", "2", profile="default")
    (cause,) = run.document["causes"]
    assert cause["plainest"] == "lookup.bits"
    assert {"lookup.one-hot", "padding_idx.output"} <= set(cause["clauses"])
    assert cause["where"] == [{"feature": "index_ndim", "least": 2, "most": 2}]


def test_the_case_shown_is_the_smallest(tmp_path: Path) -> None:
    run = suite(tmp_path, "plain:Inverts", "test_bits", profile="thorough")
    case = run.verdict("lookup.bits")["deviation"]["case"]
    assert case["config"] == {"type": "Config", "num_embeddings": 1, "embedding_dim": 1}
    assert case["lookups"][0]["index"]["tensor"][1] == []


@pytest.mark.parametrize(
    ("target", "observed"),
    [
        ("plain:Segfaults", r"^died \(SIGSEGV\)$"),
        ("plain:Exits", r"^died \(exit status 2\)$"),
        ("plain:Leaves", r"^died \(exit status 3\)$"),
    ],
)
def test_a_death_costs_one_verdict(tmp_path: Path, target: str, observed: str) -> None:
    run = suite(tmp_path, target, FEW)
    assert run.status == 1
    verdict = run.verdict("lookup.out-of-range")
    assert verdict["verdict"] == "deviates"
    assert re.match(observed, verdict["deviation"]["observed"])
    assert [name for name, kind in run.verdicts.items() if kind == "deviates"] == [("lookup.out-of-range", "float32")]


def test_leaving_by_sys_exit_costs_one_verdict_in_this_process_too(tmp_path: Path) -> None:
    run = suite(tmp_path, "plain:Leaves", FEW, "--embedding-isolation", "none")
    assert run.status == 1
    assert run.verdict("lookup.out-of-range")["deviation"]["observed"] == "left by sys.exit(3)"


def test_a_defect_of_the_adapter_is_an_error_and_no_deviation(tmp_path: Path) -> None:
    run = suite(tmp_path, "plain:Breaks", "test_out_of_range")
    assert run.status == 1
    assert run.verdicts == {("lookup.out-of-range", "float32"): "error"}
    assert "ZeroDivisionError: a defect of the adapter" in run.verdict("lookup.out-of-range")["reason"]


def test_a_verb_that_the_adapter_lacks_is_not_supported(tmp_path: Path) -> None:
    run = suite(tmp_path, "plain:Breaks", "test_new_memory")
    assert run.verdict("lookup.new-memory")["verdict"] == "unsupported"
    assert run.verdict("lookup.new-memory")["reason"] == "not asked: the adapter has no overwrite"


UNSUPPORTED = """
[[unsupported]]
features = {dtype = "float32"}
reason = "float64 is enough"

[[unsupported]]
features = {dtype = "float64", freeze = true}
reason = "always trained"
"""


def test_what_is_declared_unsupported_must_be_refused(tmp_path: Path) -> None:
    (tmp_path / "ledger.toml").write_text(UNSUPPORTED, encoding="utf-8")
    more = ("--embedding-deviations", "ledger.toml")
    tests = "test_bits or (test_gradient and test_frozen)"
    run = suite(tmp_path, "plain:OnlyFloat64", tests, *more, dtypes="float32,float64", profile="default")
    assert run.status == 1
    refused, ignored = run.verdict("lookup.bits", "float32"), run.verdict("gradient.frozen", "float64")
    assert (refused["verdict"], refused["reason"]) == ("unsupported", "float64 is enough")
    assert ignored["verdict"] == "deviates"
    assert "declared unsupported (always trained) but is not refused" in ignored["deviation"]["summary"]
    nothing, some = run.document["interplay"][:2]
    assert (nothing["dtype"], nothing["lookups"]) == ("float32", 0)
    assert {n for row in nothing["pairs"] for n in row} == {NEVER}
    assert count(some, "freeze True", "index_ndim 1") == NEVER
    assert count(some, "freeze False", "index_ndim 1") > 0
    assert re.search(r"::test_bits\[lookup.bits-float32-cpu\] UNSUPPORTED", run.text)


@pytest.mark.parametrize(("level", "status"), [("should", 1), ("must", 0)])
def test_the_level_says_which_deviations_fail_the_run(tmp_path: Path, level: str, status: int) -> None:
    run = suite(tmp_path, "plain:Lenient", "test_wrong_index_dtype", "--embedding-level", level)
    assert run.status == status
    assert run.verdicts == {("lookup.wrong-index-dtype", "float32"): "deviates"}
    assert "DEVIATES" in run.text
    assert run.document["header"]["level"] == level


def test_the_plugin_leaves_other_tests_alone(tmp_path: Path) -> None:
    (tmp_path / "test_other.py").write_text("def test_it(): pass\n", encoding="utf-8")
    done = python(
        "-m", "pytest", "-p", "no:cacheprovider", "--embedding", "plain:Plain", "test_other.py", folder=tmp_path
    )
    assert done.returncode == 0
    assert "1 passed" in done.stdout


def test_a_clause_can_be_run_by_its_file(tmp_path: Path) -> None:
    done = python(
        *(
            "-m",
            "pytest",
            "-p",
            "no:cacheprovider",
            "--pyargs",
            "embedding_conformance.suite.test_lookup",
            "-k",
            "test_bits",
        ),
        *("--embedding", "plain:Plain", "--embedding-profile", "smoke"),
        folder=tmp_path,
    )
    assert done.returncode == 0
    assert "plain 1.0 conforms to the one clause tested." in done.stdout
