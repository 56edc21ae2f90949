"""What the adapters of torch do on devices that are not here, as far as it can be told without them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch

from embedding_conformance.adapters.torch.calls import refusals
from embedding_conformance.adapters.torch.module import TorchModuleAdapter, devices, missing_dtype
from embedding_conformance.adapters.torch.paths.functional import TorchFunctionalAdapter
from embedding_conformance.boundary.description import Declared
from embedding_conformance.boundary.refusals import Lost, Refused, Unsupported
from examined import examined, subject
from examples import case

MESSAGE = "Cannot convert a MPS Tensor to float64 dtype"


@pytest.mark.parametrize(("name", "place"), [("cuda", torch.cuda), ("mps", torch.backends.mps), ("xpu", torch.xpu)])
def test_the_devices_are_those_that_torch_offers(name: str, place: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place, "is_available", lambda: True)
    assert name in devices()
    monkeypatch.setattr(place, "is_available", lambda: False)
    assert name not in devices()


# -- dtypes -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def _without_float64(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As if there were a device "mps", without float64."""
    ones = torch.ones

    def answer(size: int, *, dtype: torch.dtype, device: str) -> torch.Tensor:
        if device == "mps" and dtype == torch.float64:
            raise TypeError(MESSAGE)
        return ones(size, dtype=dtype)

    monkeypatch.setattr("embedding_conformance.adapters.torch.module.devices", lambda: ("cpu", "mps"))
    monkeypatch.setattr(torch, "ones", answer)
    missing_dtype.cache_clear()
    yield
    missing_dtype.cache_clear()


@pytest.mark.usefixtures("_without_float64")
@pytest.mark.parametrize("adapter", [TorchModuleAdapter(), TorchFunctionalAdapter()], ids=["module", "functional"])
def test_a_dtype_that_a_device_lacks_is_unsupported_there(adapter: Any) -> None:
    reason = f"mps has no float64: TypeError: {MESSAGE}"
    declared = [each for each in adapter.describe().unsupported if each.features.get("device") == "mps"]
    assert declared == [Declared({"device": "mps", "dtype": "float64"}, reason)]
    one = case(dtype="float64")
    assert examined(adapter, "lookup.bits", one, "mps") == "unsupported"
    assert examined(adapter, "lookup.bits", one, "cpu") == "conforms"
    with pytest.raises(Unsupported, match=f"^{re.escape(reason)}$"):
        adapter.make(one.config, one.weight, device="mps")


@pytest.mark.usefixtures("_without_float64")
def test_no_weight_is_cast_to_a_dtype_that_its_device_lacks() -> None:
    for device, others in (("mps", ["float16", "bfloat16"]), ("cpu", ["float16", "bfloat16", "float64"])):
        assert subject(TorchModuleAdapter(), device=device).declarations.other_dtypes(case()) == others


# -- what fails, and when ---------------------------------------------------------------------------------------------


def asks(monkeypatch: pytest.MonkeyPatch, *, initialised: bool, error: Exception | None) -> list[str]:
    """As if CUDA were in use, or not; what it is asked."""
    asked: list[str] = []

    def synchronize() -> None:
        asked.append("synchronize")
        if error is not None:
            raise error

    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: initialised)
    monkeypatch.setattr(torch.cuda, "synchronize", synchronize)
    return asked


@pytest.mark.parametrize(
    ("initialised", "error", "came", "asked"),
    [
        (True, RuntimeError("CUDA error: device-side assert triggered"), Lost, ["synchronize"]),
        (True, None, Refused, ["synchronize"]),
        (False, None, Refused, []),
    ],
)
def test_a_loss_is_told_by_asking_cuda_once_more(
    monkeypatch: pytest.MonkeyPatch, initialised: bool, error: Exception | None, came: type[Refused], asked: list[str]
) -> None:
    asks_made = asks(monkeypatch, initialised=initialised, error=error)
    with pytest.raises(Refused) as refused, refusals():
        raise RuntimeError("CUDA error: device-side assert triggered")
    assert type(refused.value) is came
    assert refused.value.family == "runtime"
    assert asks_made == asked


def test_what_went_wrong_on_the_device_is_laid_on_the_call_that_it_was_made_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asks(monkeypatch, initialised=True, error=RuntimeError("CUDA error: an illegal memory access"))
    with pytest.raises(Lost, match="illegal memory access"), refusals():
        pass


VERBS: dict[str, Callable[[Any], object]] = {
    "forward": lambda instance: instance.forward(case().lookups[0]),
    "gradient": lambda instance: instance.gradient(case().lookups),
    "index_after": lambda instance: instance.index_after(case().lookups[0]),
    "again": lambda instance: instance.again(case().lookups[0]),
    "beside": lambda instance: instance.beside(case().weight, case().lookups * 2),
    "between": lambda instance: instance.between(case().lookups[0], "mode"),
    "reuse": lambda instance: instance.reuse(case().lookups),
    "infer": lambda instance: instance.infer(case().lookups[0]),
    "at_once": lambda instance: instance.at_once(case().lookups),
    "use_first": lambda instance: instance.use_first(case().lookups[0], clone=True),
    "second_order": lambda instance: instance.second_order(case().lookups[0], case().weight),
    "weight": lambda instance: instance.weight(),
    "given": lambda instance: instance.given(),
}


@pytest.mark.parametrize("verb", VERBS)
def test_what_fails_only_when_it_is_read_is_refused(verb: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a device does that works while Python goes on."""
    instance = TorchModuleAdapter().make(case().config, case().weight, device="cpu")

    def fail(_: torch.Tensor) -> None:
        raise RuntimeError("CUDA error: an illegal memory access was encountered")

    for module in ("instance", "in_use"):
        monkeypatch.setattr(f"embedding_conformance.adapters.torch.{module}.from_torch", fail)
    with pytest.raises(Refused, match="illegal memory access"):
        VERBS[verb](instance)


# -- deterministic mode -----------------------------------------------------------------------------------------------


class HasNoneDeterministic(torch.nn.Embedding):
    """Goes through an operator that has no deterministic implementation."""

    def forward(self, index: torch.Tensor) -> torch.Tensor:
        torch.zeros(1).put_(torch.tensor([0]), torch.tensor([1.0]))
        return super().forward(index)


class BreaksWhereDeterministic(torch.nn.Embedding):
    """Has a defect in deterministic mode."""

    def forward(self, index: torch.Tensor) -> torch.Tensor:
        if torch.are_deterministic_algorithms_enabled():
            raise RuntimeError("a defect")
        return super().forward(index)


@pytest.mark.parametrize(
    ("factory", "came"),
    [
        (torch.nn.Embedding, "conforms"),
        (HasNoneDeterministic, "unsupported"),
        (BreaksWhereDeterministic, "deviates"),
    ],
)
def test_a_refusal_of_deterministic_mode_is_told_apart(factory: Any, came: str) -> None:
    adapter, one = TorchModuleAdapter(factory), case(index=(1, 1))
    assert examined(adapter, "gradient.deterministic", one) == came
    assert examined(adapter, "gradient.repeatable", one) == "conforms"
    assert not torch.are_deterministic_algorithms_enabled()


# -- scripts ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("adapter", [TorchModuleAdapter(), TorchFunctionalAdapter()], ids=["module", "functional"])
def test_a_script_makes_its_tensors_where_the_weight_is(adapter: Any) -> None:
    embedding = subject(adapter, device="meta")
    embedding.run(case())
    variables: dict[str, Any] = {}
    exec(adapter.script(embedding.driver.calls), variables)  # noqa: S102 - our own
    assert {variables[name].device.type for name in ("index", "upstream", "weight", "output")} == {"meta"}


def test_a_script_takes_an_index_from_elsewhere() -> None:
    embedding = subject(TorchModuleAdapter(), device="meta")
    embedding.make(case()).forward(lookup=case().lookups[0], index_device="cpu")
    variables: dict[str, Any] = {}
    exec(embedding.driver.adapter.script(embedding.driver.calls), variables)  # noqa: S102 - our own
    assert (variables["index"].device.type, variables["weight"].device.type) == ("cpu", "meta")
