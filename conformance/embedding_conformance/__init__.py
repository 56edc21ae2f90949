"""Does this embedding do what `torch.nn.Embedding` is documented to do?

    pytest --pyargs embedding_conformance --embedding TARGET     on the command line
    check(MyEmbedding)                                           in Python
    test_my_embedding = conformance_tests(MyEmbedding)           in a test file of your own

Only the names in `__all__` are public; anything else in this package may change in any release. Each is imported when
it is first used, because pytest loads this package wherever it is installed. No module but those of `adapters.torch`
imports torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from embedding_conformance.boundary.adapter import Adapter, Instance
    from embedding_conformance.boundary.description import Declared, Description
    from embedding_conformance.boundary.observations import Backward, Call, Forward, Gradient
    from embedding_conformance.boundary.refusals import Lost, Refused, Unsupported
    from embedding_conformance.cases.case import Config, Lookup
    from embedding_conformance.running.check import Checked, check, conformance_tests
    from embedding_conformance.running.profiles import Profile
    from embedding_conformance.unusable import Unusable
    from embedding_reference import Tensor

_HOMES = {
    "check": "embedding_conformance.running.check",
    "conformance_tests": "embedding_conformance.running.check",
    "Checked": "embedding_conformance.running.check",
    "Profile": "embedding_conformance.running.profiles",
    "Unusable": "embedding_conformance.unusable",
    "Adapter": "embedding_conformance.boundary.adapter",
    "Instance": "embedding_conformance.boundary.adapter",
    "Description": "embedding_conformance.boundary.description",
    "Declared": "embedding_conformance.boundary.description",
    "Config": "embedding_conformance.cases.case",
    "Lookup": "embedding_conformance.cases.case",
    "Forward": "embedding_conformance.boundary.observations",
    "Backward": "embedding_conformance.boundary.observations",
    "Gradient": "embedding_conformance.boundary.observations",
    "Call": "embedding_conformance.boundary.observations",
    "Refused": "embedding_conformance.boundary.refusals",
    "Lost": "embedding_conformance.boundary.refusals",
    "Unsupported": "embedding_conformance.boundary.refusals",
    "Tensor": "embedding_reference",
}
"""Where each public name is defined."""

__all__ = [
    "Adapter",
    "Backward",
    "Call",
    "Checked",
    "Config",
    "Declared",
    "Description",
    "Forward",
    "Gradient",
    "Instance",
    "Lookup",
    "Lost",
    "Profile",
    "Refused",
    "Tensor",
    "Unsupported",
    "Unusable",
    "__version__",
    "check",
    "conformance_tests",
]


def __getattr__(name: str) -> Any:
    """The object of a public name, imported at its first use.

    Raises:
        AttributeError: no public name is this one.
    """
    if name == "__version__":
        from importlib import metadata  # noqa: PLC0415 - slow to import, rarely needed

        return metadata.version("embedding-conformance")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    """The public names."""
    return __all__
