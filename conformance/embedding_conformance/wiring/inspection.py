"""Is the adapter wired right? The inspection tries the plainest of cases (`wiring.probes`) and reports what goes wrong.

An adapter that passes a 0-d index on with shape (1,), or reads back a weight of its own, makes a correct implementation
appear wrong. A mistake that only the adapter can have made ends the run, or turns a verdict into `error`. One that the
implementation can have made as well is noted beside each deviation that it may explain.
"""

from __future__ import annotations

import sys
import traceback
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import embedding_reference
from embedding_conformance.boundary.adapter import Adapter
from embedding_conformance.boundary.attempts import Ending, Failure, attempt
from embedding_conformance.boundary.description import Description
from embedding_conformance.boundary.refusals import Unsupported
from embedding_conformance.boundary.target import UnusableTarget
from embedding_conformance.cases.case import Case, Config
from embedding_conformance.cases.features import matches
from embedding_conformance.judging.compare import Deviation
from embedding_conformance.judging.subject import Subject
from embedding_conformance.wiring.probe import Mistake, Probe
from embedding_conformance.wiring.probes import PROBES, index_mismatch
from embedding_conformance.wiring.resemblance import difference_in_words

ADAPTER, CLASS, EITHER = "the adapter", "the class", "the adapter or the class"
"""The suspects: what may be wired wrongly. A class is driven by an adapter of the suite; of a target that only a worker
imports it is not known whether it is a class or an adapter."""


@dataclass(frozen=True)
class Finding:
    """A mistake that a probe found, and where.

    Attributes:
        probe: the probe.
        mistake: the mistake, on the first of the places.
        places: the dtypes, each with its device if there are several, on which the probe found it.
    """

    probe: Probe
    mistake: Mistake
    places: tuple[str, ...]

    @property
    def summary(self) -> str:
        """What was tried, and what went wrong."""
        return f"{self.probe.what}, on {', '.join(self.places)}: {self.mistake.text}"

    def note(self, suspect: str) -> str:
        """The summary, what may be at fault, and what to check.

        Args:
            suspect: `ADAPTER`, `CLASS` or `EITHER`.
        """
        if suspect == CLASS:
            return f"the class does not do as it should in a plain case. {self.summary}"
        advice = self.mistake.advice or self.probe.advice
        if self.mistake.certain:
            return f"{suspect} looks wired wrongly. {self.summary}. No implementation does that, so {advice}"
        return (
            f"{suspect} may be wired wrongly. {self.summary}. The implementation can have done it too: make the same "
            f"call without the adapter to tell which. In the adapter, {advice}"
        )

    def may_explain(self, deviation: Deviation, device: str) -> bool:
        """Whether the same mistake may have caused a deviation."""
        if self.probe.verbs and not {call.verb for call in deviation.calls} & set(self.probe.verbs):
            return False
        features, case = self.probe.features, deviation.case
        return not features or (case is not None and matches(features, case, device))


@dataclass(frozen=True)
class Wiring:
    """The result of all probes.

    Attributes:
        suspect: `ADAPTER`, `CLASS` or `EITHER`; "" where nothing was tried, because the adapter is one of the suite.
        findings: the mistakes that probes found.
        unchecked: what is not known, because its probe could not be tried.
    """

    suspect: str = ""
    findings: tuple[Finding, ...] = ()
    unchecked: tuple[str, ...] = ()

    @property
    def stop(self) -> str:
        """Why nothing can be tested, or ""."""
        found = [f.note(self.suspect) for f in self.findings if f.mistake.stops and self.suspect == ADAPTER]
        return f"{'; '.join(found)}. Nothing was tested; see docs/write-an-adapter.md" if found else ""

    def notes(self) -> list[str]:
        """The notes for a reader of the results: a sentence for each finding, and for what was not checked."""
        return [*(f.note(self.suspect) for f in self.findings), *self.unchecked]

    def header_lines(self) -> list[str]:
        """The lines about the wiring at the start of a run."""
        if not self.suspect:
            return []
        notes = self.notes() or [f"{self.suspect} does as it should in the plainest of cases"]
        return [f"wiring: {note}" for note in notes]

    @property
    def suspicions(self) -> int:
        """The number of findings for which an adapter may be at fault."""
        return 0 if self.suspect == CLASS else len(self.findings)

    def hint(self, deviation: Deviation, device: str) -> str:
        """What to check before a deviation is reported, or ""."""
        found = [f.summary for f in self.findings if f.may_explain(deviation, device)]
        if not found or self.suspect == CLASS:
            return ""
        return f"before you report this, check {self.suspect}: a plain case comes out wrong too. {found[0]}"


def inspect(
    suspect: str,
    adapter: Adapter,
    fallback: Adapter,
    description: Description,
    dtypes: Sequence[str],
    devices: Sequence[str],
) -> Wiring:
    """Try all probes on one dtype of each device, and those about the table itself on each dtype.

    Args:
        suspect: what may be wired wrongly: `ADAPTER`, `CLASS` or `EITHER`.
        adapter: the adapter that drives the implementation.
        fallback: the adapter for probes that may end the process, which does no harm to it.
        description: the adapter's description of the implementation.
        dtypes: the weight dtypes to be tested.
        devices: the devices to be tested.

    Raises:
        UnusableTarget: the worker cannot be started.
    """
    found: dict[tuple[str, bool], Finding] = {}
    unchecked: dict[str, None] = {}
    first = "float32" if "float32" in dtypes else dtypes[0]
    for device in devices:
        for dtype in sorted(dtypes, key=lambda d: d != first):
            place = dtype if len(devices) == 1 else f"{dtype} on {device}"
            probes = [
                probe
                for probe in PROBES
                # For a class the clauses are enough, and starting a worker for this alone would take seconds.
                if (probe.each_dtype or dtype == first) and not (probe.may_crash and suspect == CLASS)
            ]
            for probe, mistake in _mistakes(probes, adapter, fallback, Subject(adapter, description, dtype, device)):
                if mistake is None:
                    unchecked[probe.unchecked] = None
                    continue
                key = probe.what, mistake.certain
                if all(f.mistake.text != mistake.text for other, f in found.items() if other != key):
                    before = found.get(key, Finding(probe, mistake, ()))
                    found[key] = replace(before, places=(*before.places, place))
    return Wiring(suspect, tuple(found.values()), tuple(unchecked))


def _mistakes(
    probes: Sequence[Probe], adapter: Adapter, fallback: Adapter, subject: Subject
) -> Iterator[tuple[Probe, Mistake | None]]:
    """The mistakes that probes find on one dtype and device, and None for a probe that cannot be tried."""
    failed: set[Sequence[str]] = set()  # verbs that go wrong without arguments, and so with them
    for probe in probes:
        if probe.arguments and probe.verbs in failed:
            continue
        subject.driver.adapter = fallback if probe.may_crash else adapter
        try:
            found = list(_mistakes_of(probe, subject))
        except Unsupported:
            yield probe, None
            continue
        for mistake in found:
            yield probe, mistake
        if found and probe.needed:
            return
        if found and probe.verbs:
            failed.add(probe.verbs)


def _mistakes_of(probe: Probe, subject: Subject) -> Iterator[Mistake]:
    """The mistakes that one probe finds.

    Raises:
        Unsupported: the adapter does not provide what the probe needs, and so something is not known.
        UnusableTarget: the worker cannot be started.
    """
    trained = probe.case(subject.dtype)
    # Complex weights often cannot be differentiated; a probe without a backward tries them frozen.
    frozen = replace(trained, config=replace(trained.config, freeze=True))
    cases = (trained,) if probe.verbs else (trained, frozen)
    case = next((case for case in cases if subject.declarations.of(case) is None), None)
    if case is None:
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        outcome = attempt(lambda: list(probe.run(subject, case)), propagate=(UnusableTarget,))
    if not isinstance(outcome, Failure):
        yield from outcome
    elif outcome.ending is Ending.UNSUPPORTED and probe.unchecked:
        raise outcome.error
    elif outcome.ending is not Ending.UNSUPPORTED or probe.needed:
        yield _mistake_of(outcome, probe, subject.driver.adapter)


def _mistake_of(failure: Failure, probe: Probe, adapter: Adapter) -> Mistake:
    """The mistake that a plain case shows by ending in this way."""
    error = failure.error
    if failure.ending is Ending.UNSUPPORTED:
        advice = "declare in describe() what is not provided; what the implementation raises is Refused"
        text = f"it raised Unsupported ({failure.text}), which describe() does not declare: little can be tested"
        return Mistake(text, certain=True, advice=advice)
    if failure.ending is Ending.REFUSED:
        return Mistake(f"it was refused ({failure.text}{_where(error.__cause__ or error.__context__, adapter)})")
    if failure.ending is Ending.DIED:
        return Mistake(f"the process did not survive it ({failure.text})")
    if failure.ending is Ending.MISANSWERED:
        return Mistake(failure.text, certain=True, stops=probe.needed, advice="answer as docs/protocol.md says")
    text = f"the adapter broke: {failure.text}{_where(error, adapter)}"
    return Mistake(
        text,
        certain=True,
        stops=probe.needed,
        advice="mend that; what the implementation raises is raised as Refused",
    )


OURS = (str(Path(__file__).parents[1]), str(Path(embedding_reference.__file__).parent))
"""The folders of the suite itself, which are left out of the answer to where an exception was raised."""


def _where(error: BaseException | None, adapter: Adapter) -> str:
    """The place where an exception was raised, with a remark if it is in the adapter's own file; or ""."""
    raised = traceback.extract_tb(error.__traceback__) if error else ()
    frames = [frame for frame in raised if not frame.filename.startswith((*OURS, "<"))]
    if not frames:
        return ""
    file, line = frames[-1].filename, frames[-1].lineno
    own = ", in the adapter's own file" if file == _file_of(adapter) else ""
    return f", raised at {Path(file).name}:{line}{own}"


def _file_of(adapter: Adapter) -> str | None:
    return getattr(sys.modules.get(type(adapter).__module__), "__file__", None)


def undermined(subject: Subject, case: Case | None) -> str:
    """Why a deviation says nothing about the implementation, because the adapter changes the case itself; or ""."""
    if case is None:
        return ""
    plain = replace(
        case, config=Config(case.config.num_embeddings, case.config.embedding_dim, freeze=case.config.freeze)
    )
    again = Subject(subject.driver.adapter, subject.description, subject.dtype, subject.device)
    change = attempt(lambda: _change_by_adapter(again, plain))
    return "" if isinstance(change, Failure) else change  # a failure shows nothing against the adapter


def _change_by_adapter(subject: Subject, case: Case) -> str:
    """What the adapter changes in a case before the implementation takes part, or ""."""
    instance = subject.make(case)
    if (weight := instance.weight()) != case.weight:
        difference = difference_in_words(case.weight, weight)
        return f"the adapter gives back another weight than it was given, without a lookup: {difference}"
    if case.features()["index_out_of_range"]:
        return ""
    mismatch = index_mismatch(case, instance.forward(lookup=case.lookups[0]).index_after)
    return mismatch and f"the adapter does not get the index across: {mismatch}"
