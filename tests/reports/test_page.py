"""The page: it shows what it must, loads nothing, and lets nothing break out of it."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace
from typing import Any

import pytest
from builders import clause, deviation, implementation, interplay, known, realistic, results_with, verdict
from pages import Page, page

from embedding_reports.absent import not_run
from embedding_reports.model.facts import duration, labels, reproduce, timing
from embedding_reports.model.pair_coverage import Interplay, size
from embedding_reports.model.summary import sentences
from embedding_reports.model.view import arrange, fraction
from embedding_reports.outcomes import LEVEL_LEGEND, VERDICTS, Outcome
from embedding_reports.pages.html import render
from embedding_reports.records import Difference, Implementation, Parameter, Platform

WHOLE = page(realistic())
SEVERAL = page(realistic(), results_with(verdict(), devices=["cpu", "cuda:0"]), results_with(verdict(), complete=False))


def test_the_answer_comes_first() -> None:
    answer = sentences(realistic())[0]
    assert f"<h1>{answer}</h1>" in WHOLE.source
    places = [WHOLE.text.index(words) for words in (answer, "Run it again", "torch or nn.Module documents it")]
    assert places == sorted(places)


def test_an_entry_of_a_ledger_says_what_is_done_and_how_many_cases_it_covers() -> None:
    """Once for all dtypes, whatever the numbers."""
    entries = [
        known(does=("raises IndexError", "accepts"), covered=7, shown=4),
        known(does=("raises IndexError", "accepts"), covered=3, shown=0, left_out=2),
    ]
    found = page(
        results_with(
            *(
                verdict(outcome="known deviation", dtype=dtype, known=[entry])
                for dtype, entry in zip(("float16", "float32"), entries)
            )
        )
    )
    assert found.text.count("raises IndexError or accepts") == 1
    said = "10 cases that it covers: 4 deviate as it says, 6 conform; 2 more were not run, as each ends the process"
    assert found.text.count(said) == 1


@pytest.mark.parametrize("words", [*LEVEL_LEGEND.values(), *(verdict.legend for verdict in VERDICTS)])
def test_the_legend_stands_at_the_top(words: str) -> None:
    assert words in WHOLE.text
    assert WHOLE.text.index(words) < WHOLE.text.index("What needs attention")


@pytest.mark.parametrize(
    "words",
    [
        "pytest --pyargs embedding_conformance --embedding torch --embedding-profile default --hypothesis-seed 12345",
        "2026-11-23 14:00 UTC",
        "1 min 35 s",
        "OMP_NUM_THREADS=2",
        "hypothesis 6.150.0",
        "1 (fails)",
        "matched nothing: remove it",
        "Case(Config(num_embeddings=3, embedding_dim=2, padding_idx=1), indices=[1, 1])",
        "0x40000000",
        "The same on bfloat16",
        "sparse = true",
        ">=2.0",
        "max_norm of complex weights is not provided",
        "TypeError: the adapter broke",
        "3/10",
        "0.99",
        "Where the time went",
        "since 2.0",
        "Not met: 1",
        "padding_idx kind 1 with sparse kind 2",
        "1234",
    ],
)
def test_the_page_shows(words: str) -> None:
    assert words in WHOLE.text


@pytest.mark.parametrize("shown", [WHOLE, SEVERAL], ids=["one", "several"])
def test_links_lead_somewhere(shown: Page) -> None:
    names = shown.attributes("id")
    assert len(names) == len(set(names))
    inner = {link[1:] for link in shown.attributes("href") if link.startswith("#")}
    assert inner
    assert inner <= set(names)


@pytest.mark.parametrize("shown", [WHOLE, SEVERAL], ids=["one", "several"])
def test_nothing_is_loaded_from_elsewhere(shown: Page) -> None:
    assert not {"link", "img", "iframe", "object", "embed", "base"} & {tag for tag, _ in shown.elements}
    assert not shown.attributes("src")
    assert "url(" not in shown.source
    assert "@import" not in shown.source
    outside = [(tag, attrs) for tag, attrs in shown.elements if re.search("https?://", str(attrs))]
    assert {tag for tag, _ in outside} == {"a"}
    policy = next(attrs["content"] for _, attrs in shown.elements if "http-equiv" in attrs)
    assert policy is not None
    assert policy.startswith("default-src 'none'; script-src 'sha256-")


HOSTILE = "</pre></script></style><script>alert('\"&')</script><img src=x onerror=alert(1)>\" onclick='x"


def test_nothing_breaks_out() -> None:
    """Every text that an implementation or its environment can choose, made hostile."""
    hostile = deviation(
        **dict.fromkeys(("summary", "case_repr", "expected", "observed", "script"), HOSTILE),
        difference=Difference(*[HOSTILE] * 5),
    )
    entry = known(reason=HOSTILE, link="javascript:alert(1)", versions=HOSTILE, features={HOSTILE: [HOSTILE]})
    given = results_with(
        verdict("a.b", "deviates", reason=HOSTILE, deviation=hostile, known=[entry]),
        verdict("a.c", "unsupported", dtype=HOSTILE, reason=HOSTILE),
        verdict("a.d", "error", dtype=HOSTILE, device=HOSTILE, reason=HOSTILE),
        clauses=[
            clause("a.b", text=HOSTILE, section=HOSTILE, since=HOSTILE),
            clause("a.c"),
            clause("a.d", section=HOSTILE),
        ],
        implementation=Implementation(
            *(HOSTILE, HOSTILE, HOSTILE, HOSTILE), signatures={"constructor": (Parameter(*[HOSTILE] * 3),)}
        ),
        packages={HOSTILE: HOSTILE},
        environment={HOSTILE: HOSTILE},
        platform=Platform(*[HOSTILE] * 3),
        profile=HOSTILE,
        seed=HOSTILE,
        dtypes=[HOSTILE],
        devices=[HOSTILE],
        notes=[HOSTILE],
        **interplay((HOSTILE, HOSTILE), pairs={}, kinds={HOSTILE: [HOSTILE] * 2, "sparse": [HOSTILE], "y": ["z"]}),
    )
    signatures = {"functional": (Parameter(*[f"other {HOSTILE}"] * 3),)}
    header = replace(given.header, implementation=replace(given.header.implementation, signatures=signatures))
    conforming = replace(given.verdicts[0], outcome=Outcome.CONFORMS, deviation=None)
    other = replace(given, header=header, verdicts=(conforming, *given.verdicts[1:]))
    absent = not_run(HOSTILE, HOSTILE, HOSTILE)
    for shown in (page(given), page(given, other, absent, title=HOSTILE), page(absent)):
        assert shown.count("script") == shown.count("style") == 1
        assert shown.count("img") == 0
        assert not [attrs for _, attrs in shown.elements for name in attrs if name.startswith("on")]
        assert not [link for link in shown.attributes("href") if not link.startswith("#")]
        assert HOSTILE in "".join(shown.words)


def test_text_that_utf8_cannot_carry_is_replaced() -> None:
    assert "lost: ?" in render([results_with(verdict(reason="lost: \udc80"))])


@pytest.mark.parametrize(
    ("columns", "devices", "given", "spans"),
    [
        (["a", "b"], ["cpu"], [(None, None)], [2]),
        (["a", "b"], ["cpu"], [("a", "cpu"), ("b", "cpu")], [1, 1]),
        (["a", "b"], ["cpu", "cuda"], [(None, "cpu"), (None, "cuda")], [2, 2]),
        (["a", "b"], ["cpu", "cuda"], [(None, None)], [4]),
        (["a", "b"], ["cpu"], [("a", "cpu")], [1, 1]),
        (["a"], ["cpu"], [("a", "cpu"), ("surprise", "cpu")], [1, 1]),
        ([], [], [(None, None)], [1]),
    ],
)
def test_cells_span_the_columns_they_do_not_depend_on(
    columns: list[str], devices: list[str], given: list[tuple[str, str]], spans: list[int]
) -> None:
    verdicts = [verdict(dtype=dtype, device=device) for dtype, device in given]
    (run,) = arrange([results_with(*verdicts, dtypes=columns, devices=devices)])
    (row,) = run.sections["padding_idx"]
    assert [cell.span for cell in row.cells] == spans


def test_deviations_that_differ_in_numbers_alone_are_folded() -> None:
    summaries = {"float16": "float16: 2.0 is not 0.0", "float32": "float32: nan is not -1e-05", "float64": "raised"}
    verdicts = [
        verdict(outcome="deviates", dtype=dtype, deviation=deviation(summary=text)) for dtype, text in summaries.items()
    ]
    (run,) = arrange([results_with(*verdicts, dtypes=list(summaries))])
    (finding,) = run.findings
    assert [group.places for group in finding.groups] == [["float16", "float32"], ["float64"]]


def test_a_clause_that_fails_the_run_needs_attention_whatever_its_verdict() -> None:
    shown = page(results_with(verdict(fails=True, reason="fixed: remove this entry")))
    assert "fixed: remove this entry" in shown.text
    assert "fails the run" in shown.text[shown.text.index("What needs attention") :]


def test_a_deviation_that_does_not_fail_the_run_is_marked() -> None:
    assert "does not fail the run" in page(results_with(verdict(outcome="deviates", fails=False))).text


def test_nothing_needs_attention_in_a_clean_run() -> None:
    shown = page(results_with(verdict()))
    assert "What needs attention" not in shown.text
    assert "Findings" not in shown.text


@pytest.mark.parametrize("complete", [True, False])
def test_an_interrupted_run_has_a_banner(complete: bool) -> None:
    assert ("The run was interrupted" in page(results_with(verdict(), complete=complete)).text) is not complete


def test_no_percentages() -> None:
    assert "%" not in re.sub(r"<style>.*</style>", "", WHOLE.source, flags=re.DOTALL)


@pytest.mark.parametrize(
    ("worst", "shown"),
    [
        (0.0, "0"),
        (1e-9, "<0.01"),
        (0.734, "0.73"),
        (0.99999, "0.99"),
        (1, "1"),
        (1.0001, ">1.00"),
        (12.5, "12.50"),
        (3e7, "3.0e+07"),
    ],
)
def test_an_error_never_rounds_across_its_bound(worst: float, shown: str) -> None:
    assert fraction(worst) == shown


def test_runs_with_the_fewest_problems_come_first() -> None:
    names = {"cut": "conforms", "broken": "error", "bad": "deviates", "good": "conforms", "empty": "unsupported"}
    runs = arrange(
        [
            results_with(
                verdict(outcome=outcome), complete=name != "cut", implementation=implementation(name=name, version="1")
            )
            for name, outcome in names.items()
        ]
    )
    assert [run.label for run in runs] == ["good 1", "bad 1", "broken 1", "empty 1", "cut 1"]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ([{}], ["torch.nn.Embedding 2.13.0+cpu"]),
        ([{"seed": "1"}, {"seed": "2"}], ["(seed 1)", "(seed 2)"]),
        ([{"devices": ["cpu"]}, {"devices": ["cuda:0"], "seed": "2"}], ["2.13.0+cpu", "2.13.0+cpu on cuda:0"]),
        ([{"devices": ["cuda"]}, {"devices": ["cuda"], "seed": "2"}], ["on cuda (seed 12345)", "on cuda (seed 2)"]),
        ([{}, {}], ["(run 1)", "(run 2)"]),
    ],
)
def test_runs_are_labelled_apart(changes: list[dict[str, Any]], expected: list[str]) -> None:
    found = labels([results_with(verdict(), **each) for each in changes])
    assert [label.endswith(end) for label, end in zip(found, expected, strict=True)] == [True] * len(expected), found


def test_the_command_line_is_quoted_and_complete() -> None:
    given = results_with(
        implementation=implementation(target="command:./my impl"),
        devices=["cpu", "cuda:0"],
        level="must",
        isolation="none",
    )
    assert reproduce(given) == (
        "pytest --pyargs embedding_conformance --embedding 'command:./my impl' --embedding-profile default "
        "--hypothesis-seed 12345 --embedding-device cpu,cuda:0 --embedding-level must --embedding-isolation none"
    )


def test_the_time_adds_up() -> None:
    phases = timing(results_with(verdict(), verdict("a.b")))
    assert phases[-1].seconds == pytest.approx(sum(phase.seconds for phase in phases[:-1])) == pytest.approx(2.4)
    assert phases[-1].per_case == pytest.approx(0.01)
    assert timing(results_with())[0].per_case is None


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 ms"),
        (0.0004, "0.4 ms"),
        (0.9996, "1.0 s"),
        (59.97, "1 min 00 s"),
        (95.1, "1 min 35 s"),
        (7500, "2 h 05 min"),
    ],
)
def test_durations(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_a_large_run_stays_small() -> None:
    given = realistic(per_section=10)
    deviating = [
        replace(each, outcome=Outcome.DEVIATES, fails=True, deviation=deviation(summary=f"unlike any other {'x' * n}"))
        for n, each in zip(itertools.cycle(range(7)), given.verdicts, strict=False)
    ]
    assert len(render([given]).encode()) < 400_000
    assert len(render([replace(given, verdicts=tuple(deviating))]).encode()) < 1_000_000


# -- interplay --------------------------------------------------------------------------------------------------------

GAPS = {
    "sparse True, max_norm exceeded": 0,
    "sparse True, index_ndim 0": 0,
    "max_norm None, index_layout sliced": 7,
    "sparse False": 12,
}


def covered(pairs: dict[str, int], *others: dict[str, int]) -> Interplay:
    """What a run covered that has a dtype for each of these."""
    dtypes = ["float32", "float64", "float16"][: 1 + len(others)]
    parts = [interplay((dtype, "cpu"), pairs=each) for dtype, each in zip(dtypes, (pairs, *others), strict=True)]
    columns = [part["interplay"][0] for part in parts]
    met = {**parts[0], "interplay": [*columns, *parts[0]["interplay"][1:]]}
    (run,) = arrange([results_with(verdict(), **met, dtypes=dtypes)])
    assert run.interplay is not None
    return run.interplay


def gathered(found: Interplay, number: int = 0) -> list[tuple[str, dict[str, list[str]]]]:
    missed = found.gathered(found.slices[number])
    return [(f"{each.kind.argument} {each.kind.kind}", dict(each.others)) for each in missed]


def test_gaps_are_gathered_under_what_has_most_of_them() -> None:
    found = covered(GAPS)
    assert gathered(found) == [("sparse True", {"max_norm": ["exceeded"], "index_ndim": ["0"]})]
    assert (found.whole.lookups, len(found.whole.missed)) == (12, 2)
    assert found.whole.met == len(found.whole.pairs) - 8 - 4 - 2, "without kinds alone, pairs of one argument, and gaps"


def test_a_kind_that_no_lookup_has_is_named_once() -> None:
    found = covered({"index_ndim 0": 0, **{f"{one}, index_ndim 0": 0 for one in ("sparse True", "sparse False")}})
    assert [kind.kind for kind in found.absent(found.whole)] == ["0"]
    assert gathered(found) == []
    assert len(found.gaps(found.whole)) == 2


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [(3, 4, 7), (3, 0, 3), (3, -1, 3), (0, 0, 0), (0, -1, 0), (-1, -1, -1)],
)
def test_columns_are_added_up(one: int, other: int, together: int) -> None:
    pair = "sparse True, max_norm exceeded"
    found = covered({pair: one}, {pair: other})
    assert [each.pairs[3, 1] for each in found.slices[:3]] == [together, one, other]


def test_a_part_lists_only_what_another_part_met() -> None:
    pair, both = "sparse True, max_norm exceeded", "sparse False, index_ndim 0"
    found = covered({pair: 0, both: 0}, {pair: 5, both: 0})
    assert gathered(found) == [("sparse False", {"index_ndim": ["0"]})]
    assert [each.name for each in found.slices] == ["all", "float32", "float64", "index_ndim 0", "index_ndim 1"]
    assert gathered(found, 1) == [("sparse True", {"max_norm": ["exceeded"]})]
    assert gathered(found, 2) == []


def test_every_pair_is_in_one_cell_and_every_part_fills_all_cells() -> None:
    found = covered(GAPS)
    cells = [pair for matrix in found.matrices for _, pairs in matrix.rows for pair in pairs]
    alike = {(one, other) for one, other in found.whole.pairs if one == other + 1 and one % 2}
    assert sorted(cells) == sorted(set(found.whole.pairs) - alike)
    assert [len(found.counts(each)) for each in found.slices] == [len(cells)] * 3


def test_the_matrix_has_a_class_for_each_size_of_count() -> None:
    source = page(
        results_with(verdict(), **interplay(("float32", "cpu"), pairs={**GAPS, "sparse True, index_ndim 1": -1}))
    ).source
    row = re.search(r'<th scope="row"><code>index_ndim</code> 1</th>(.*?)</tr>', source)
    assert row is not None
    assert re.findall(r'<td class="([a-z-]+)">(.*?)</td>', row[1])[:3] == [("few", "1"), ("few", "1"), ("never", "·")]
    assert '<td class="not-exercised">○</td>' in source
    assert [size(n) for n in (1, 9, 10, 999, 1000, 123456)] == [
        "few",
        "few",
        "tens",
        "hundreds",
        "thousands",
        "thousands",
    ]


def test_results_without_interplay_have_no_such_section() -> None:
    assert "Interplay" not in page(results_with(verdict())).text


def test_several_runs_have_no_matrices() -> None:
    assert 'class="pairs"' in WHOLE.source
    assert 'class="pairs"' not in SEVERAL.source
    assert "Interplay (pairs not met: 1)" in SEVERAL.text


# -- largest errors ---------------------------------------------------------------------------------------------------


def test_the_largest_errors_are_shown_the_largest_first() -> None:
    worst = {"a.bits": (None, None), "a.exact": (0.0, 0.0), "a.near": (0.2, 0.95), "a.far": (0.4, None)}
    cells = [
        verdict(name, dtype=dtype, worst=error)
        for name, errors in worst.items()
        for dtype, error in zip(("float16", "float32"), errors, strict=True)
    ]
    given = results_with(*cells, dtypes=["float16", "float32"])
    (run,) = arrange([given])
    assert [row.clause.id for row in run.errors] == ["a.near", "a.far"]
    assert [row.clause.id for row in run.exact] == ["a.exact"]
    shown = page(given)
    assert [attrs["value"] for tag, attrs in shown.elements if tag == "meter"] == ["0.2", "0.95", "0.4"]
    assert "No error at all: a.exact." in shown.text


def test_without_a_numeric_clause_there_are_no_largest_errors() -> None:
    assert "Largest errors" not in page(results_with(verdict())).text
