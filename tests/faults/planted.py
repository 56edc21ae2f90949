"""All planted faults."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path

from twin import Twin

MODULES = [
    importlib.import_module(found.name)
    for found in pkgutil.iter_modules([str(Path(__file__).parent)])
    if found.name.startswith("faulty_")
]
FAULTS: list[type[Twin]] = [
    member
    for module in MODULES
    for member in vars(module).values()
    if isinstance(member, type)
    and issubclass(member, Twin)
    and member.__module__ == module.__name__
    and not member.__name__.startswith("_")
]
"""Every class in a `faulty_*.py`, but for bases that others share."""


def name_of(fault: type[Twin]) -> str:
    """The module and the class, e.g. "sparse.KeepsPads"."""
    return f"{fault.__module__.removeprefix('faulty_')}.{fault.__name__}"


BY_NAME = {name_of(fault): fault for fault in FAULTS}
"""All of them by name."""
