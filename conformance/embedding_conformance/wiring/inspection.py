"""Is the adapter wired right? What came of the plainest of cases (`wiring.probes`), and what follows from it.

An adapter that hands over a 0-d index with shape (1,), or reads back a weight of its own, makes a right implementation
look wrong. What only the adapter can have got wrong ends the run, or makes an `error` of a verdict; what either can is
said beside each deviation that it may explain.
"""

from __future__ import annotations

import sys
import traceback
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import embedding_conformance
import embedding_reference
from embedding_conformance.boundary.adapter import Adapter, Description, Died, Refused, Unsupported
from embedding_conformance.boundary.answers import Misanswered
from embedding_conformance.boundary.target import UnusableTarget
from embedding_conformance.cases.case import Case, Config
from embedding_conformance.cases.features import matches
from embedding_conformance.judging.compare import Deviation
from embedding_conformance.judging.subject import Subject
from embedding_conformance.wiring.probes import PROBES, Probe, Seen, mangled_index
from embedding_conformance.wiring.resemblance import told

ADAPTER, CLASS, EITHER = "the adapter", "the class", "the adapter or the class"
"""What may be wired wrongly. A class is driven by an adapter of ours; in a process of its own it is not known."""


@dataclass(frozen=True)
class Finding:
    """What came out wrong.

    Attributes:
        probe: what was tried.
        seen: what came of it.
        places: the dtypes, and devices if there are several, on which it did; `seen` is about the first.
    """

    probe: Probe
    seen: Seen
    places: tuple[str, ...]

    @property
    def gist(self) -> str:
        """What was tried, and what came of it."""
        return f"{self.probe.what}, on {', '.join(self.places)}: {self.seen.text}"

    def words(self, who: str) -> str:
        """The gist, whose doing it is, and what to look at."""
        if who == CLASS:
            return f"the class does not do as it should in a plain case. {self.gist}"
        look = self.seen.look or self.probe.look
        if self.seen.certain:
            return f"{who} looks wired wrongly. {self.gist}. No implementation does that, so {look}"
        return (
            f"{who} may be wired wrongly. {self.gist}. The implementation can have done it too: make the same call "
            f"without the adapter to tell which. In the adapter, {look}"
        )

    def may_explain(self, deviation: Deviation, device: str) -> bool:
        """Whether a deviation may come of the same mistake."""
        if self.probe.verbs and not {call.verb for call in deviation.calls} & set(self.probe.verbs):
            return False
        features, case = self.probe.features, deviation.case
        return not features or (case is not None and matches(features, case, device))


@dataclass(frozen=True)
class Wiring:
    """What came of all probes.

    Attributes:
        who: what may be wired wrongly; "" where nothing of the user's is, and nothing was tried.
        findings: what came out wrong.
        unchecked: what could not be tried, and so is not known.
    """

    who: str = ""
    findings: tuple[Finding, ...] = ()
    unchecked: tuple[str, ...] = ()

    @property
    def stop(self) -> str:
        """Why nothing can be tested, or ""."""
        found = [f.words(self.who) for f in self.findings if f.seen.stops and self.who == ADAPTER]
        return f"{'; '.join(found)}. Nothing was tested; see docs/write-an-adapter.md" if found else ""

    def notes(self) -> list[str]:
        """What a reader of the results should know."""
        return [*(f.words(self.who) for f in self.findings), *self.unchecked]

    def header_lines(self) -> list[str]:
        """The same at the start of a run."""
        if not self.who:
            return []
        said = self.notes() or [f"{self.who} does as it should in the plainest of cases"]
        return [f"wiring: {line}" for line in said]

    @property
    def suspicions(self) -> int:
        """How many of the plain cases came out wrong, where that may be an adapter's doing."""
        return 0 if self.who == CLASS else len(self.findings)

    def hint(self, deviation: Deviation, device: str) -> str:
        """What to check before a deviation is reported, or ""."""
        found = [f.gist for f in self.findings if f.may_explain(deviation, device)]
        if not found or self.who == CLASS:
            return ""
        return f"before you report this, check {self.who}: a plain case comes out wrong too. {found[0]}"


def inspect(
    who: str,
    adapter: Adapter,
    refuge: Adapter,
    description: Description,
    dtypes: Sequence[str],
    devices: Sequence[str],
) -> Wiring:
    """Try all probes on one dtype, and those about the table itself on each.

    Args:
        who: `ADAPTER`, `CLASS` or `EITHER`.
        adapter: what drives the implementation.
        refuge: what drives it where a death does no harm.
        description: what the adapter says of itself.
        dtypes: the weight dtypes to be tested.
        devices: the devices.

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
                # Of a class the clauses say it all, and a worker only for this would take seconds to start.
                if (probe.each_dtype or dtype == first) and not (probe.may_crash and who == CLASS)
            ]
            for probe, seen in _tried(probes, adapter, refuge, Subject(adapter, description, dtype, device)):
                if seen is None:
                    unchecked[probe.unchecked] = None
                    continue
                key = probe.what, seen.certain
                if all(f.seen.text != seen.text for other, f in found.items() if other != key):
                    before = found.get(key, Finding(probe, seen, ()))
                    found[key] = replace(before, places=(*before.places, place))
    return Wiring(who, tuple(found.values()), tuple(unchecked))


def _tried(
    probes: Sequence[Probe], adapter: Adapter, refuge: Adapter, subject: Subject
) -> Iterator[tuple[Probe, Seen | None]]:
    """What comes out wrong on one dtype and device, and None for a probe that must be left out."""
    failed: set[Sequence[str]] = set()  # verbs that go wrong without any argument, and so with one
    for probe in probes:
        if probe.arguments and probe.verbs in failed:
            continue
        subject.adapter = refuge if probe.may_crash else adapter
        try:
            wrong = list(_wrong(probe, subject))
        except Unsupported:
            yield probe, None
            continue
        for seen in wrong:
            yield probe, seen
        if wrong and probe.needed:
            return
        if wrong and probe.verbs:
            failed.add(probe.verbs)


def _wrong(probe: Probe, subject: Subject) -> Iterator[Seen]:
    """What comes out wrong of one probe.

    Raises:
        Unsupported: the adapter does not provide what it takes, and something is not known for it.
        UnusableTarget: the worker cannot be started.
    """
    trained = probe.case(subject.dtype)
    # Complex weights often cannot be differentiated, and where there is no backward they need not be.
    frozen = replace(trained, config=replace(trained.config, freeze=True))
    cases = (trained,) if probe.verbs else (trained, frozen)
    case = next((case for case in cases if subject.declaration(case) is None), None)
    if case is None:
        return
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield from list(probe.run(subject, case))
    except UnusableTarget:
        raise
    except Unsupported as unsupported:
        if probe.unchecked:
            raise
        if probe.needed:
            look = "declare in describe() what is not provided; what the implementation raises is Refused"
            text = f"it raised Unsupported ({unsupported}), which describe() does not declare: little can be tested"
            yield Seen(text, certain=True, look=look)
    except Refused as refused:
        yield Seen(f"it was refused ({refused}{_where(refused.__cause__ or refused.__context__, subject.adapter)})")
    except (Died, SystemExit) as died:
        yield Seen(f"the process did not survive it ({died})")
    except Misanswered as misanswered:
        yield Seen(
            str(misanswered),
            certain=True,
            stops=probe.needed,
            look="answer as docs/protocol.md says",
        )
    except Exception as error:  # noqa: BLE001 - anything may be wrong with an adapter
        said = (str(error).strip() or "no message").splitlines()[-1]
        text = f"the adapter broke: {type(error).__name__}: {said}{_where(error, subject.adapter)}"
        look = "mend that; what the implementation raises is raised as Refused"
        yield Seen(text, certain=True, stops=probe.needed, look=look)


OURS = tuple(str(Path(package.__file__ or "").parent) for package in (embedding_conformance, embedding_reference))
"""Folders in which an exception is raised on behalf of an adapter."""


def _where(error: BaseException | None, adapter: Adapter) -> str:
    """Where an exception was raised, and whether that is in the adapter's own file."""
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
    """Why a deviation says nothing of the implementation: the adapter does not get the case itself across; or ""."""
    if case is None:
        return ""
    plain = replace(
        case, config=Config(case.config.num_embeddings, case.config.embedding_dim, freeze=case.config.freeze)
    )
    again = Subject(subject.adapter, subject.description, subject.dtype, subject.device)
    try:
        instance = again.make(plain)
        if (came := instance.weight()) != case.weight:
            return (
                f"the adapter gives back another weight than it was given, without a lookup: {told(case.weight, came)}"
            )
        if not case.features()["index_out_of_range"]:
            after = instance.forward(lookup=case.lookups[0]).index_after
            return (
                mangled_index(case, after)
                and f"the adapter does not get the index across: {mangled_index(case, after)}"
            )
    except Exception:  # noqa: BLE001 - then there is nothing to say against the adapter
        return ""
    return ""
