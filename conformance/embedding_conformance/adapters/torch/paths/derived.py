"""Classes of other packages that derive from `torch.nn.Embedding`; `DERIVED` lists the bundled adapters."""

from __future__ import annotations

import importlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from embedding_conformance.adapters.frameworks.framework import without
from embedding_conformance.adapters.torch.instance import TorchInstance
from embedding_conformance.adapters.torch.module import DTYPES, TorchModuleAdapter
from embedding_conformance.boundary.description import Declared, Description
from embedding_conformance.boundary.observations import Call
from embedding_conformance.boundary.refusals import Unsupported
from embedding_conformance.cases.case import Config
from embedding_reference import Tensor


@dataclass(frozen=True)
class Derived:
    """A class that derives from torch's.

    Attributes:
        where: its name, as `module:name`.
        required: the arguments of its constructor that have no default there, but have one in torch's.
        dtypes: the weight dtypes that it claims.
        unsupported: what it does not claim.
    """

    where: str
    required: tuple[str, ...] = ()
    dtypes: tuple[str, ...] = DTYPES
    unsupported: tuple[Declared, ...] = ()


DERIVED = {
    "bitsandbytes": Derived("bitsandbytes.nn:Embedding"),
    "transformers-gemma3": Derived(
        "transformers.models.gemma3.modeling_gemma3:Gemma3TextScaledWordEmbedding",
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
        """A module with the given arguments; for `from_pretrained` the constructor must take `_weight`."""
        if via in ("from_pretrained", "subclass"):
            self._need(["_weight"])
        return super().make(config, weight, device=device, layout=layout, via=via, dtype=dtype)

    def construct(self, config: Config, **keywords: Any) -> Any:
        """Call the constructor with all that it requires."""
        required = {name: getattr(config, name) for name in self.derived.required}
        return super().construct(config, **{**required, **keywords})

    def signature(self, of: str) -> list[tuple[str, str, str]]:
        """The parameters of one form.

        Raises:
            Unsupported: the class requires arguments that torch's does not, so it does not claim torch's signature.
        """
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
