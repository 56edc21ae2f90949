"""The probes, which find an adapter that is wired wrongly: each makes a 3 x 2 table and does little with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import MISSING, fields, replace
from typing import Any

from embedding_conformance.boundary.observations import Backward, Gradient
from embedding_conformance.boundary.refusals import Refused, Unsupported
from embedding_conformance.boundary.verbs import VERBS
from embedding_conformance.cases.case import Case, Config
from embedding_conformance.judging import compare
from embedding_conformance.judging.compare import Deviation
from embedding_conformance.judging.expectations import Expectations
from embedding_conformance.judging.subject import Subject
from embedding_conformance.wiring.probe import Mistake, Probe, counted
from embedding_conformance.wiring.resemblance import difference_in_words, swapped
from embedding_reference import Exactly, Tensor, Within


def index_mismatch(case: Case, observed: Tensor) -> str:
    """How the index after a lookup differs from the one given in dtype or shape, which no lookup changes; or ""."""
    if (observed.dtype, observed.shape) == (case.index.dtype, case.index.shape):
        return ""
    given = f"{case.index.dtype} of shape {case.index.shape}"
    return f"the index was given as {given} and is {observed.dtype} of {observed.shape}"


# -- the table, without a lookup --------------------------------------------------------------------------------------


def _read_back(subject: Subject, case: Case, *, stops: bool = True) -> Iterator[Mistake]:
    observed = subject.make(case).weight()
    if observed != case.weight:
        difference = difference_in_words(case.weight, observed)
        text = f"the weight differs from the one given, though there was no lookup: {difference}"
        yield Mistake(text, certain=True, stops=stops)


def _read_back_special_bits(subject: Subject, case: Case) -> Iterator[Mistake]:
    """Read back a quiet and a signalling NaN with a payload, -0.0, the smallest subnormal, infinity and zero."""
    form = case.weight.format
    size, fraction = form.component_size * 8, form.precision - 1
    infinity = ((1 << (size - 1 - fraction)) - 1) << fraction
    quiet, payload = 1 << (fraction - 1), 0b10101
    patterns = (infinity | quiet | payload, infinity | payload, 1 << (size - 1), 1, infinity, 0)
    data = b"".join(p.to_bytes(size // 8, "little") * form.components for p in patterns)
    yield from _read_back(
        subject, replace(case, weight=Tensor(case.weight.dtype, case.weight.shape, data)), stops=False
    )


def _edit(subject: Subject, case: Case) -> Iterator[Mistake]:
    instance, other = subject.make(case), counted(subject.dtype, (3, 2), 11)
    instance.edit(weight=other)
    observed = instance.weight()
    if observed == other:
        return
    output = instance.forward(lookup=case.lookups[0]).output
    text = f"weight() does not give what was written: {difference_in_words(other, observed)}"
    if observed == case.weight and Exactly(output) == subject.permits(case).output_from(other):
        text = "a lookup gives the new weight, but weight() the one from before: it does not read it anew"
    elif observed == case.weight:
        text = "neither weight() nor a lookup shows the new weight: edit() wrote to something else"
    yield Mistake(text, certain=True, stops=True)


# -- lookups ----------------------------------------------------------------------------------------------------------


def _look_up(subject: Subject, case: Case) -> Iterator[Mistake]:
    observed = subject.make(case).forward(lookup=case.lookups[0]).output
    permitted = subject.permits(case).output
    assert isinstance(permitted, Exactly)
    if observed != permitted.tensor:
        yield Mistake(f"the output is wrong: {difference_in_words(permitted.tensor, observed)}")


def _check_index_and_device(subject: Subject, case: Case) -> Iterator[Mistake]:
    """Check what a lookup returns beside its output: the index after the call, and the device."""
    observed = subject.make(case).forward(lookup=case.lookups[0])
    if mismatch := index_mismatch(case, observed.index_after):
        yield Mistake(mismatch, certain=True)
    elif observed.index_after != case.index:
        yield Mistake(f"the index after the call is another: {difference_in_words(case.index, observed.index_after)}")
    if observed.device not in subject.description.devices:
        listed = ", ".join(subject.description.devices)
        yield Mistake(f"the output's device is {observed.device!r}, while describe() lists {listed}")


def _look_up_shape(subject: Subject, case: Case) -> Iterator[Mistake]:
    """Check the output, unless the adapter changed the index itself."""
    mistakes = list(_check_index_and_device(subject, case))
    yield from mistakes or _look_up(subject, case)


def _freeze(subject: Subject, case: Case) -> Iterator[Mistake]:
    if subject.make(case).forward(lookup=case.lookups[0]).requires_grad:
        yield Mistake("the output requires a gradient, as if freeze had not been given")


def _renormalise(subject: Subject, case: Case) -> Iterator[Mistake]:
    instance = subject.make(case)
    output = instance.forward(lookup=case.lookups[0]).output
    permitted = subject.permits(case)
    if wrong := _wrong(lambda: subject.judge("the output", permitted.output, output)):
        yield Mistake(wrong + _as_if(case, lambda other: _is_output_of(other, output)))
    elif instance.weight() == case.weight:
        yield Mistake(
            "the output is renormalised, but the weight read after the call is not: it does not show the call"
        )


def _is_output_of(case: Case, output: Tensor) -> bool:
    permitted = Expectations(case).output
    return not _wrong(lambda: compare.compare("it", permitted, output))


# -- gradients --------------------------------------------------------------------------------------------------------


def _differentiate(subject: Subject, case: Case) -> Iterator[Mistake]:
    """Differentiate two lookups, each on an instance of its own, so that a gradient left from the first shows."""
    other = replace(
        case.lookups[0], index=Tensor.of("int64", (3,), [1, 1, 0]), upstream=counted(subject.dtype, (3, 2), 7)
    )
    second = replace(case, lookups=(other,))
    found = ""
    for current, before in ((case, None), (second, case)):
        observed = subject.make(current).gradient(lookups=current.lookups)
        if wrong := _wrong_gradient(subject, current, observed):
            mark = _gradient_mark(current, observed, before)
            found = wrong + mark if mark else found or wrong
    if found:
        yield Mistake(found)


def _differentiate_with_argument(subject: Subject, case: Case) -> Iterator[Mistake]:
    observed = subject.make(case).gradient(lookups=case.lookups)
    if wrong := _wrong_gradient(subject, case, observed):
        yield Mistake(wrong + _as_if(case, lambda other: _is_gradient_of(other, observed.gradient)))
    gradient = observed.gradient
    if gradient and gradient.rows and gradient.coalesced:
        rows = list(gradient.rows.components())
        if rows != sorted(set(rows)):
            yield Mistake(
                f"the gradient claims to be coalesced, with rows {rows}: in order and each once, or do not claim it"
            )


def _wrong_gradient(subject: Subject, case: Case, observed: Backward) -> str:
    return _wrong(lambda: subject.judge_gradient(case, subject.permits(case).gradient, observed))


def _gradient_mark(case: Case, observed: Backward, before: Case | None) -> str:
    """What a wrong gradient is instead, if it is one of the usual mistakes; or ""."""
    gradient, lookup = observed.gradient, case.lookups[0]
    ones = Tensor.of(case.weight.dtype, lookup.upstream.shape, [1] * lookup.upstream.numel)
    if _is_gradient_of(replace(case, lookups=(replace(lookup, upstream=ones),)), gradient):
        return "; it is the gradient for an upstream gradient of ones, as of a sum: the one given is ignored"
    if before is not None and _is_gradient_of(before, gradient):
        return "; it is the gradient of the call before"
    turned = replace(case, lookups=(replace(lookup, upstream=swapped(lookup.upstream)),))
    if gradient and _is_gradient_of(turned, replace(gradient, values=swapped(gradient.values))):
        return "; the upstream gradient is read with the bytes of each number in reverse order (big-endian)"
    return ""


def _is_gradient_of(case: Case, gradient: Gradient | None) -> bool:
    """Whether a gradient, dense or sparse, is permitted for a case."""
    if gradient is None:
        return False
    permitted = Expectations(case).gradient
    assert isinstance(permitted, Within)
    layout = "dense" if gradient.rows is None else "sparse"
    return not _wrong(lambda: compare.compare_gradient("it", permitted, gradient, layout))


# -- refusals ---------------------------------------------------------------------------------------------------------


def _look_up_out_of_range(subject: Subject, case: Case) -> Iterator[Mistake]:
    try:
        observed = subject.make(case).forward(lookup=case.lookups[0])
    except Refused:
        return
    except Unsupported as unsupported:
        yield Mistake(
            f"it raised Unsupported ({unsupported}), which is for what the adapter does not provide; what the "
            "implementation raises is Refused, and without it no clause about refusals is tested",
            certain=True,
        )
        return
    cut = case.weight.row(case.positions[0] % 2**32 % 3)
    mark = ", as for an index cut to 32 bits" if case.positions[0] > 2**31 and observed.output.data == cut else ""
    yield Mistake(f"it was answered{mark}, not refused: the output is {observed.output!r}")


# -- what they share --------------------------------------------------------------------------------------------------


def _wrong(judged: Callable[[], object]) -> str:
    """The message of the deviation that a judgement raises, or ""."""
    try:
        judged()
    except Deviation as deviation:
        return str(deviation)
    return ""


def _as_if(case: Case, explains: Callable[[Case], bool]) -> str:
    """The argument without which the case explains what was observed, in words; or ""."""
    for name, default in _DEFAULTS.items():
        changes: dict[str, Any] = {name: default}
        left_out = replace(case, config=replace(case.config, **changes))
        if left_out != case and explains(left_out):
            return f"; it is as if {name} had not been given"
    return ""


_DEFAULTS = {f.name: f.default for f in fields(Config) if f.default is not MISSING}

_HANDED_OVER = "see whether make hands the argument to the implementation"
_TURNED = (
    "see how make turns bytes (little-endian, row by row) into an array, and weight() an array into bytes: the byte "
    "order, order='F' or a transpose, a conversion through another dtype; --embedding-dtype leaves dtypes out"
)
_BACKWARD = (
    "see that the upstream gradient of the lookup is what is sent back, not the gradient of a sum, and that the "
    "gradient is read after the backward, of this instance"
)
_RAISES = "see that what the implementation raises is raised as Refused, not caught; and that an index stays int64"

WITH_BACKWARD = tuple(verb.name for verb in VERBS.values() if verb.sends_gradient)

PROBES = (
    Probe("making a 3 x 2 table and reading it back", _TURNED, _read_back, needed=True, each_dtype=True),
    Probe(
        "making a table of NaN, infinity, -0.0 and a subnormal, and reading it back",
        _TURNED,
        _read_back_special_bits,
        features={"weight_special": True},
        each_dtype=True,
    ),
    Probe(
        "writing another table with edit() and reading it back",
        "see that edit() writes into the weight that lookups use, and that weight() reads that same weight each time",
        _edit,
        needed=True,
        unchecked="whether weight() reads the implementation's own weight is not known: the adapter has no edit()",
    ),
    Probe(
        "looking up [0, 2] in a 3 x 2 table",
        "see that the lookup is made with the index and the weight given, and how its output becomes bytes and a shape",
        _look_up,
        needed=True,
    ),
    Probe(
        "what comes with the output of [0, 2]",
        "see that the index after the call is given as it was handed in, int64 as int64, and how devices are named",
        _check_index_and_device,
    ),
    Probe(
        "looking up a 0-d index",
        "see whether the index or the output is given another shape on the way, as by np.ascontiguousarray",
        _look_up_shape,
        positions=(2,),
        shape=(),
        features={"index_ndim": 0},
    ),
    Probe(
        "looking up an empty index",
        "see whether arrays without elements keep their shape and dtype on the way",
        _look_up_shape,
        positions=(),
        features={"index_numel": 0},
    ),
    Probe("differentiating lookups", _BACKWARD, _differentiate, positions=(0, 2, 0), verbs=WITH_BACKWARD),
    Probe("freeze=True", _HANDED_OVER, _freeze, arguments={"freeze": True}, features={"freeze": True}),
    *(
        Probe(
            f"differentiating with {name}={value}",
            _HANDED_OVER,
            _differentiate_with_argument,
            positions=(0, 2, 0),
            arguments={name: value},
            features={name: True},
            verbs=WITH_BACKWARD,
        )
        for name, value in (("padding_idx", 0), ("scale_grad_by_freq", True), ("sparse", True))
    ),
    *(
        Probe(
            f"looking up with {', '.join(f'{name}={value}' for name, value in arguments.items())}",
            f"{_HANDED_OVER}, and that weight() reads the weight as it is after the call",
            _renormalise,
            arguments=arguments,
            features={"max_norm": True},
        )
        for arguments in ({"max_norm": 1.0}, {"max_norm": 1.0, "norm_type": 1.0})
    ),
    *(
        Probe(
            f"looking up index {position} of 3 rows",
            _RAISES,
            _look_up_out_of_range,
            positions=(position,),
            features={"index_out_of_range": True},
            may_crash=True,
        )
        for position in (3, 2**32 + 1)
    ),
)
"""The probes, in the order in which they are tried."""
