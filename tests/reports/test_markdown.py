"""The summary of a job: what is in it, and that nothing in a results file can pass for markup."""

from __future__ import annotations

import pytest
from builders import clause, deviation, implementation, realistic, results_with, verdict
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from embedding_reports.absent import not_run
from embedding_reports.records import Results
from embedding_reports.text import markdown
from embedding_reports.text.markdown import summary

RENDERER = MarkdownIt("commonmark").enable("table")
NASTY = "a|b `c` <b>d</b> **e** [f](g) @h #1 $i$ _j_ ~~k~~ & \\ <!-- l"


def tokens(text: str) -> list[Token]:
    """All that a renderer makes of it, in order."""
    return [each for block in RENDERER.parse(text) for each in [block, *(block.children or [])]]


def texts(text: str) -> list[str]:
    """The words of each paragraph or cell."""
    return [
        "".join(child.content for child in block.children or [] if child.type in ("text", "text_special"))
        for block in RENDERER.parse(text)
        if block.type == "inline"
    ]


def markup(text: str) -> set[str]:
    """The kinds of markup, and each piece of HTML, but for the contents of what is folded away."""
    found = {each.content.strip() for each in tokens(text) if each.type == "html_inline"}
    return found | {each.type for each in tokens(text) if each.type.endswith(("_open", "fence", "code_inline"))}


def test_the_headline_and_the_counts_come_first() -> None:
    words = texts(summary(results_with(verdict("a.b"), verdict("c.d", "deviates"), verdict("e.f", "unsupported"))))
    assert words[0] == "Embedding conformance: torch.nn.Embedding 2.13.0+cpu"
    answer = "conforms to 1 of 2 clauses tested; 1 deviates (1 MUST). Not tested: 1 unsupported."
    assert words[1] == f"torch.nn.Embedding 2.13.0+cpu {answer}"
    names, counts = words[2:8], words[8:14]
    assert [name[2:] for name in names] == [
        *("conforms", "deviates", "known deviation", "unsupported", "not exercised", "error")
    ]
    assert counts == ["1", "1", "0", "1", "0", "0"]


def test_what_was_not_tested_is_named_even_where_all_else_conforms() -> None:
    cells = (verdict("a.b"), verdict("a.b", "unsupported", dtype="float64"), verdict("c.d", "not exercised"))
    text = summary(results_with(*cells, clauses=[clause("a.b"), clause("c.d"), clause("e.f")]))
    assert "Not tested: 1 unsupported in part, 1 not exercised, 1 not run." in text
    assert "1 of the others is unsupported in part." in text
    assert "- no complex arithmetic: <code>a.b</code> in part" in text


def test_a_deviation_is_a_row_and_its_case_is_folded_away() -> None:
    text = summary(results_with(verdict("padding_idx.no-gradient", "deviates")))
    row = ["✗ deviates", "padding_idx.no-gradient", "MUST", "float32", "gradient at [1, 0] is 2.0, expected 0.0"]
    words = texts(text)
    start = words.index("✗ deviates", 4)
    assert words[start : start + 5] == row
    shown = [each for each in tokens(text) if each.type == "fence"]
    assert [each.info for each in shown] == ["", "python"]
    assert "first difference: at [1, 0] expected 0.0 (0x00000000), observed 2.0 (0x40000000)" in shown[0].content
    assert shown[1].content == deviation().script


def test_a_deviation_that_does_not_fail_the_run_says_so() -> None:
    assert "(does not fail the run)" in summary(results_with(verdict("a.b", "deviates", fails=False)))


def test_a_run_that_did_not_take_place_says_why() -> None:
    words = texts(summary(not_run("torch.nn.Embedding", "9.9", "no such wheel")))
    assert words == [
        "Embedding conformance: torch.nn.Embedding 9.9",
        "torch.nn.Embedding 9.9 did not run: no such wheel",
    ]


@given(st.text(st.sampled_from("`|<>&*_[]()#@$~\\!-\n ab1")))
def test_words_stay_words(words: str) -> None:
    cell = markdown._text(words)
    table = f"| {cell}x | y |\n| --- | --- |\n| 1 | 2 |"
    assert texts(table)[:2] == [" ".join(words.split()) + "x", "y"]
    assert markup(table) == {"table_open", "thead_open", "tbody_open", "tr_open", "th_open", "td_open"}


@given(st.text(st.sampled_from("`~ab \n"), min_size=1))
def test_a_fence_ends_where_its_text_ends(text: str) -> None:
    (block,) = RENDERER.parse(markdown._fenced(text, "python"))
    assert (block.type, block.content) == ("fence", text + "\n")


def nasty() -> Results:
    """A run in which every text is full of what could be markup."""
    bad = deviation(**dict.fromkeys(("summary", "case_repr", "expected", "observed", "script"), f"```\n{NASTY}"))
    cells = [verdict("a.b", "deviates", deviation=bad), verdict("c.d", "error", reason=NASTY)]
    return results_with(
        *(*cells, verdict("e.f", "unsupported", reason=NASTY)),
        clauses=[clause(name, text=NASTY) for name in ("a.b", "c.d", "e.f")],
        implementation=implementation(name=NASTY),
        notes=[NASTY],
    )


def test_nothing_in_a_results_file_passes_for_markup() -> None:
    text = summary(nasty())
    assert not markup(text) & {"strong_open", "em_open", "link_open", "s_open", "code_inline", "<b>", "<!-- l"}
    blocks = {each.content.split(">")[0] for each in tokens(text) if each.type == "html_block"}
    assert blocks == {"<details", "</details"}
    assert NASTY in texts(text)[0]
    assert f"Note: {NASTY}" in texts(text)


def test_a_case_of_thousands_of_rows_is_left_to_the_files() -> None:
    long = deviation(case_repr="x" * 100_000, script="y" * 100_000)
    text = summary(results_with(verdict("a.b", "deviates", deviation=long)))
    assert len(text) < 10_000
    assert "... (in full in the results file)" in text
    assert "A script that shows it without this suite is in the report." in text


def test_there_is_no_more_evidence_than_there_is_room(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = summary(realistic())
    assert whole.count("<details><summary><code>") == 2
    monkeypatch.setattr(markdown, "ROOM", 1)
    assert "There is no room for the cases of 2 more; the report has them." in summary(realistic())
