"""Making an embedding: its signature, its attributes, and its fresh weight."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from embedding_conformance.boundary.refusals import Unsupported
from embedding_conformance.cases import palettes
from embedding_conformance.cases.case import Case, Config, Lookup
from embedding_conformance.cases.domain import ANY, OFF, ON, Domain
from embedding_conformance.judging import compare, normality
from embedding_conformance.judging.clause import INFO, MUST, SHOULD, clause
from embedding_conformance.judging.subject import Subject
from embedding_conformance.suite.shared import Parameter, judge_signature
from embedding_reference import FORMATS, Exactly, Tensor
from embedding_reference.model import WRONG_ARGUMENT

POSITIONAL = "POSITIONAL_OR_KEYWORD"
SIGNATURE = [
    ("num_embeddings", POSITIONAL, ""),
    ("embedding_dim", POSITIONAL, ""),
    ("padding_idx", POSITIONAL, "None"),
    ("max_norm", POSITIONAL, "None"),
    ("norm_type", POSITIONAL, "2.0"),
    ("scale_grad_by_freq", POSITIONAL, "False"),
    ("sparse", POSITIONAL, "False"),
    ("_weight", POSITIONAL, "None"),
    ("_freeze", POSITIONAL, "False"),
    ("device", POSITIONAL, "None"),
    ("dtype", POSITIONAL, "None"),
]
PRIVATE = ("_weight", "_freeze")
"""Parameters that torch's documentation of the arguments leaves out."""


@clause(MUST, dtypes="none", since="2.0", needs=("signature",))
def test_signature(embedding: Subject) -> None:
    """The constructor takes the documented parameters, by these names, in this order, with these defaults."""
    found, untaken = _declared_signature(embedding, [name for name, *_ in SIGNATURE if name not in PRIVATE])
    stale = [name for name, *_ in found if name in untaken]
    compare.equal("what is taken though declared not to be", [], stale)
    expected = [parameter for parameter in SIGNATURE if parameter[0] not in {*untaken, *PRIVATE}]
    documented = [parameter for parameter in found if parameter[0] not in PRIVATE]
    judge_signature("the constructor's signature", *map(_behind_gap(untaken), (expected, documented)))


@clause(SHOULD, dtypes="none", since="2.0", argument="_weight", doc="Embedding", needs=("signature",))
def test_private_signature(embedding: Subject) -> None:
    """The constructor takes _weight and _freeze too, between sparse and device."""
    found, untaken = _declared_signature(embedding, PRIVATE)
    if rest := next((name for name, kind, _ in found if kind.startswith("VAR_")), ""):
        raise Unsupported(f"the constructor has {rest}, which does not show _weight and _freeze")
    known = [name for name, *_ in SIGNATURE if name not in untaken]
    compare.equal("the order of parameters", known, [name for name, *_ in found if name in known])
    expected, private = ([one for one in parameters if one[0] in PRIVATE] for parameters in (SIGNATURE, found))
    expected = [one for one in expected if one[0] not in untaken]
    judge_signature("the constructor's signature", *map(_behind_gap(untaken), (expected, private)))


@clause(SHOULD, Domain(freeze=ANY), argument="embedding_dim", doc="Parameters", needs=("attributes",))
def test_attributes(embedding: Subject, case: Case) -> None:
    """Every argument is kept as an attribute of its name."""
    embedding.judge_attributes(case, embedding.make(case).attributes())


@clause(MUST, Domain(freeze=ANY), argument="dtype", doc="weight")
def test_weight_shape(embedding: Subject, case: Case) -> None:
    """A fresh weight has shape (num_embeddings, embedding_dim) and the dtype asked for."""
    weight = embedding.fresh(case.config).weight()
    compare.equal("the weight's shape", (case.config.num_embeddings, case.config.embedding_dim), weight.shape)
    compare.equal("the weight's dtype", embedding.dtype, weight.dtype)


@clause(MUST, Domain(freeze=ANY), argument="device", needs=("attributes",))
def test_device(embedding: Subject, case: Case) -> None:
    """The weight lives on the device asked for."""
    compare.equal("the weight's device", embedding.device, embedding.fresh(case.config).attributes()["device"])


@clause(SHOULD, Domain(freeze=ANY, padding_idx="off"), argument="num_embeddings")
def test_zero_sizes(embedding: Subject, case: Case) -> None:
    """A table may have no rows, no columns, one row or one column, and nothing may be looked up in it."""
    refused = ""
    for rows, dim in ((0, 3), (3, 0), (0, 0), (1, 1), (1, case.config.embedding_dim)):
        if reason := embedding.refuses_size(rows, dim):
            refused = reason
            continue
        config = replace(case.config, num_embeddings=rows, embedding_dim=dim)
        instance = embedding.fresh(config)
        compare.equal("the weight's shape", (rows, dim), instance.weight().shape)
        nothing = Lookup(Tensor.of("int64", (0, 2), ()), Tensor.of(embedding.dtype, (0, 2, dim), ()))
        output = instance.forward(lookup=nothing).output
        compare.equal("the shape of what looking up nothing gives", (0, 2, dim), output.shape)
    if refused:
        raise Unsupported(refused, asked=True)


@clause(MUST, Domain(), doc="weight", needs=("attributes",))
def test_requires_grad(embedding: Subject, case: Case) -> None:
    """A fresh weight requires a gradient."""
    kept = embedding.fresh(case.config).attributes()
    compare.equal("requires_grad of the weight", expected=True, observed=kept["requires_grad"])


@clause(SHOULD, Domain(freeze=ANY), argument="_freeze", doc="weight", needs=("attributes",))
def test_freeze(embedding: Subject, case: Case) -> None:
    """A weight given as _weight requires a gradient, unless _freeze is given too."""
    instance = embedding.make(case, via="_weight")
    compare.equal("requires_grad of the weight", not case.config.freeze, instance.attributes()["requires_grad"])


@clause(MUST, doc="weight")
def test_normal(embedding: Subject) -> None:
    """A fresh weight is a draw from the normal distribution with mean 0 and variance 1."""
    embedding.declarations.require_normal()
    normality.judge_normal(_weight(embedding, normality.TALL))


@clause(MUST, doc="weight")
def test_covers(embedding: Subject) -> None:
    """Every row and every column of a fresh weight is drawn."""
    embedding.declarations.require_normal()
    for shape in (normality.TALL, normality.WIDE):
        normality.judge_lines(_weight(embedding, shape))


@clause(MUST, doc="weight")
def test_independent(embedding: Subject) -> None:
    """The elements of a fresh weight are independent: no row, column or stretch repeats another or goes with it."""
    tall, wide = (_weight(embedding, shape) for shape in (normality.TALL, normality.WIDE))
    normality.judge_unrepeated(tall)
    normality.judge_independent(tall)
    normality.judge_independent(wide)


@clause(MUST, doc="weight")
def test_fresh(embedding: Subject) -> None:
    """Each fresh embedding draws a weight of its own."""
    normality.judge_unrepeated(*(_weight(embedding, normality.TALL) for _ in range(2)))


@clause(MUST, Domain(padding_idx=ON, freeze=ANY), argument="padding_idx")
def test_padding_row_zero(embedding: Subject, case: Case) -> None:
    """In a fresh embedding the row at padding_idx is all zeros."""
    instance = embedding.fresh(case.config)
    judge_zero_row(embedding, case, instance.weight())


@clause(SHOULD, Domain(padding_idx=ON, corner="negative padding_idx", freeze=ANY), argument="padding_idx")
def test_negative_padding_row_zero(embedding: Subject, case: Case) -> None:
    """In a fresh embedding the row that a padding_idx below zero means is all zeros."""
    instance = embedding.fresh(case.config)
    judge_zero_row(embedding, case, instance.weight())


@clause(
    MUST,
    Domain(padding_idx=ON, freeze=ANY, columns=7, where=lambda case: case.config.num_embeddings > 1),
    argument="padding_idx",
)
def test_padding_row_alone(embedding: Subject, case: Case) -> None:
    """In a fresh embedding no row but the one at padding_idx is all zeros."""
    weight = embedding.fresh(case.config).weight()
    # A draw rounds to zero with a probability of at most 3e-8 (float16), and seven draws do with 1e-53.
    others = [r for r in range(weight.shape[0]) if r != case.config.padding_row]
    compare.equal("other rows of zeros", [], [r for r in others if not any(weight.entry(r).components())])


@clause(SHOULD, Domain(freeze=ANY, weights=palettes.ANY, pads_hold=ON), argument="_weight", doc="weight")
def test_given_weight(embedding: Subject, case: Case) -> None:
    """A weight given as _weight is used bit for bit, and its row at padding_idx is left as it is."""
    embedding.judge("the weight", Exactly(case.weight), embedding.make(case, via="_weight").weight())


@clause(SHOULD, Domain(freeze=ANY), argument="_weight", doc="weight")
def test_given_weight_shape(embedding: Subject, case: Case) -> None:
    """A _weight whose shape is not (num_embeddings, embedding_dim) is refused."""
    rows, dim = case.weight.shape
    for shape in ((rows + 1, dim), (rows, dim + 1), (dim + 1, rows + 1, 1)):
        wrong = replace(case, weight=palettes.fill("counting", embedding.dtype, shape, 0), weight_layout="contiguous")
        embedding.refuses(f"_weight of shape {shape}", WRONG_ARGUMENT, partial(embedding.make, wrong, via="_weight"))


@clause(SHOULD, Domain(freeze=ANY, padding_idx="off"), argument="padding_idx")
def test_padding_range(embedding: Subject, case: Case) -> None:
    """A padding_idx outside [-num_embeddings, num_embeddings) is refused, by the call at the latest."""
    embedding.declarations.require(replace(case, config=replace(case.config, padding_idx=0)))
    rows = case.config.num_embeddings
    for padding_idx in (rows, -rows - 1, rows + 1000):
        wrong = replace(case, config=replace(case.config, padding_idx=padding_idx))
        embedding.refuses(f"padding_idx={padding_idx}", WRONG_ARGUMENT, partial(embedding.run, wrong))


@clause(MUST, Domain(), doc="no_grad", needs=("attributes",))
def test_under_no_grad(embedding: Subject, case: Case) -> None:
    """An embedding that is made under no_grad requires a gradient like any other."""
    kept = embedding.fresh(case.config, via="no_grad").attributes()
    compare.equal("requires_grad of the weight", expected=True, observed=kept["requires_grad"])


@clause(MUST, Domain(freeze=ANY), argument="device", doc="set_default_device", since="2.0", needs=("attributes",))
def test_default_device(embedding: Subject, case: Case) -> None:
    """Without the argument device, a fresh weight lives on the framework's default device."""
    kept = embedding.fresh(case.config, via="default_device", device="meta").attributes()
    compare.equal("the weight's device", "meta", kept["device"])


@clause(SHOULD, Domain(freeze=ANY, columns=2), doc="manual_seed")
def test_seeded(embedding: Subject, case: Case) -> None:
    """After the same seed of the framework a fresh weight is the same, bit for bit."""
    first, second = (embedding.fresh(case.config, via="seeded").weight() for _ in range(2))
    embedding.judge("the second weight", Exactly(first), second)


@clause(SHOULD, Domain(padding_idx=OFF, freeze=ANY), argument="num_embeddings", enough=2)
def test_whole_sizes(embedding: Subject, case: Case) -> None:
    """A num_embeddings or an embedding_dim that is no whole number is refused."""
    sizes: tuple[Any, ...] = (2.5, "3", None)
    for wrong in sizes:
        for config in (replace(case.config, num_embeddings=wrong), replace(case.config, embedding_dim=wrong)):
            embedding.refuses(f"a size of {wrong!r}", WRONG_ARGUMENT, partial(embedding.fresh, config))


@clause(SHOULD, Domain(padding_idx=OFF, freeze=ANY), argument="num_embeddings")
def test_negative_sizes(embedding: Subject, case: Case) -> None:
    """A num_embeddings or an embedding_dim below zero is refused."""
    for wrong in (replace(case.config, num_embeddings=-1), replace(case.config, embedding_dim=-1)):
        sizes = f"the sizes {wrong.num_embeddings} and {wrong.embedding_dim}"
        embedding.refuses(sizes, WRONG_ARGUMENT, partial(embedding.fresh, wrong))


@clause(MUST, Domain(freeze=ANY), argument="dtype")
def test_default_dtype(embedding: Subject, case: Case) -> None:
    """Without the argument dtype, a fresh weight has the framework's default dtype."""
    weight = embedding.fresh(case.config, via="default_dtype").weight()
    compare.equal("the weight's dtype", embedding.dtype, weight.dtype)


@clause(MUST, Domain(freeze=ANY), argument="device", may_crash=True, needs=("attributes",), doc="meta device")
def test_meta(embedding: Subject, case: Case) -> None:
    """On the device meta a weight has its shape and dtype and takes no memory, however large it is."""
    config = replace(case.config, num_embeddings=2**40, embedding_dim=2**10)  # beyond what a process can address
    kept = embedding.fresh(config, device="meta").attributes()
    compare.equal("the weight's device", "meta", kept["device"])
    compare.equal("the weight's shape", (2**40, 2**10), kept["shape"])
    compare.equal("the weight's dtype", embedding.dtype, kept["dtype"])


@clause(
    MUST,
    Domain(freeze=ANY, weights=palettes.MODERATE),
    argument="device",
    doc="Module.to_empty",
    needs=("attributes", "load", "move"),
)
def test_to_empty(embedding: Subject, case: Case) -> None:
    """Made on the device meta, given memory by to_empty and loaded with a state, an embedding works like any other."""
    instance = embedding.fresh(case.config, device="meta")
    instance.move(device=embedding.device, empty=True)
    compare.equal("the weight's device", embedding.device, instance.attributes()["device"])
    instance.load(state={"weight": case.weight})
    embedding.judge("the weight", Exactly(case.weight), instance.weight())
    embedding.use(case, instance)


@clause(
    INFO,
    Domain(freeze=ANY, weights=palettes.ANY, columns=1, writable=True),
    argument="_weight",
    doc="weight",
    needs=("edit", "given"),
)
def test_given_weight_shared(embedding: Subject, case: Case) -> None:
    """The weight shares its memory with the tensor given as _weight."""
    instance, other = embedding.make(case, via="_weight"), palettes.inverted(case.weight)
    instance.edit(weight=other)
    embedding.judge("the tensor given", Exactly(other), instance.given())


@clause(
    INFO,
    Domain(padding_idx=ON, freeze=ANY, weights=palettes.ANY, columns=1, max_norm=OFF, writable=True, pads_hold=ON),
    argument="padding_idx",
    needs=("edit",),
)
def test_initialised_later(embedding: Subject, case: Case) -> None:
    """An initialiser run after construction fills the row at padding_idx too, and lookups give what is stored there."""
    instance = embedding.fresh(case.config)
    instance.edit(weight=case.weight)
    output = instance.forward(lookup=case.lookups[0]).output
    embedding.judge("output", embedding.permits(case).output, output)
    embedding.judge("the weight", Exactly(case.weight), instance.weight())


def _declared_signature(embedding: Subject, names: Sequence[str]) -> tuple[Sequence[Parameter], Mapping[str, str]]:
    """The parameters of the constructor, and those that it does not take with the reasons that are declared for it.

    Raises:
        Deviation: it does not take one of the names, and that is not declared.
    """
    found, untaken = embedding.signature("constructor"), embedding.description.untaken
    if missing := [name for name, reason in untaken.items() if name in names and not reason]:
        summary = f"the constructor takes no {', '.join(missing)}, and that is not declared"
        raise compare.Deviation(summary, expected=str(list(names)), observed=str([name for name, *_ in found]))
    return found, untaken


def _behind_gap(untaken: Collection[str]) -> Callable[[Sequence[tuple[str, str, str]]], list[tuple[str, str, str]]]:
    """Let parameters behind the first that is not taken be keyword-only: they cannot keep their positions."""
    gap = next((number for number, (name, *_) in enumerate(SIGNATURE) if name in untaken), len(SIGNATURE))

    def relaxed(parameters: Sequence[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
        behind = [
            (name, "KEYWORD_ONLY" if kind == POSITIONAL else kind, default) for name, kind, default in parameters[gap:]
        ]
        return [*parameters[:gap], *behind]

    return relaxed


def judge_zero_row(embedding: Subject, case: Case, weight: Tensor) -> None:
    """Judge that the row at padding_idx is all zeros."""
    row = case.config.padding_row
    assert row is not None
    zeros = Tensor(weight.dtype, (case.config.embedding_dim,), bytes(weight.row_size))
    embedding.judge(f"the row at padding_idx ({row})", Exactly(zeros), weight.entry(row))


def config_of(embedding: Subject, shape: tuple[int, int]) -> Config:
    """The arguments of a table with so many rows, and so many components in a row."""
    rows, width = shape
    return Config(rows, width // FORMATS[embedding.dtype].components)


def _weight(embedding: Subject, shape: tuple[int, int]) -> Tensor:
    weight: Tensor = embedding.fresh(config_of(embedding, shape)).weight()
    return weight
