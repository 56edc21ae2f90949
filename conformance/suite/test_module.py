"""What `torch.nn.Module` promises of an embedding: its state, its copies, its repr."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from hypothesis import given

from conformance import judge, palettes
from conformance.case import Case
from conformance.clause import MUST, SHOULD, clause
from conformance.strategies import ANY, cases
from conformance.subject import Subject
from reference import Exactly, Tensor
from reference.embedding import WRONG_ARGUMENT

COPIES = ("deepcopy", "pickle", "save")


def _other(weight: Tensor) -> Tensor:
    """A tensor that differs from the weight in every bit."""
    return Tensor(weight.dtype, weight.shape, bytes(255 - byte for byte in weight.data))


@clause("module.state", MUST, argument="_weight", doc="Module.state_dict")
@given(cases(freeze=ANY, weights=palettes.ANY))
def test_state(embedding: Subject, case: Case) -> None:
    """The state consists of the weight alone, bit for bit."""
    state = embedding.make(case).state()
    judge.equal("the keys of the state", ["weight"], list(state))
    embedding.judge("the weight in the state", Exactly(case.weight), state["weight"])


@clause("module.load", MUST, argument="_weight", doc="Module.load_state_dict")
@given(cases(freeze=ANY, weights=palettes.ANY, writable=True))
def test_load(embedding: Subject, case: Case) -> None:
    """Loading a state restores the weight bit for bit, the row at padding_idx included."""
    instance = embedding.make(replace(case, weight=_other(case.weight)))
    instance.load(state={"weight": case.weight})
    embedding.judge("the weight", Exactly(case.weight), instance.weight())


@clause("module.load-refused", MUST, argument="_weight", doc="Module.load_state_dict")
@given(cases(freeze=ANY, weights=palettes.ANY, writable=True))
def test_load_refused(embedding: Subject, case: Case) -> None:
    """A state with a wrong shape or key is refused, and the weight stays as it is."""
    instance = embedding.make(case)
    rows, dim = case.weight.shape
    larger = palettes.fill("counting", embedding.dtype, (rows + 1, dim), 0)
    for what, state in (("a wrong shape", {"weight": larger}), ("a wrong key", {"table": _other(case.weight)})):
        embedding.refuses(f"a state with {what}", WRONG_ARGUMENT, partial(instance.load, state=state))
        embedding.judge("the weight", Exactly(case.weight), instance.weight())


@clause("module.copies", MUST, argument="_weight", doc="Module")
@given(cases(freeze=ANY, weights=palettes.ANY, large=False, writable=True))
def test_copies(embedding: Subject, case: Case) -> None:
    """A deep copy, and one through pickle or torch.save, keeps every argument and bit, and shares no memory."""
    for how in COPIES:
        instance = embedding.make(case)
        copy = instance.copy(how=how)
        before, after = instance.attributes(), copy.attributes()
        judge.equal(f"the attributes after {how}", before, after)
        embedding.judge(f"the weight after {how}", Exactly(case.weight), copy.weight())
        copy.load(state={"weight": _other(case.weight)})
        embedding.judge(f"the original weight after a change to its {how}", Exactly(case.weight), instance.weight())


@clause("module.repr", SHOULD, argument="num_embeddings", doc="Module.extra_repr")
@given(cases(freeze=ANY))
def test_repr(embedding: Subject, case: Case) -> None:
    """The repr begins with both sizes and names every other argument that is not at its default."""
    shown = embedding.make(case).attributes()["repr"]
    arguments = case.config.attributes()
    sizes = f"({arguments.pop('num_embeddings')}, {arguments.pop('embedding_dim')}"
    judge.equal("the repr has the sizes", expected=True, observed=sizes in shown)
    defaults = {"padding_idx": None, "max_norm": None, "norm_type": 2.0, "scale_grad_by_freq": False, "sparse": False}
    for name, value in arguments.items():
        if value != defaults[name]:
            judge.equal(f"the repr {shown!r} has {name}", expected=True, observed=f"{name}={value}" in shown)
