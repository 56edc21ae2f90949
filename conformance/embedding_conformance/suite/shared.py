"""Functions that tests of several sections share."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import takewhile

from embedding_conformance.boundary.observations import Backward, Forward
from embedding_conformance.boundary.refusals import Refused, Unsupported
from embedding_conformance.cases.case import Case, Lookup
from embedding_conformance.judging import compare
from embedding_conformance.judging.compare import Deviation
from embedding_conformance.judging.subject import Subject
from embedding_reference import Rows, Tensor
from embedding_reference.fault_models import GRADIENT, WEIGHT, gradients, max_norm
from embedding_reference.model import WRONG_ARGUMENT


def emptied(case: Case) -> Case:
    """The case with an empty index of the same rank."""
    call = case.lookups[0]
    shape = (0, *call.index.shape[1:])
    index = Tensor(call.index.dtype, shape, b"")
    upstream = Tensor(call.upstream.dtype, (*shape, case.config.embedding_dim), b"")
    return replace(case, lookups=(replace(call, index=index, upstream=upstream),))


Parameter = tuple[str, str, str]
"""The name, the kind (that of `inspect.Parameter`) and the default of a parameter, as in `Adapter.signature`."""


def judge_signature(what: str, expected: Sequence[Parameter], found: Sequence[Parameter]) -> None:
    """Judge the first parameters of a callable, as far as its signature shows them; `what` names it in messages.

    Raises:
        Deviation: a parameter is not the expected one.
        Unsupported: the signature has *args or **kwargs, which may take an expected parameter.
    """
    shown = list(takewhile(lambda parameter: not parameter[1].startswith("VAR_"), found))
    for number, wanted in enumerate(expected):
        if number == len(shown) < len(found):
            raise Unsupported(f"{what} has {found[number][0]}, which does not show {wanted[0]}")
        observed = shown[number] if number < len(shown) else None
        if observed is None or _comparable(observed) != _comparable(wanted):
            words = _written(observed) if observed else "no more parameters"
            raise Deviation(f"{what} differs", expected=_written(wanted), observed=words)


def _comparable(parameter: Parameter) -> tuple[object, ...]:
    """The parameter with the value of its default, if that is a literal: 2 equals 2.0, but True does not equal 1."""
    name, kind, default = parameter
    try:
        value = ast.literal_eval(default)
    except (ValueError, SyntaxError):
        return name, kind, default
    return name, kind, value, isinstance(value, bool)


def _written(parameter: Parameter) -> str:
    """The parameter in words."""
    name, kind, default = parameter
    return f"{name}={default} ({kind})" if default else f"{name} ({kind})"


def judge_requires_grad(observed: Forward, *, expected: bool) -> None:
    """Judge whether an output takes part in differentiation.

    Raises:
        Deviation: it does and must not, or the other way round.
        Unsupported: it does not say so.
    """
    if observed.requires_grad is None:
        raise Unsupported("an output does not say whether it takes part in differentiation")
    compare.equal("requires_grad of the output", expected, observed.requires_grad)


def judge_used_first(embedding: Subject, case: Case, backward: Backward) -> None:
    """Judge the gradient of the verb `use_first`, for a case without padding_idx.

    The verb also differentiates the sum of the squares of the weight, whose gradient is twice the weight. A lookup of
    each row once, with twice the weight as upstream gradient, has the same gradient.
    """
    rows = case.config.num_embeddings
    doubled = Tensor.of(embedding.dtype, case.weight.shape, [2 * v for v in case.weight.values()])
    squares = Lookup(Tensor.of("int64", (rows,), range(rows)), doubled)
    both = replace(case, lookups=(squares, *case.lookups))
    embedding.judge_gradient(both, embedding.permits(both).gradient, backward)


IGNORED = {WEIGHT: (max_norm.IgnoresMaxNorm,)}
"""The fault that shows in the weight where a row must be rescaled: not in a frozen weight, nor at padding_idx."""


GIVES_NONE = {GRADIENT: (gradients.GivesNoGradient,)}
"""The fault that shows wherever a gradient is due."""


def with_writable_index(case: Case) -> Case:
    """The case with an index that can be written to."""
    return replace(case, lookups=(replace(case.lookups[0], index_layout="contiguous"),))


def of_the_next_rows(case: Case) -> Lookup:
    """The first lookup, of the rows that follow those that it names."""
    lookup, rows = case.lookups[0], case.config.num_embeddings
    following = [(position + 1) % rows for position in case.positions]
    return replace(lookup, index=Tensor.of(lookup.index.dtype, lookup.index.shape, following))


def rows_looked_up(case: Case) -> list[int]:
    """The rows of the first lookup, each once, in order."""
    return sorted(set(case.positions))


def is_nonempty(case: Case) -> bool:
    """Whether the first lookup has an element."""
    return case.index.numel > 0 and case.config.embedding_dim > 0


def has_duplicates(case: Case) -> bool:
    """Whether the first lookup has a row more than once, and the row an element."""
    return case.features()["duplicates"] and case.config.embedding_dim > 0


def is_above(case: Case, rows: Iterable[int] | None = None) -> bool:
    """Whether the norm of one of the rows (None: those looked up) is above max_norm, by more than any rounding.

    The row at padding_idx does not count: it may stay as it is.
    """
    trained = set(case.positions if rows is None else rows) - {case.config.padding_row}
    limit = case.config.max_norm
    return limit is not None and any(norm > 1.1 * limit for norm in case.norms(sorted(trained)).values())


def permitted_weight(embedding: Subject, case: Case) -> Rows:
    """What the contract permits for the weight after the lookup, row by row."""
    permitted = embedding.permits(case).weight
    assert isinstance(permitted, Rows)
    return permitted


def judge_refused(embedding: Subject, case: Case) -> None:
    """Judge that a run is refused; if it is not, the deviation shows the weight after it."""
    with suppress(Refused):
        embedding.judge("the weight", WRONG_ARGUMENT, embedding.run(case, backward=False).weight)
