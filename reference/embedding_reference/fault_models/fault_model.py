"""What all fault models have in common."""

from __future__ import annotations

from dataclasses import fields
from typing import ClassVar, Tuple, Type, TypeVar  # noqa: UP035 - evaluated on Python 3.8 too

from embedding_reference.model import Embedding

OUTPUT, WEIGHT, GRADIENT = "output", "weight", "gradient"
SECOND_ORDER, FORM, ATTRIBUTES, REFUSAL = "second order", "form", "attributes", "refusal"

Fault = TypeVar("Fault", bound="FaultModel")


class FaultModel(Embedding):
    """The reference model, which a subclass makes wrong in one way.

    A fault model has no condition that a feature of a case shows, such as a size, a dtype or whether an argument is
    given: in which cases an implementation does what the fault model does is another question.

    Attributes:
        about: what differs from the model somewhere: "output", "weight" (after a call), "gradient" (its values),
            "second order" (the gradient's derivative), "form" (the gradient's layout, shape and dtype), "attributes" or
            "refusal" (of arguments).
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
