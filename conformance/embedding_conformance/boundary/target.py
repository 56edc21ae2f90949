"""`--embedding TARGET`: finds the adapter that a name stands for."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from typing import Any, cast

from embedding_conformance.boundary.adapter import Adapter
from embedding_conformance.boundary.attempts import first_line
from embedding_conformance.boundary.verbs import misspelt_verb
from embedding_conformance.unusable import Unusable, nearest

BUNDLED = {
    "torch": "torch.module",
    "torch-functional": "torch.paths.functional",
    "torch-script": "torch.paths.execution",
    "torch-trace": "torch.paths.execution",
    "torch-compile": "torch.paths.execution",
    "torch-compile-aot": "torch.paths.execution",
    "torch-compile-eager": "torch.paths.execution",
    "torch-export": "torch.paths.execution",
    "torch-vmap": "torch.paths.execution",
    "torch-vmap-grad": "torch.paths.execution",
    "torch-functional-call": "torch.paths.execution",
    "torch-bag": "torch.paths.execution",
    "torch-autocast": "torch.paths.execution",
    "torch-qat": "torch.paths.execution",
    "torch-decomp": "torch.paths.execution",
    "torch-quantized-8bit": "torch.paths.quantized",
    "torch-dtensor-row": "torch.paths.dtensor",
    "torch-dtensor-column": "torch.paths.dtensor",
    "torch-fake": "torch.paths.fake",
    "bitsandbytes": "torch.paths.derived",
    "transformers-gemma3": "torch.paths.derived",
    "mlx": "frameworks.mlx",
    "mindspore": "frameworks.mindspore",
    "torch-onnx": "torch.paths.onnx",
    "tinygrad": "frameworks.tinygrad",
    "keras-jax": "keras.on_jax",
    "keras-tensorflow": "keras.on_tensorflow",
    "keras-torch": "torch.paths.keras",
    "tensorflow": "frameworks.tensorflow",
    "flax-nnx": "jax.flax_nnx",
    "flax-linen": "jax.flax_linen",
    "equinox": "jax.equinox",
    "haiku": "jax.haiku",
    "paddle": "frameworks.paddle",
    "oneflow": "frameworks.oneflow",
}
"""The bundled adapters: for each name, the module of `adapters` whose function `adapter` makes it, given the name."""


UNUSABLE = 2
"""The exit status of a worker that cannot serve its target; the last line of its standard error says why."""


class UnusableTarget(Unusable):
    """The target cannot be tested; the text says in one line why, and what would be right."""


def resolve(target: str) -> Adapter:
    """The adapter for a bundled name or `module:attribute`, as given to `--embedding`.

    Raises:
        UnusableTarget: there is no such name, module or attribute, or the attribute does not fit (`adapter_for`).
    """
    try:
        return _bundled(target) if target in BUNDLED else adapter_for(_imported_attribute(target), target)
    except UnusableTarget as error:
        raise UnusableTarget(f"--embedding {target}: {error}") from error.__cause__


def adapter_for(given: Any, name: str) -> Adapter:
    """The adapter that drives an object.

    Args:
        given: an adapter (an object with `describe` and `make`, or a class of such), or a class or factory with
            `nn.Embedding`'s signature.
        name: the name of the object, as `module:attribute`.

    Raises:
        UnusableTarget: the object is neither, or a first construction fails.
    """
    if hasattr(given, "make") and hasattr(given, "describe"):
        adapter = _instantiated(given, name) if isinstance(given, type) else given
        if mistake := misspelt_verb(type(adapter), of_adapter=True):
            raise UnusableTarget(mistake)
        return cast("Adapter", adapter)
    if not callable(given) or (hasattr(given, "forward") and not isinstance(given, type)):
        raise UnusableTarget(
            f"{name.rpartition(':')[2]} is a {type(given).__name__}; it must be a class or factory with "
            "nn.Embedding's signature, or an adapter"
        )
    return _torch_adapter(given, name)


def name_of(given: object) -> str:
    """The name of an object, or of its class, where it was defined: `module:attribute`."""
    cls = type(given)
    module = getattr(given, "__module__", cls.__module__)
    return f"{module}:{getattr(given, '__qualname__', cls.__qualname__)}"


def is_importable(given: object, name: str) -> bool:
    """Whether another process finds this same object under its name, `module:attribute`."""
    module, _, attribute = name.partition(":")
    if module == "__main__":
        return False
    found: Any = sys.modules.get(module)
    for part in attribute.split("."):
        found = getattr(found, part, None)
    return found is given


def _bundled(name: str) -> Adapter:
    module = _import(f"embedding_conformance.adapters.{BUNDLED[name]}")
    try:
        return cast("Adapter", module.adapter(name))
    except ImportError as error:  # a package that only this adapter of its module needs is not installed
        raise UnusableTarget(first_line(error)) from error


def _imported_attribute(target: str) -> Any:
    """The object that `module:attribute` names."""
    module_name, _, attribute = target.partition(":")
    if not module_name or not attribute:
        raise UnusableTarget(_correction(module_name))
    found: Any = _import(module_name)
    for name in attribute.split("."):
        if not hasattr(found, name):
            close = nearest(attribute, vars(found), cutoff=0.6)
            raise UnusableTarget(f"{module_name} has no attribute {attribute!r}{close}")
        found = getattr(found, name)
    return found


def _correction(name: str) -> str:
    """The mistake in a target that names no attribute, and what would be right, in words."""
    if name and _is_module(name):
        return f"names a module only; write module:attribute, {name}:NAME of the class or factory"
    module, _, attribute = name.rpartition(".")
    if module and _is_module(module):
        return f"write {module}:{attribute}, with a colon before the class or factory"
    close = nearest(name, BUNDLED, cutoff=0.6)
    return f"neither a bundled adapter ({', '.join(BUNDLED)}) nor of the form module:attribute{close}"


def _is_module(name: str) -> bool:
    """Whether there is such a module, as far as can be found out without running it."""
    _search_working_folder()
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError, AttributeError):
        return False


def _instantiated(cls: Any, name: str) -> Any:
    try:
        return cls()
    except Exception as error:
        raise UnusableTarget(
            f"{name}() raised {type(error).__name__}: {first_line(error)}; the class of an adapter is called without "
            "arguments"
        ) from error


def _torch_adapter(factory: Any, name: str) -> Adapter:
    """The adapter that drives a class or factory as it drives torch's own, once a first construction shows a fit."""
    adapter = _import("embedding_conformance.adapters.torch.module").TorchModuleAdapter(factory, name)
    try:
        made = factory(3, 2)
    except Exception as error:
        raise UnusableTarget(
            f"{name}(3, 2) raised {type(error).__name__}: {first_line(error)}; it must take "
            "(num_embeddings, embedding_dim, ...) as nn.Embedding does, or be an adapter"
        ) from error
    if getattr(getattr(made, "weight", None), "shape", None) != (3, 2):
        raise UnusableTarget(f"{name}(3, 2) has no weight of shape (3, 2); drive it with an adapter of its own")
    if made.weight is not made.weight:
        raise UnusableTarget(
            f"the weight of {name}(3, 2) is computed anew at each access, and cannot be set; test what it is computed "
            "from (the class without its parametrization), or drive it with an adapter of its own"
        )
    return cast("Adapter", adapter)


def _search_working_folder() -> None:
    """Make modules in the working folder importable; it is searched last, so that they shadow no others."""
    if "" not in sys.path and "." not in sys.path:
        sys.path.append(".")


def _import(module: str) -> Any:
    _search_working_folder()
    try:
        return importlib.import_module(module)
    except Exception as error:
        hint = f"; a module is named without .py: {module[:-3]}" if module.endswith(".py") else ""
        raise UnusableTarget(f"importing {module} raised {type(error).__name__}: {first_line(error)}{hint}") from error
