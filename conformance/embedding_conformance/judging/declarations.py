"""What an adapter declares unsupported, as far as it concerns one dtype and device."""

from __future__ import annotations

from functools import cached_property

from embedding_conformance.boundary.description import Declared, Description
from embedding_conformance.boundary.refusals import Unsupported
from embedding_conformance.cases.case import Case
from embedding_conformance.cases.features import NOT_NORMAL, could_match, implied, lacking, matches
from embedding_conformance.cases.strategies import UnderTest
from embedding_reference import FORMATS


class Declarations:
    """What is declared unsupported, and what that means for the cases that are drawn.

    Attributes:
        description: the adapter's description of the implementation.
        dtype: the weight dtype.
        device: the device.
    """

    def __init__(self, description: Description, dtype: str, device: str) -> None:
        self.description, self.dtype, self.device = description, dtype, device
        # What cannot match here is left out once, so that the features of most cases need not be computed.
        self._declared = [d for d in description.unsupported if could_match(d.features, dtype, device)]

    def of(self, case: Case) -> Declared | None:
        """The first declaration that the case falls under, or None."""
        return next((d for d in self._declared if matches(d.features, case, self.device)), None)

    def require(self, case: Case) -> None:
        """Make sure that no declaration covers the case: else a refusal of it would show nothing.

        Raises:
            Unsupported: one does.
        """
        if declared := self.of(case):
            raise Unsupported(declared.reason)

    def require_normal(self) -> None:
        """Make sure that a fresh weight is meant to be drawn from N(0, 1).

        Raises:
            Unsupported: it is declared not to be.
        """
        for declared in self._declared:
            if declared.features == NOT_NORMAL:
                raise Unsupported(declared.reason)

    def other_dtypes(self, case: Case) -> list[str]:
        """The other dtypes in which the case is supported too: real ones for a real weight, complex for complex.

        Raises:
            Unsupported: there is none.
        """
        kind = case.weight.format.kind
        others = [d for d in self.description.dtypes if d != case.weight.dtype and FORMATS[d].kind == kind]
        supported = [
            dtype
            for dtype in others
            if not any(
                matches(declared.features, case.with_dtype(dtype), self.device)
                for declared in self.description.unsupported  # also those that cannot match the own dtype
                if could_match(declared.features, dtype, self.device)
            )
        ]
        if not supported:
            raise Unsupported("it has no other dtype of this kind")
        return supported

    @cached_property
    def for_strategies(self) -> UnderTest:
        """What the strategies have to know, to draw enough cases that are supported."""
        here = {"dtype": self.dtype, "device": self.device}
        trained = {**here, "freeze": False}
        lacks = frozenset(name for d in self._declared for name in lacking(d.features)) | {*self.description.untaken}
        return UnderTest(
            self.dtype,
            lacks,
            flushes=any(implied(d.features, {**here, "upstream_range": "underflow"}) for d in self._declared),
            compiles=self.description.compiles,
            freezes=(freezes := any(implied(d.features, {**trained, "no_grad": False}) for d in self._declared)),
            untracked=freezes and not any(implied(d.features, {**trained, "no_grad": True}) for d in self._declared),
        )
