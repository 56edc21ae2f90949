"""The plainest of cases, which tell an adapter that is wired wrongly: a 3 x 2 table, and little done with it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields, replace
from typing import Any

from embedding_conformance.boundary.adapter import Backward, Gradient, Refused, Unsupported
from embedding_conformance.cases.case import Case, Config, Lookup
from embedding_conformance.judging import compare
from embedding_conformance.judging.compare import Deviation
from embedding_conformance.judging.partitions import WITH_BACKWARD
from embedding_conformance.judging.subject import Subject
from embedding_conformance.wiring.resemblance import swapped, told
from embedding_reference import FORMATS, Exactly, Tensor, Within


@dataclass(frozen=True)
class Seen:
    """Something that came out wrong.

    Attributes:
        text: what.
        certain: whether nothing but the adapter can have done it.
        stops: whether no verdict would be worth anything.
        look: what to look at in the adapter, where it is not what the probe says.
    """

    text: str
    certain: bool = False
    stops: bool = False
    look: str = ""


@dataclass(frozen=True)
class Probe:
    """Something to try.

    Attributes:
        what: in words.
        look: what to look at in an adapter where it comes out wrong.
        run: does it, and says what came out wrong.
        positions: the indices of the lookup.
        shape: of the index; None: one dimension.
        arguments: of the embedding, beside its sizes.
        features: of the cases that it has a bearing on; without any, on all.
        verbs: the verbs that it has a bearing on; without any, on all.
        needed: whether all else builds on it, and is not tried where it comes out wrong.
        each_dtype: whether it is tried on each dtype, or on one.
        may_crash: whether it is tried where a death does no harm.
        unchecked: what is not known where the adapter does not provide it.
    """

    what: str
    look: str
    run: Callable[[Subject, Case], Iterator[Seen]]
    positions: Sequence[int] = (0, 2)
    shape: tuple[int, ...] | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)
    features: Mapping[str, Any] = field(default_factory=dict)
    verbs: Sequence[str] = ()
    needed: bool = False
    each_dtype: bool = False
    may_crash: bool = False
    unchecked: str = ""

    def case(self, dtype: str) -> Case:
        """What it is tried with: weights 1 to 6, and an upstream gradient that counts too."""
        shape = (len(self.positions),) if self.shape is None else self.shape
        lookup = Lookup(Tensor.of("int64", shape, self.positions), _counted(dtype, (*shape, 2)))
        return Case(Config(3, 2, **self.arguments), _counted(dtype, (3, 2)), (lookup,))


def mangled_index(case: Case, came: Tensor) -> str:
    """How an index that came back differs from the one given in what no lookup changes, or ""."""
    if (came.dtype, came.shape) == (case.index.dtype, case.index.shape):
        return ""
    return f"the index was given as {case.index.dtype} of shape {case.index.shape} and is {came.dtype} of {came.shape}"


def _counted(dtype: str, shape: tuple[int, ...], start: int = 1) -> Tensor:
    """The whole numbers from `start`; of a complex dtype, with another imaginary part."""
    numbers = range(start, start + math.prod(shape))
    return Tensor.of(dtype, shape, [complex(n, -n) for n in numbers] if FORMATS[dtype].kind == "complex" else numbers)


# -- the table, without a lookup --------------------------------------------------------------------------------------


def _read_back(subject: Subject, case: Case, *, stops: bool = True) -> Iterator[Seen]:
    came = subject.make(case).weight()
    if came != case.weight:
        text = f"the weight differs from the one given, though there was no lookup: {told(case.weight, came)}"
        yield Seen(text, certain=True, stops=stops)


def _special_bits(subject: Subject, case: Case) -> Iterator[Seen]:
    """A quiet and a signalling NaN with a payload, -0.0, the smallest subnormal, infinity."""
    form = case.weight.format
    size, fraction = form.component_size * 8, form.precision - 1
    infinity = ((1 << (size - 1 - fraction)) - 1) << fraction
    quiet, payload = 1 << (fraction - 1), 0b10101
    patterns = (infinity | quiet | payload, infinity | payload, 1 << (size - 1), 1, infinity, 0)
    data = b"".join(p.to_bytes(size // 8, "little") * form.components for p in patterns)
    yield from _read_back(
        subject, replace(case, weight=Tensor(case.weight.dtype, case.weight.shape, data)), stops=False
    )


def _edited(subject: Subject, case: Case) -> Iterator[Seen]:
    made, other = subject.make(case), _counted(subject.dtype, (3, 2), 11)
    made.edit(weight=other)
    came = made.weight()
    if came == other:
        return
    looked_up = made.forward(lookup=case.lookups[0]).output
    text = f"weight() does not give what was written: {told(other, came)}"
    if came == case.weight and Exactly(looked_up) == case.config.output(other, case.index):
        text = "a lookup gives the new weight, but weight() the one from before: it does not read it anew"
    elif came == case.weight:
        text = "neither weight() nor a lookup shows the new weight: edit() wrote to something else"
    yield Seen(text, certain=True, stops=True)


# -- lookups ----------------------------------------------------------------------------------------------------------


def _looked_up(subject: Subject, case: Case) -> Iterator[Seen]:
    came = subject.make(case).forward(lookup=case.lookups[0]).output
    permitted = case.config.output(case.weight, case.index)
    assert isinstance(permitted, Exactly)
    if came != permitted.tensor:
        yield Seen(f"the output is wrong: {told(permitted.tensor, came)}")


def _came_beside(subject: Subject, case: Case) -> Iterator[Seen]:
    """What comes with the output."""
    came = subject.make(case).forward(lookup=case.lookups[0])
    if mangled := mangled_index(case, came.index_after):
        yield Seen(mangled, certain=True)
    elif came.index_after != case.index:
        yield Seen(f"the index after the call is another: {told(case.index, came.index_after)}")
    if came.device not in subject.description.devices:
        listed = ", ".join(subject.description.devices)
        yield Seen(f"the output's device is {came.device!r}, while describe() lists {listed}")


def _got_across(subject: Subject, case: Case) -> Iterator[Seen]:
    """The output, unless the index itself was another."""
    wrong = list(_came_beside(subject, case))
    yield from wrong or _looked_up(subject, case)


def _frozen(subject: Subject, case: Case) -> Iterator[Seen]:
    if subject.make(case).forward(lookup=case.lookups[0]).requires_grad:
        yield Seen("the output requires a gradient, as if freeze had not been given")


def _renormalised(subject: Subject, case: Case) -> Iterator[Seen]:
    made = subject.make(case)
    output = made.forward(lookup=case.lookups[0]).output
    permitted = subject.predict(case)
    if wrong := _wrong(lambda: subject.judge("the output", permitted.output, output)):
        yield Seen(wrong + _as_if(case, lambda other: _is_output_of(other, output)))
    elif made.weight() == case.weight:
        yield Seen("the output is renormalised, but the weight read after the call is not: it does not show the call")


def _is_output_of(case: Case, output: Tensor) -> bool:
    permitted = case.config.output(case.weight, case.index)
    return not _wrong(lambda: compare.compare("it", permitted, output))


# -- gradients --------------------------------------------------------------------------------------------------------


def _differentiated(subject: Subject, case: Case) -> Iterator[Seen]:
    """Twice, with another lookup on another instance, so that what is left from the first shows."""
    other = replace(
        case.lookups[0], index=Tensor.of("int64", (3,), [1, 1, 0]), upstream=_counted(subject.dtype, (3, 2), 7)
    )
    second = replace(case, lookups=(other,))
    found = ""
    for one, before in ((case, None), (second, case)):
        came = subject.make(one).gradient(lookups=one.lookups)
        if wrong := _wrong_gradient(subject, one, came):
            mark = _gradient_mark(one, came, before)
            found = wrong + mark if mark else found or wrong
    if found:
        yield Seen(found)


def _with_argument(subject: Subject, case: Case) -> Iterator[Seen]:
    came = subject.make(case).gradient(lookups=case.lookups)
    if wrong := _wrong_gradient(subject, case, came):
        yield Seen(wrong + _as_if(case, lambda other: _is_gradient_of(other, came.gradient)))
    gradient = came.gradient
    if gradient and gradient.rows and gradient.coalesced:
        rows = list(gradient.rows.components())
        if rows != sorted(set(rows)):
            yield Seen(
                f"the gradient claims to be coalesced, with rows {rows}: in order and each once, or do not claim it"
            )


def _wrong_gradient(subject: Subject, case: Case, came: Backward) -> str:
    return _wrong(lambda: subject.judge_gradient(case, subject.predict(case).gradient, came))


def _gradient_mark(case: Case, came: Backward, before: Case | None) -> str:
    """What a wrong gradient is instead, if it is one of the usual mistakes."""
    gradient, lookup = came.gradient, case.lookups[0]
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
    """Whether a gradient, in whichever layout, is what a case has."""
    if gradient is None:
        return False
    permitted = case.config.gradient(case.weight.dtype, [(one.index, one.upstream) for one in case.lookups])
    assert isinstance(permitted, Within)
    layout = "dense" if gradient.rows is None else "sparse"
    return not _wrong(lambda: compare.compare_gradient("it", permitted, gradient, layout))


# -- refusals ---------------------------------------------------------------------------------------------------------


def _refused(subject: Subject, case: Case) -> Iterator[Seen]:
    try:
        came = subject.make(case).forward(lookup=case.lookups[0])
    except Refused:
        return
    except Unsupported as unsupported:
        yield Seen(
            f"it raised Unsupported ({unsupported}), which is for what the adapter does not provide; what the "
            "implementation raises is Refused, and without it no clause about refusals is tested",
            certain=True,
        )
        return
    cut = case.weight.row(case.positions[0] % 2**32 % 3)
    mark = ", as for an index cut to 32 bits" if case.positions[0] > 2**31 and came.output.data == cut else ""
    yield Seen(f"it was answered{mark}, not refused: the output is {came.output!r}")


# -- what they share --------------------------------------------------------------------------------------------------


def _wrong(judged: Callable[[], object]) -> str:
    """What a judgement says against what it judges, or ""."""
    try:
        judged()
    except Deviation as deviation:
        return str(deviation)
    return ""


def _as_if(case: Case, comes_out: Callable[[Case], bool]) -> str:
    """Which argument of the case had to be left out for what came of it, if one had."""
    for name, default in _DEFAULTS.items():
        changes: dict[str, Any] = {name: default}
        left_out = replace(case, config=replace(case.config, **changes))
        if left_out != case and comes_out(left_out):
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

PROBES = (
    Probe("making a 3 x 2 table and reading it back", _TURNED, _read_back, needed=True, each_dtype=True),
    Probe(
        "making a table of NaN, infinity, -0.0 and a subnormal, and reading it back",
        _TURNED,
        _special_bits,
        features={"weight_special": True},
        each_dtype=True,
    ),
    Probe(
        "writing another table with edit() and reading it back",
        "see that edit() writes into the weight that lookups use, and that weight() reads that same weight each time",
        _edited,
        needed=True,
        unchecked="whether weight() reads the implementation's own weight is not known: the adapter has no edit()",
    ),
    Probe(
        "looking up [0, 2] in a 3 x 2 table",
        "see that the lookup is made with the index and the weight given, and how its output becomes bytes and a shape",
        _looked_up,
        needed=True,
    ),
    Probe(
        "what comes with the output of [0, 2]",
        "see that the index after the call is given as it was handed in, int64 as int64, and how devices are named",
        _came_beside,
    ),
    Probe(
        "looking up a 0-d index",
        "see whether the index or the output is given another shape on the way, as by np.ascontiguousarray",
        _got_across,
        positions=(2,),
        shape=(),
        features={"index_ndim": 0},
    ),
    Probe(
        "looking up an empty index",
        "see whether arrays without elements keep their shape and dtype on the way",
        _got_across,
        positions=(),
        features={"index_numel": 0},
    ),
    Probe("differentiating lookups", _BACKWARD, _differentiated, positions=(0, 2, 0), verbs=WITH_BACKWARD),
    Probe("freeze=True", _HANDED_OVER, _frozen, arguments={"freeze": True}, features={"freeze": True}),
    *(
        Probe(
            f"differentiating with {name}={value}",
            _HANDED_OVER,
            _with_argument,
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
            _renormalised,
            arguments=arguments,
            features={"max_norm": True},
        )
        for arguments in ({"max_norm": 1.0}, {"max_norm": 1.0, "norm_type": 1.0})
    ),
    *(
        Probe(
            f"looking up index {position} of 3 rows",
            _RAISES,
            _refused,
            positions=(position,),
            features={"index_out_of_range": True},
            may_crash=True,
        )
        for position in (3, 2**32 + 1)
    ),
)
"""In the order in which they are tried."""
