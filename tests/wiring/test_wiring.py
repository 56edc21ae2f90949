"""An adapter that lies is told so in words; one that does not is not accused, nor is what it drives."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

import plain
import wired
from embedding_conformance.boundary.target import BUNDLED, resolve
from embedding_conformance.judging.compare import Deviation
from embedding_conformance.judging.subject import Subject
from embedding_conformance.wiring import inspection
from embedding_conformance.wiring.inspection import ADAPTER, CLASS, Wiring
from embedding_conformance.wiring.probes import PROBES
from embedding_reports.model.summary import headline
from processes import IMPORTABLE, Run, suite

STOPS, CERTAIN, EITHER = "stops", "certain", "either"


def found(adapter: Any) -> Wiring:
    """What the plain cases say of an adapter."""
    described = adapter.describe()
    return inspection.inspect(ADAPTER, adapter, adapter, described, described.dtypes, ("cpu",))


def test_a_complex_table_is_tried_frozen_where_it_is_not_differentiable() -> None:
    adapter = resolve("torch")
    tables = [probe for probe in PROBES if probe.each_dtype]
    for dtype in ("complex64", "complex128"):
        subject = Subject(adapter, adapter.describe(), dtype, "cpu")
        for probe in tables:
            assert not list(inspection._mistakes_of(probe, subject))
        assert [call.arguments["config"].freeze for call in subject.driver.calls if call.verb == "make"] == [True, True]


def test_an_adapter_that_is_right_is_not_accused() -> None:
    assert found(wired.Adapter()) == Wiring(ADAPTER)


SLOW = {"torch-compile", "torch-compile-aot"}
"""They compile for seconds a case, and are driven as torch-compile-eager is."""

BLANK = {"torch-fake"}
"""Their tensors have no data: little of what a plain case shows can be seen."""

DEVIATE = {
    "torch-script": {"max_norm"},
    "torch-bag": {"scale_grad_by_freq"},
    "torch-dtensor-row": {"index_out_of_range"},
}
"""What their ledgers have, too, shows in a plain case."""


@pytest.mark.parametrize("name", [name for name in BUNDLED if name not in SLOW | BLANK])
def test_no_bundled_adapter_is_accused(name: str) -> None:
    if name == "torch-onnx" or not name.startswith("torch"):
        pytest.importorskip("onnxruntime" if name == "torch-onnx" else name)
    wiring = found(resolve(name))
    assert {feature for finding in wiring.findings for feature in finding.probe.features} == DEVIATE.get(name, set())
    assert not any(finding.mistake.certain for finding in wiring.findings)
    assert name == "mlx" or not wiring.unchecked


LIES = [
    (wired.Contiguous(), CERTAIN, "looking up a 0-d index", "int64 of shape () and is int64 of (1,)"),
    (wired.BigEndian(), STOPS, "reading it back", "in reverse order (big-endian); first at [0, 0]: 1.0 (0x3f800000)"),
    (wired.BigEndianBothWays(), EITHER, "differentiating lookups", "upstream gradient is read with the bytes of each"),
    (wired.Transposed(), STOPS, "reading it back", "that of a transposed table"),
    (wired.TransposedBothWays(), STOPS, "reading it back", "that of a transposed table"),
    (wired.Canonical(), CERTAIN, "making a table of NaN", "only the bits of NaN or the sign of zero were lost"),
    (wired.Half(), STOPS, "reading it back, on float16", "should be there"),
    (wired.Narrow(), CERTAIN, "the output of [0, 2]", "int64 of shape (2,) and is int32 of (2,)"),
    (wired.Spelled(), STOPS, "reading it back", "ValueError: unknown dtype '<f4'"),
    (wired.Listed(), STOPS, "reading it back", "the shape of it is a list; it must be a tuple"),
    (wired.Arrays(), STOPS, "reading it back", "it is a numpy.ndarray; it must be a Tensor"),
    (wired.NoInstance(), STOPS, "reading it back", "it is None, without forward()"),
    (wired.NoOptions(), STOPS, "reading it back", "unexpected keyword argument 'device'"),
    (wired.ScalarOfOne, EITHER, "looking up a 0-d index", "its shape is (1, 2), not (2,), with the same elements"),
    (wired.NarrowQuietly, EITHER, "index 4294967297", "answered, as for an index cut to 32 bits, not refused"),
    (wired.Keeps, STOPS, "edit()", "a lookup gives the new weight, but weight() the one from before"),
    (wired.KeepsWithoutEdit, EITHER, "max_norm", "renormalised, but the weight read after the call is not"),
    (wired.EditsACopy, STOPS, "edit()", "neither weight() nor a lookup shows the new weight"),
    (wired.Double, EITHER, "looking up [0, 2]", "it is float64, not float32, with the same values"),
    (wired.Sums, EITHER, "differentiating lookups", "for an upstream gradient of ones"),
    (wired.Late, EITHER, "differentiating lookups", "it is the gradient of the call before"),
    (wired.Coalesces, EITHER, "sparse=True", "claims to be coalesced, with rows [0, 2, 0]"),
    (wired.Catches, EITHER, "index 3 of 3", "it was answered, not refused"),
    (wired.Shrugs, CERTAIN, "index 3 of 3", "it raised Unsupported (index out of range)"),
    (wired.ShrugsAlways, CERTAIN, "looking up [0, 2]", "which describe() does not declare"),
    (wired.Slips, EITHER, "looking up [0, 2]", "no attribute 'embeding', raised at wired.py:"),
    (wired.Breaks, STOPS, "looking up [0, 2]", "the adapter broke: AttributeError"),
    (wired.Bare, STOPS, "looking up [0, 2]", "it is a Tensor; it must be a Forward"),
    (wired.Pairs, STOPS, "looking up [0, 2]", "it is a tuple; it must be a Forward"),
    (wired.Numbered, EITHER, "the output of [0, 2]", "device is 'cpu:0', while describe() lists cpu"),
    (wired.BareGradient, CERTAIN, "differentiating lookups", "it is a Gradient; it must be a Backward"),
    (wired.dropping("padding_idx"), EITHER, "padding_idx=0", "it is as if padding_idx had not been given"),
    (wired.dropping("max_norm"), EITHER, "max_norm=1.0", "it is as if max_norm had not been given"),
    (wired.dropping("norm_type"), EITHER, "norm_type=1.0", "it is as if norm_type had not been given"),
    (wired.dropping("scale_grad_by_freq"), EITHER, "scale_grad_by_freq=True", "as if scale_grad_by_freq had not been"),
    (wired.dropping("sparse"), EITHER, "sparse=True", "it is as if sparse had not been given"),
    (wired.dropping("trained"), EITHER, "freeze=True", "as if freeze had not been given"),
]


@pytest.mark.parametrize(("lie", "how", "where", "words"), LIES, ids=[getattr(x[0], "__name__", x[2]) for x in LIES])
def test_each_lie_is_told(lie: Any, how: str, where: str, words: str) -> None:
    wiring = found(wired.driving(lie) if isinstance(lie, type) else lie)
    first = wiring.findings[0]
    assert where in first.summary
    assert words in first.summary
    assert (first.mistake.certain, first.mistake.stops) == (how != EITHER, how == STOPS)
    assert (wiring.stop != "") == (how == STOPS)
    assert ("may be wired wrongly" in wiring.notes()[0]) == (how == EITHER)


def test_every_liar_is_tried() -> None:
    tried = {lie if isinstance(lie, type) else type(lie) for lie, *_ in LIES}
    liars = {
        kind
        for kind in vars(wired).values()
        if isinstance(kind, type)
        and issubclass(kind, (wired.Adapter, wired.Instance))
        and kind not in (wired.Adapter, wired.Instance, wired.Runs, wired.RunsStale)
    }
    assert liars <= tried


def test_every_probe_tells_a_lie() -> None:
    telling = {where for *_, where, _ in LIES}
    silent = [probe.what for probe in PROBES if not any(where.partition(", on ")[0] in probe.what for where in telling)]
    # Indices far out of range tell what those just out of range do, and more; without elements little can go wrong.
    assert silent == ["looking up an empty index"]


def test_what_could_not_be_tried_is_said() -> None:
    assert found(plain.Plain()).notes()[-1] == (
        "whether weight() reads the implementation's own weight is not known: the adapter has no edit()"
    )


def test_of_a_class_no_adapter_is_spoken() -> None:
    adapter = wired.driving(wired.Double)
    described = adapter.describe()
    wiring = inspection.inspect(CLASS, adapter, adapter, described, ("float32",), ("cpu",))
    (note,) = wiring.notes()
    assert note.startswith("the class does not do as it should in a plain case. looking up [0, 2]")
    assert not wiring.hint(Deviation("it differs", expected="this", observed="that"), "cpu")
    assert not wiring.suspicions


# -- what a run makes of it --------------------------------------------------------------------------------------------


def test_of_an_adapter_that_is_right_a_run_says_so(tmp_path: Path) -> None:
    run = suite(tmp_path, "wired:Adapter", "test_bits or test_sum or test_out_of_range or test_renormalises")
    assert run.status == 0, run.text
    assert "wiring: the adapter does as it should in the plainest of cases" in run.text
    assert set(run.verdicts.values()) == {"conforms"}
    assert "wiring" not in run.document["footer"]


@pytest.mark.parametrize("command", [False, True], ids=["here", "elsewhere"])
def test_a_run_on_an_adapter_that_cannot_be_believed_stops(tmp_path: Path, command: bool) -> None:
    paths = f"env 'PYTHONPATH={IMPORTABLE}' '{sys.executable}'"
    target = f"command:{paths} -m embedding_conformance.worker wired:RunsStale" if command else "wired:RunsStale"
    run = suite(tmp_path, target, "test_bits")
    assert run.status == 2
    (message,) = [line for line in run.errors.splitlines() + run.text.splitlines() if "Exit: " in line]
    assert "the adapter looks wired wrongly. writing another table with edit() and reading it back" in message
    assert "Nothing was tested" in message
    assert "Traceback" not in run.errors + run.text
    assert not run.document["verdicts"]
    assert "did not run: --embedding" in headline(run.results)


def clause_of_a_scalar(tmp_path: Path, target: str) -> Run:
    """A run of a clause that deviates for a 0-d index handed over as (1,)."""
    return suite(tmp_path, target, "test_shape or test_sum", profile="default")


def test_a_deviation_that_the_adapter_may_have_made_says_so(tmp_path: Path) -> None:
    run = clause_of_a_scalar(tmp_path, "wired:Runs")
    verdict = run.verdict("lookup.shape")
    assert verdict["verdict"] == "deviates"
    assert verdict["reason"].startswith("before you report this, check the adapter: a plain case comes out wrong too.")
    assert verdict["reason"] in run.text
    assert "note: the adapter may be wired wrongly. looking up a 0-d index" in run.text
    assert "Look at the adapter first: 1 of the plainest cases comes out wrong." in headline(run.results)
    assert run.document["footer"]["wiring"] == 1


def test_a_deviation_that_the_adapter_made_is_an_error(tmp_path: Path) -> None:
    run = clause_of_a_scalar(tmp_path, "wired:Contiguous")
    verdict = run.verdict("lookup.shape")
    assert (verdict["verdict"], verdict["deviation"]) == ("error", None)
    assert "the adapter does not get the index across: the index was given as int64 of shape ()" in verdict["reason"]
    assert run.verdict("gradient.sum")["verdict"] in ("conforms", "error")
    assert run.status == 1


def test_bits_that_the_adapter_loses_are_not_the_lookups_loss(tmp_path: Path) -> None:
    run = suite(tmp_path, "wired:Canonical", "test_nan_payload or test_renormalises", profile="default")
    verdict = run.verdict("lookup.nan-payload")
    assert verdict["verdict"] == "error"
    assert "the adapter gives back another weight than it was given, without a lookup" in verdict["reason"]
    assert run.verdict("max_norm.renormalises")["verdict"] == "conforms"


def test_a_class_is_not_taken_for_an_adapter(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "import torch\n\n\nclass Mine(torch.nn.Embedding):\n"
        "    def forward(self, index):\n        return super().forward(index).double()\n",
        encoding="utf-8",
    )
    run = suite(tmp_path, "mine:Mine", "test_shape")
    assert run.verdict("lookup.shape")["verdict"] == "deviates"
    assert run.verdict("lookup.shape")["reason"] is None
    assert "wiring: the class does not do as it should in a plain case. looking up [0, 2]" in run.text


def test_a_deviation_of_the_implementation_stands_where_the_adapter_is_right() -> None:
    adapter = wired.Adapter()
    subject = Subject(adapter, adapter.describe(), "float32", "cpu")
    for probe in PROBES:
        assert not inspection.undermined(subject, probe.case("float32"))
