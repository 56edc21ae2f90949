"""What all fault models have in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import ClassVar, Tuple, Type, TypeVar  # noqa: UP035 - evaluated on Python 3.8 too

from embedding_reference.model import Embedding
from embedding_reference.permitted import Exactly, Permitted
from embedding_reference.tensor import Tensor

OUTPUT, WEIGHT, GRADIENT = "output", "weight", "gradient"

Fault = TypeVar("Fault", bound="FaultModel")


class FaultModel(Embedding):
    """The reference model, which a subclass makes wrong in one way.

    Attributes:
        about: what differs from the model somewhere: "output", "weight" (after a call) or "gradient".
    """

    about: ClassVar[Tuple[str, ...]] = ()  # noqa: UP006 - evaluated on Python 3.8 too

    @classmethod
    def of(cls: Type[Fault], model: Embedding) -> Fault:  # noqa: UP006 - evaluated on Python 3.8 too
        """The fault model with the arguments of a model."""
        return cls(*(getattr(model, field.name) for field in fields(Embedding)))

    @classmethod
    def sentence(cls) -> str:
        """What is wrong, in a sentence."""
        return " ".join((cls.__doc__ or "").split())

    def right(self, **arguments: object) -> Embedding:
        """The model, without a fault, with some arguments changed."""
        own = {field.name: getattr(self, field.name) for field in fields(Embedding)}
        return Embedding(**{**own, **arguments})


def changed(permitted: Permitted, change: Callable[[Tensor], Tensor]) -> Permitted:
    """An exact answer, changed; any other as it is."""
    return Exactly(change(permitted.tensor)) if isinstance(permitted, Exactly) else permitted


def each_component(tensor: Tensor, change: Callable[[float], float]) -> Tensor:
    """The tensor with each component changed, and rounded to the dtype again; bits of NaN are kept."""
    form, size = tensor.format, tensor.format.component_size
    parts = []
    for place, component in enumerate(tensor.components()):
        value = change(component)
        same = value == component or (value != value and component != component)  # noqa: PLR0124 - NaN
        kept = tensor.data[place * size : (place + 1) * size]
        parts.append(kept if same else form.encode([value]))
    return Tensor(tensor.dtype, tensor.shape, b"".join(parts))
