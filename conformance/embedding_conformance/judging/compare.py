"""Comparison of what was observed with what is permitted: the only place where a value is found to deviate."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from itertools import islice
from typing import NamedTuple

from embedding_conformance.boundary.observations import Call, Gradient
from embedding_conformance.boundary.refusals import Refused
from embedding_conformance.cases.case import Case
from embedding_reference import FORMATS, Exactly, Format, OneOf, Permitted, Raises, Rows, Tensor, Within
from embedding_reference.model import Form
from embedding_reference.permitted import AllBut, ZeroBut, number_text
from embedding_reference.sums import exact_sum

RAISES, ACCEPTS, ENDS = "raises", "accepts", "ends the process"
"""Symptoms: a call that the contract allows raises, of which the exception is named after it; one that must be refused
is not; the process ends."""

Components = Sequence[float | Fraction] | Mapping[int, float | Fraction]
"""Components of a tensor, row-major; or some of them by their places, where all others are as they should be."""

MOST = 300  # components that a message can show

_NUMBER = re.compile(r"-?\d+|u?int\d+")


class Difference(NamedTuple):
    """The first element that differs: its position, and both values; also their bits, where they have any."""

    where: str
    expected: str
    observed: str
    expected_bits: str | None = None
    observed_bits: str | None = None


class Deviation(AssertionError):  # noqa: N818 - the implementation deviates, the suite has no error
    """The implementation did something that the contract does not permit.

    Attributes:
        summary: one line.
        expected: what the contract permits, in words.
        observed: what was observed, in words.
        difference: the first element that differs, if elements were compared.
        case: the witness, a case that shows the deviation; None until it is known, and for a clause without cases.
        reached: what the case had become by then, as a plain case; None where it does not change.
        calls: the calls made for that case.
        answer: the answer to a case that deviates, as fault models name it; "" where they are not about it.
        symptom: what deviates, the same for each case in which the same thing does.
    """

    case: Case | None = None
    reached: Case | None = None
    answer: str = ""
    calls: Sequence[Call] = ()

    def __init__(
        self,
        summary: str,
        *,
        expected: str,
        observed: str,
        difference: Difference | None = None,
        symptom: str | None = None,
    ) -> None:
        super().__init__(f"{summary}: expected {expected}, observed {observed}")
        self.summary, self.expected, self.observed, self.difference = summary, expected, observed, difference
        self.symptom = symptom or _NUMBER.sub("N", summary)


def compare(what: str, permitted: Permitted, observed: Tensor, *, payloads: bool = False) -> float | None:
    """Judge a tensor; `what` names it in messages, and `payloads` says whether a NaN must keep its bits.

    Returns:
        The worst error as a fraction of its bound (1.0 is the edge), or None where everything was compared bit for bit.

    Raises:
        Deviation: it is not permitted.
    """
    if isinstance(permitted, Raises):
        raise Deviation(
            f"{what} came where a refusal was due",
            expected=_families(permitted),
            observed=shorten(observed),
            symptom=ACCEPTS,
        )
    wanted = permitted.tensor if isinstance(permitted, Exactly) else permitted
    if not isinstance(wanted, OneOf):
        _same("dtype", what, wanted.dtype, observed.dtype)
        _same("shape", what, wanted.shape, observed.shape)
    if isinstance(permitted, Exactly):
        _bits(what, permitted.tensor, observed, payloads)
        return None
    if isinstance(permitted, Within):
        return _intervals(what, permitted, _components(permitted, observed))
    if isinstance(permitted, OneOf):
        return _one_of(what, permitted, observed, payloads)
    if isinstance(permitted, Rows):
        return _rows(what, permitted, observed, payloads)
    return None


def form(what: str, gradient: Gradient, layout: str, shape: tuple[int, ...], dtype: str) -> None:
    """Judge a weight gradient's layout ("dense", or "sparse" for COO and row slices alike), shape and dtype.

    Raises:
        Deviation: one of them differs from the given one.
    """
    for aspect, wanted, observed in zip(("layout", "shape", "dtype"), (layout, shape, dtype), form_of(gradient)):
        _same(aspect, what, wanted, observed)


def form_of(gradient: Gradient) -> Form:
    """The form of a weight gradient; row slices are sparse, too."""
    layout = "sparse" if gradient.layout in ("coo", "rows") else gradient.layout
    return layout, gradient.shape, gradient.values.dtype


def compare_gradient(what: str, permitted: Within, gradient: Gradient, layout: str) -> float | None:
    """Judge a weight gradient: its form (`form`), and its values (`gradient_values`)."""
    form(what, gradient, layout, permitted.shape, permitted.dtype)
    return gradient_values(what, permitted, gradient)


def gradient_values(what: str, permitted: Within, gradient: Gradient) -> float | None:
    """Judge the values of a weight gradient whose form is right.

    The entries of a sparse gradient are summed exactly, so only the rounding of the implementation itself is judged.

    Returns:
        As `compare`.

    Raises:
        Deviation: a value is not permitted, or an entry lies outside the weight.
    """
    if gradient.rows is None:
        return compare(what, permitted, gradient.values)
    row_numbers = [int(r) for r in gradient.rows.components()]
    outside = [r for r in row_numbers if not 0 <= r < permitted.shape[0]]
    if outside:
        raise Deviation(
            f"{what} has an entry outside the weight",
            expected=f"rows 0 to {permitted.shape[0] - 1}",
            observed=str(outside[0]),
        )
    _same("shape of the entries", what, (len(row_numbers), permitted.shape[1]), gradient.values.shape)
    return _intervals(what, permitted, _densified(row_numbers, gradient, permitted))


def equal(what: str, expected: object, observed: object) -> None:
    """Judge a plain value by equality.

    Raises:
        Deviation: they differ.
    """
    if expected != observed:
        raise Deviation(f"{what} differs", expected=shorten(expected), observed=shorten(observed))


def refusal(what: str, permitted: Raises, observed: Refused | None, *, by_class: bool = False) -> None:
    """Judge a call that must be refused, by any exception.

    Args:
        what: the name of the call in messages.
        permitted: the families of exceptions that are meant for it.
        observed: the refusal, or None where there was none.
        by_class: whether the exception must be of one of the families.

    Raises:
        Deviation: it was not refused, or refused with an exception of the wrong family.
    """
    if observed is None:
        raise Deviation(
            f"{what} was not refused", expected=_families(permitted), observed="no exception", symptom=ACCEPTS
        )
    if by_class and observed.family not in permitted.families:
        raise Deviation(
            f"{what} was refused by the wrong exception", expected=_families(permitted), observed=str(observed)
        )


def shorten(value: object, limit: int = 300) -> str:
    """`repr`, with the middle cut out if it is longer than `limit` characters."""
    text = repr(value)
    return text if len(text) <= limit else f"{text[: limit - 60]} ... {text[-50:]}"


def _families(permitted: Raises) -> str:
    return f"an exception (of the family {' or '.join(sorted(permitted.families))})"


def _same(aspect: str, what: str, expected: object, observed: object) -> None:
    if expected != observed:
        raise Deviation(f"{what} has the wrong {aspect}", expected=str(expected), observed=str(observed))


def _bits(what: str, expected: Tensor, observed: Tensor, payloads: bool) -> None:
    place = expected.first_difference(observed, payloads=payloads)
    if place is None:
        return
    (wanted, wanted_bits), (got, got_bits) = _element(expected, place), _element(observed, place)
    raise Deviation(
        f"{what} differs",
        expected=shorten(expected),
        observed=shorten(observed),
        difference=Difference(_where(place, expected.shape), wanted, got, wanted_bits, got_bits),
    )


def _intervals(what: str, permitted: Within, observed: Components) -> float:
    form, errors = FORMATS[permitted.dtype], dict[tuple[int, float | Fraction], float]()
    for place, value in observed.items() if isinstance(observed, Mapping) else enumerate(observed):
        interval = permitted.intervals[place]
        if (id(interval), value) in errors:  # a large table repeats its content
            continue
        error = interval.error_of(value)
        if error is None:
            each = form.components
            raise Deviation(
                f"{what} differs",
                expected=shorten(list(map(str, islice(permitted.intervals, MOST)))).replace("'", ""),
                observed=shorten(list(map(number_text, _first(observed)))).replace("'", ""),
                difference=Difference(
                    _where(place // each, permitted.shape),
                    str(interval),
                    number_text(value),
                    _hex(form, interval.only(form)),
                    _hex(form, value),
                ),
            )
        errors[id(interval), value] = error
    return max(errors.values(), default=0.0)


def _components(permitted: Within, observed: Tensor) -> Components:
    """The components to look at: those of the rows that need not be zero, where all others are."""
    intervals, rows = permitted.intervals, observed.shape[0] if observed.shape else 0
    if not isinstance(intervals, ZeroBut) or rows <= len(intervals.some):
        return observed.components()
    start, size, found = 0, observed.row_size, dict[int, float]()
    for row in sorted(intervals.some):
        if not _is_zero(observed.data[start : row * size]):
            return observed.components()
        start = (row + 1) * size
        found.update(enumerate(observed.format.decode(observed.row(row)), row * intervals.width))
    return found if _is_zero(observed.data[start:]) else observed.components()


def _is_zero(data: bytes) -> bool:
    return data == bytes(len(data))


def _first(observed: Components) -> list[float | Fraction]:
    """The first components of a table, of which a mapping has those that are not zero."""
    if isinstance(observed, Mapping):
        return [observed.get(place, 0.0) for place in range(min(max(observed, default=0) + 1, MOST))]
    return list(observed[:MOST])


def _one_of(what: str, permitted: OneOf, observed: Tensor, payloads: bool) -> float | None:
    failures = []
    for option in permitted.options:
        try:
            return compare(what, option, observed, payloads=payloads)
        except Deviation as deviation:
            failures.append(deviation)
    allowed = " or ".join(f.expected for f in failures)
    raise Deviation(
        f"{what} is none of what is allowed",
        expected=allowed,
        observed=shorten(observed),
        difference=failures[0].difference,
    )


def _rows(what: str, permitted: Rows, observed: Tensor, payloads: bool) -> float | None:
    dim = permitted.shape[-1]
    size = dim * observed.format.itemsize
    worst: float | None = None
    for place in _places(permitted.rows, observed):
        rule, data = permitted.rows[place], observed.data[place * size : (place + 1) * size]
        if isinstance(rule, Exactly) and rule.tensor.data == data:
            continue
        row = f"{what}{_where(place, permitted.shape[:-1])}"
        error = compare(row, rule, Tensor(observed.dtype, (dim,), data), payloads=payloads)
        if error is not None:
            worst = max(worst or 0.0, error)
    return worst


def _places(rows: Sequence[Permitted], observed: Tensor) -> Iterable[int]:
    """The rows to look at: only those that may change where nothing else did."""
    if not isinstance(rows, AllBut):
        return range(len(rows))
    table, start, kept = rows.table, 0, True
    for row in sorted(rows.some):
        end = row * table.row_size
        kept = kept and table.data[start:end] == observed.data[start:end]
        start = end + table.row_size
    kept = kept and table.data[start:] == observed.data[start:]
    return sorted(rows.some) if kept else range(len(rows))


def _densified(rows: Sequence[int], gradient: Gradient, permitted: Within) -> Components:
    """The components of the dense gradient: the sums of the entries of each row, exact unless infinite or NaN."""
    width, intervals = gradient.values.format.components * permitted.shape[1], permitted.intervals
    needed = sorted({*rows, *intervals.some}) if isinstance(intervals, ZeroBut) else range(permitted.shape[0])
    table: dict[int, list[float]] = {row * width + at: [] for row in needed for at in range(width)}
    values = gradient.values.components()
    for entry, row in enumerate(rows):
        for column in range(width):
            table[row * width + column].append(values[entry * width + column])
    return {place: exact_sum(terms, gradient.values.format) for place, terms in table.items()}


def _hex(form: Format, component: float | Fraction | None) -> str | None:
    """The bits of a component; None for an interval of several, and for a sum not rounded to the format."""
    return f"0x{form.encode([component])[::-1].hex()}" if isinstance(component, float) else None


def _element(tensor: Tensor, place: int) -> tuple[str, str]:
    """The value and the bits of an element, both as text."""
    size = tensor.format.itemsize
    data = tensor.data[place * size : (place + 1) * size]
    return repr(Tensor(tensor.dtype, (), data).values()[0]), f"0x{data[::-1].hex()}"


def _where(place: int, shape: tuple[int, ...]) -> str:
    """The position of the `place`-th element, row-major."""
    position = []
    for length in reversed(shape):
        position.append(place % length)
        place //= length
    return str(position[::-1])
