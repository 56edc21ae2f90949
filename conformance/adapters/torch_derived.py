"""Classes of other packages that derive from `torch.nn.Embedding`; `DERIVED` lists the bundled adapters."""

from __future__ import annotations

import importlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from conformance.adapter import Call, Declared, Description, Unsupported
from conformance.adapters.framework import without
from conformance.adapters.torch_instance import TorchInstance
from conformance.adapters.torch_module import DTYPES, TorchModuleAdapter
from conformance.case import Config
from reference import Tensor


@dataclass(frozen=True)
class Derived:
    """A class that derives from torch's.

    Attributes:
        where: it is found, as `module:name`.
        lacks: arguments of torch's constructor that its own does not have.
        required: arguments that it has no default for.
        dtypes: weight dtypes claimed.
        unsupported: what it does not claim.
    """

    where: str
    lacks: tuple[str, ...]
    required: tuple[str, ...] = ()
    dtypes: tuple[str, ...] = DTYPES
    unsupported: tuple[Declared, ...] = ()


DERIVED = {
    "bitsandbytes": Derived("bitsandbytes.nn:Embedding", ("_freeze", "dtype")),
    "transformers-gemma3": Derived(
        "transformers.models.gemma3.modeling_gemma3:Gemma3TextScaledWordEmbedding",
        ("_weight", "_freeze", "device", "dtype"),
        required=("padding_idx",),
        dtypes=("float16", "bfloat16", "float32", "float64"),
        unsupported=without("max_norm", "scale_grad_by_freq", "sparse"),
    ),
}


class DerivedAdapter(TorchModuleAdapter):
    """Drives one of `DERIVED`."""

    def __init__(self, derived: Derived) -> None:
        module, _, name = derived.where.partition(":")
        super().__init__(getattr(importlib.import_module(module), name), derived.where)
        self.derived = derived

    def describe(self) -> Description:
        """What is under test, and what it does not claim."""
        described = super().describe()
        return replace(
            described,
            dtypes=self.derived.dtypes,
            unsupported=(*described.unsupported, *self.derived.unsupported),
        )

    def make(
        self,
        config: Config,
        weight: Tensor | None,
        *,
        device: str,
        layout: str = "contiguous",
        via: str = "assignment",
        dtype: str | None = None,
    ) -> TorchInstance:
        """A module with the given arguments; one that is given its weight gets its dtype and its device with it."""
        given = via in ("_weight", "from_pretrained", "subclass")
        wanted = {"_weight": given, "_freeze": via == "_weight" and config.freeze}
        if weight is None and via != "default_dtype":
            wanted["dtype"] = getattr(torch, dtype or "float32") != torch.get_default_dtype()
            wanted["device"] = device != "cpu"
        for name in self.derived.lacks:
            if wanted.get(name):
                raise Unsupported(f"its constructor has no {name}")
        return super().make(config, weight, device=device, layout=layout, via=via, dtype=dtype)

    def construct(self, config: Config, **keywords: Any) -> Any:
        """Call the constructor, with none of the arguments that it lacks and all that it requires."""
        required = {name: getattr(config, name) for name in self.derived.required}
        given = {name: value for name, value in keywords.items() if name not in self.derived.lacks}
        return super().construct(config, **{**required, **given})

    def signature(self, of: str) -> list[tuple[str, str, str]]:
        """The parameters of one form; a constructor that is to be called in its own way has no claim to torch's."""
        if self.derived.required:
            raise Unsupported(f"the {of} is not meant to be called as torch's")
        return super().signature(of)

    def script(self, calls: Sequence[Call]) -> str:
        """A standalone script that makes the same calls."""
        text = re.sub(r', device="cpu", dtype=torch\.\w+\)', ")", super().script(calls))
        for name in self.derived.required:
            text = re.sub(rf"({self.name}\(\d+, \d+)(?!.*\b{name}=)", rf"\1, {name}=None", text)
        return text


def adapter(name: str) -> DerivedAdapter:
    """The adapter of the bundled name."""
    return DerivedAdapter(DERIVED[name])
