"""The diagnosis of a deviation: the smallest case, the pattern of the cases in which it shows, and a fault model."""

from __future__ import annotations

from collections.abc import Sequence

from embedding_conformance.cases.case import Case
from embedding_conformance.cases.whole import Features
from embedding_conformance.diagnosis.explain import explain
from embedding_conformance.diagnosis.finding import Finding
from embedding_conformance.diagnosis.pattern import Pattern, features_of, learn
from embedding_conformance.diagnosis.reduce import reduced
from embedding_conformance.diagnosis.trials import Trials
from embedding_conformance.diagnosis.vary import varied
from embedding_conformance.diagnosis.visible import could_show
from embedding_conformance.judging.compare import Deviation


def diagnose(trials: Trials, deviation: Deviation, known: Sequence[Finding], here: Sequence[Finding]) -> Finding:
    """The finding that a deviation comes to.

    Args:
        trials: runs further cases of the clause; it may hold cases already.
        deviation: the deviation, with its case.
        known: the findings of other clauses, which may be of the same cause.
        here: the findings of this clause on this dtype and device, outside whose patterns the case lies. One of them
            is returned, with a wider pattern, where it turns out to be the same.
    """
    case = deviation.case
    assert case is not None
    if (seen := _seen_elsewhere(trials, deviation, known)) is not None:
        return seen
    apart = [finding for finding in here if finding.is_shown_by(deviation)]
    smallest = reduced(case, lambda one: trials.fails(one) and not any(finding.covers(one) for finding in apart))
    of_smallest = trials.deviation(smallest) or deviation
    for other in known:
        if other.has_become(of_smallest):
            return _found(trials, smallest, deviation, other.pattern, [], [])
    _vary(trials, smallest)
    deviating, conforming = _features(trials, deviation)
    for finding in apart:
        wider = learn([*finding.deviating, *deviating], conforming)
        if not any(map(wider.holds, conforming)):
            finding.pattern = wider
            finding.deviating += deviating
            return finding
    for other in known:
        if other.is_shown_by(deviation) and other.fits(deviating, conforming):
            return _found(trials, smallest, deviation, other.pattern, deviating, conforming)
    own = [features for features in deviating if not any(finding.pattern.holds(features) for finding in apart)]
    found = _found(trials, smallest, deviation, learn(own, conforming), deviating, conforming)
    if found.explanation is not None:
        better = learn(own, found.conforming)
        found.pattern = better if better.conditions else found.pattern
    return found


def _seen_elsewhere(trials: Trials, deviation: Deviation, known: Sequence[Finding]) -> Finding | None:
    """The finding, where it is of another clause's cause, whose smallest case fails here, too."""
    case = deviation.case
    assert case is not None
    for other in known:
        same = other.case and other.case.with_dtype(case.weight.dtype)
        if same and other.is_shown_by(deviation) and other.covers(case) and trials.fails(same):
            smallest = reduced(same, trials.fails)
            if not any(one.pattern == other.pattern and one.deviation.answer == deviation.answer for one in known):
                _vary(trials, smallest)  # to explain it: the fault models are about another answer
            return _found(trials, smallest, deviation, other.pattern, *_features(trials, deviation))
    return None


def _vary(trials: Trials, smallest: Case) -> None:
    for one in varied(smallest):
        trials.deviation(one)


def _features(trials: Trials, deviation: Deviation) -> tuple[list[Features], list[Features]]:
    """The features of the cases that deviate, and of those that do not although they could."""
    conforming = [case for case in trials.conforming if could_show(case, deviation)]
    return [*map(features_of, trials.deviating)], [*map(features_of, conforming)]


def _found(
    trials: Trials,
    smallest: Case,
    deviation: Deviation,
    pattern: Pattern,
    deviating: Sequence[Features],
    conforming: list[Features],
) -> Finding:
    shown = trials.deviation(smallest) or deviation
    covered = [features for features in deviating if pattern.holds(features)]
    finding = Finding(shown, smallest, pattern, covered, conforming, clause=trials.clause)
    if shown.answer:
        finding.models = explain(trials.observations, shown.answer, finding.covers)
    if (explanation := finding.explanation) is not None:  # then it is known better what could have shown
        finding.conforming = [features_of(c) for c in trials.conforming if could_show(c, shown, explanation)]
    return finding
