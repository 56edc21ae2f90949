"""What `torch.nn.Module` promises of an embedding: its state, its copies, its repr."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from embedding_conformance.boundary.refusals import Unsupported
from embedding_conformance.cases import palettes
from embedding_conformance.cases.case import Case
from embedding_conformance.cases.domain import ANY, OFF, ON, Domain
from embedding_conformance.judging import compare
from embedding_conformance.judging.clause import INFO, MUST, SHOULD, clause
from embedding_conformance.judging.subject import Subject
from embedding_reference import FORMATS, Exactly, Tensor
from embedding_reference.fault_models import GRADIENT, accumulation
from embedding_reference.model import WRONG_ARGUMENT

COPIES = ("deepcopy", "pickle", "save")
SHORTHANDS = ("float16", "bfloat16", "float32", "float64")
"""The dtypes for which a module has a method of its own, such as half()."""


@clause(MUST, Domain(freeze=ANY, weights=palettes.ANY), argument="_weight", doc="Module.state_dict", needs=("state",))
def test_state(embedding: Subject, case: Case) -> None:
    """The state consists of the weight alone, bit for bit."""
    state = embedding.make(case).state()
    compare.equal("the keys of the state", ["weight"], list(state))
    embedding.judge("the weight in the state", Exactly(case.weight), state["weight"])


@clause(
    MUST,
    Domain(freeze=ANY, weights=palettes.ANY, writable=True, pads_hold=ON),
    argument="_weight",
    doc="Module.load_state_dict",
    needs=("load",),
)
def test_load(embedding: Subject, case: Case) -> None:
    """Loading a state restores the weight bit for bit, the row at padding_idx included."""
    instance = embedding.make(replace(case, weight=palettes.inverted(case.weight)))
    instance.load(state={"weight": case.weight})
    embedding.judge("the weight", Exactly(case.weight), instance.weight())


@clause(
    MUST,
    Domain(freeze=ANY, weights=palettes.ANY, writable=True),
    argument="_weight",
    doc="Module.load_state_dict",
    since="2.3",
    needs=("assign", "attributes"),
)
def test_assign(embedding: Subject, case: Case) -> None:
    """With assign=True the state's tensor becomes the weight, which requires a gradient just if it did before."""
    instance = embedding.make(replace(case, weight=palettes.inverted(case.weight)))
    before = instance.attributes()
    instance.assign(state={"weight": case.weight})
    embedding.judge("the weight", Exactly(case.weight), instance.weight())
    compare.equal("the attributes", before, instance.attributes())


@clause(
    MUST,
    Domain(freeze=ANY, weights=palettes.ANY, large=False, writable=True),
    argument="dtype",
    doc="Module.load_state_dict",
    needs=("load",),
)
def test_load_dtype(embedding: Subject, case: Case) -> None:
    """The weight keeps its dtype when a state of another one is loaded, which is rounded to nearest."""
    for dtype in embedding.declarations.other_dtypes(case):
        thirds = FORMATS[dtype].encode([c / 3 for c in case.weight.components()])  # so that most need rounding
        state = Tensor(dtype, case.weight.shape, thirds)
        instance = embedding.make(case)
        instance.load(state={"weight": state})
        weight = instance.weight()
        compare.equal("the weight's dtype", embedding.dtype, weight.dtype)
        # Not `embedding.judge`: where a component may be one of two values, its error has no size.
        compare.compare(f"the weight from {dtype}", embedding.permits(case).cast(embedding.dtype, state), weight)


@clause(
    MUST,
    Domain(freeze=ANY, weights=palettes.ANY, writable=True),
    argument="_weight",
    doc="Module.load_state_dict",
    needs=("load",),
)
def test_load_refused(embedding: Subject, case: Case) -> None:
    """A state with a wrong shape, a wrong key, no key or one too many is refused, and the weight stays as it is."""
    instance = embedding.make(case)
    rows, dim = case.weight.shape
    # All but the first broadcast.
    wrong = [shape for shape in ((rows + 1, dim), (1, dim), (rows, 1), (dim,), ()) if shape != (rows, dim)]
    states = {
        **{f"shape {shape}": {"weight": palettes.fill("counting", embedding.dtype, shape, 0)} for shape in wrong},
        "a wrong key": {"table": palettes.inverted(case.weight)},
        "nothing": {},
        "a key too many": {"weight": case.weight, "table": case.weight},
    }
    for what, state in states.items():
        embedding.refuses(f"a state with {what}", WRONG_ARGUMENT, partial(instance.load, state=state))
        embedding.judge("the weight", Exactly(case.weight), instance.weight())


@clause(
    INFO,
    Domain(freeze=ANY, weights=palettes.ANY, writable=True),
    argument="_weight",
    doc="Module.load_state_dict",
    needs=("load",),
)
def test_load_extra_key(embedding: Subject, case: Case) -> None:
    """A state that is refused for a key too many has loaded its weight all the same."""
    instance, other = embedding.make(case), palettes.inverted(case.weight)
    state = {"weight": other, "table": other}
    embedding.refuses("a state with a key too many", WRONG_ARGUMENT, partial(instance.load, state=state))
    embedding.judge("the weight", Exactly(other), instance.weight())


@clause(
    MUST,
    Domain(freeze=ANY, weights=palettes.ANY, columns=1, writable=True),
    argument="_weight",
    doc="Module.load_state_dict",
    needs=("edit", "given", "load"),
)
def test_load_in_place(embedding: Subject, case: Case) -> None:
    """Loading copies the state into the weight's own memory, so that whatever shares it goes on doing so."""
    instance, other = embedding.make(case), palettes.inverted(case.weight)
    embedding.require_shared_memory(case, instance)
    instance.load(state={"weight": other})
    embedding.judge("the tensor that the weight lies in", Exactly(other), instance.given())


@clause(
    MUST,
    Domain(freeze=ANY, weights=palettes.ANY, large=False, writable=True),
    argument="_weight",
    doc="Module",
    needs=("attributes", "copy", "load"),
)
def test_copies(embedding: Subject, case: Case) -> None:
    """A deep copy, and one through pickle or torch.save, keeps every argument and bit, and shares no memory."""
    for how in COPIES:
        instance = embedding.make(case)
        copy = instance.copy(how=how)
        before, after = instance.attributes(), copy.attributes()
        compare.equal(f"the attributes after {how}", before, after)
        embedding.judge(f"the weight after {how}", Exactly(case.weight), copy.weight())
        copy.load(state={"weight": palettes.inverted(case.weight)})
        embedding.judge(f"the original weight after a change to its {how}", Exactly(case.weight), instance.weight())


@clause(SHOULD, Domain(freeze=ANY), doc="Module.extra_repr", needs=("attributes",))
def test_repr(embedding: Subject, case: Case) -> None:
    """The repr begins with both sizes and names every other argument that is not at its default."""
    shown = embedding.make(case).attributes()["repr"]
    if shown.endswith("()"):
        raise Unsupported("its repr shows nothing", asked=True)
    arguments = case.config.attributes()
    sizes = f"({arguments.pop('num_embeddings')}, {arguments.pop('embedding_dim')}"
    compare.equal("the repr has the sizes", expected=True, observed=sizes in shown)
    defaults = {"padding_idx": None, "max_norm": None, "norm_type": 2.0, "scale_grad_by_freq": False, "sparse": False}
    for name, value in arguments.items():
        if value != defaults[name]:
            compare.equal(f"the repr {shown!r} has {name}", expected=True, observed=f"{name}={value}" in shown)


@clause(MUST, Domain(freeze=ANY, weights=palettes.MODERATE), doc="Module.train", needs=("attributes", "mode"))
def test_mode(embedding: Subject, case: Case) -> None:
    """The modes of train() and eval() show in the attribute training, and give the same outputs and gradients."""
    for training in (False, True):
        instance = embedding.make(case)
        instance.mode(training=training)
        compare.equal("the attribute training", training, instance.attributes()["training"])
        embedding.use(case, instance)


@clause(
    MUST,
    Domain(lookups=2, max_norm=OFF, large=False),
    faults={GRADIENT: (accumulation.ForgetsEarlierLookups,)},
    doc="Module.zero_grad",
    needs=("clear",),
)
def test_zero_grad(embedding: Subject, case: Case) -> None:
    """zero_grad() leaves no gradient, or with set_to_none=False zeros, and the next backward starts from there."""
    first, second = (replace(case, lookups=(lookup,)) for lookup in case.lookups)
    for to_none in (True, False):
        instance = embedding.make(case)
        embedding.use(first, instance)
        instance.clear(to_none=to_none)
        observed = instance.gradient(lookups=())
        if to_none:
            compare.equal("the gradient", None, observed.gradient)
        else:
            embedding.judge_gradient(case, embedding.permits(replace(case, lookups=())).gradient, observed)
        embedding.use(second, instance)


@clause(MUST, Domain(freeze=ANY, weights=palettes.ANY), argument="dtype", doc="Module.to", needs=("attributes", "cast"))
def test_cast(embedding: Subject, case: Case) -> None:
    """A cast by to(dtype), half(), double() or their kin rounds the weight to nearest and keeps everything else."""
    for dtype in (embedding.dtype, *embedding.declarations.other_dtypes(case)):
        for by_name in (False, True) if dtype in SHORTHANDS else (False,):
            instance = embedding.make(case)
            before = instance.attributes()
            instance.cast(dtype=dtype, by_name=by_name)
            # Not `embedding.judge`: where a component may be one of two values, its error has no size.
            compare.compare(f"the weight as {dtype}", embedding.permits(case).cast(dtype), instance.weight())
            compare.equal("what is kept", _without(before, "dtype"), _without(instance.attributes(), "dtype"))


@clause(
    MUST,
    Domain(freeze=ANY, weights=palettes.MODERATE, upstreams=palettes.MODERATE),
    argument="dtype",
    doc="Module.to",
    needs=("cast",),
)
def test_cast_works(embedding: Subject, case: Case) -> None:
    """After to(dtype), lookups and gradients are those of an embedding of that dtype."""
    for dtype in embedding.declarations.other_dtypes(case):
        instance = embedding.make(case)
        instance.cast(dtype=dtype)
        embedding.use(replace(case.with_dtype(dtype), weight=instance.weight()), instance)


@clause(MUST, Domain(freeze=ANY), argument="device", doc="Module.to", needs=("attributes", "move"))
def test_to_meta(embedding: Subject, case: Case) -> None:
    """On the way to the device meta the weight keeps its shape and dtype, and the embedding every argument."""
    instance = embedding.make(case)
    before = instance.attributes()
    instance.move(device="meta")
    after = instance.attributes()
    compare.equal("the weight's device", "meta", after["device"])
    compare.equal("what is kept", _without(before, "device"), _without(after, "device"))


def _without(attributes: Mapping[str, Any], changed: str) -> dict[str, Any]:
    """The attributes but for the one that was to change, and the repr, which may show it."""
    return {name: value for name, value in attributes.items() if name not in (changed, "repr")}
