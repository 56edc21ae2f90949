"""`--embedding TARGET`: from a name to an adapter."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from typing import Any, cast

from embedding_conformance.boundary.adapter import Adapter
from embedding_conformance.boundary.nearest import nearest

BUNDLED = {
    "torch": "torch.module",
    "torch-functional": "torch.functional",
    "torch-script": "torch.paths",
    "torch-trace": "torch.paths",
    "torch-compile": "torch.paths",
    "torch-compile-aot": "torch.paths",
    "torch-compile-eager": "torch.paths",
    "torch-export": "torch.paths",
    "torch-vmap": "torch.paths",
    "torch-vmap-grad": "torch.paths",
    "torch-functional-call": "torch.paths",
    "torch-bag": "torch.paths",
    "torch-autocast": "torch.paths",
    "torch-qat": "torch.paths",
    "torch-decomp": "torch.paths",
    "torch-dtensor-row": "torch.dtensor",
    "torch-dtensor-column": "torch.dtensor",
    "torch-fake": "torch.fake",
    "bitsandbytes": "torch.derived",
    "transformers-gemma3": "torch.derived",
    "mlx": "frameworks.mlx",
    "mindspore": "frameworks.mindspore",
    "torch-onnx": "torch.onnx",
    "tinygrad": "frameworks.tinygrad",
    "keras-jax": "keras.on_jax",
    "keras-tensorflow": "keras.on_tensorflow",
    "keras-torch": "torch.keras",
    "tensorflow": "frameworks.tensorflow",
    "flax-nnx": "jax.flax_nnx",
    "flax-linen": "jax.flax_linen",
    "equinox": "jax.equinox",
    "haiku": "jax.haiku",
    "paddle": "frameworks.paddle",
    "oneflow": "frameworks.oneflow",
}
"""The bundled adapters: for each name the module of `adapters` whose `adapter` makes it, given the name."""


UNUSABLE = 2
"""Exit status of a worker before any answer: the target cannot be served; the last line on standard error says why."""


class UnusableTarget(Exception):  # noqa: N818 - the message is for the user
    """The target cannot be tested; the text says in one line why, and what would be right."""


def resolve(target: str) -> Adapter:
    """The adapter for a bundled name or `module:attribute`.

    The attribute may be an adapter (an object with `describe` and `make`, or a class of such), or a class or factory
    with `nn.Embedding`'s signature.

    Raises:
        UnusableTarget: no such name, module or attribute, or the attribute does not fit.
    """
    if target in BUNDLED:
        module = _import(f"embedding_conformance.adapters.{BUNDLED[target]}", target)
        try:
            return cast("Adapter", module.adapter(target))
        except ImportError as error:  # a package that this one name needs
            raise UnusableTarget(f"--embedding {target}: {first_line(error)}") from error
    module_name, _, attribute = target.partition(":")
    if not module_name or not attribute:
        raise UnusableTarget(f"--embedding {target}: {_meant(module_name)}")
    found: Any = _import(module_name, target)
    for name in attribute.split("."):
        if not hasattr(found, name):
            close = nearest(attribute, vars(found), cutoff=0.6)
            raise UnusableTarget(f"--embedding {target}: {module_name} has no attribute {attribute!r}{close}")
        found = getattr(found, name)
    if hasattr(found, "make") and hasattr(found, "describe"):
        return cast("Adapter", _called(found, target) if isinstance(found, type) else found)
    if not callable(found) or (hasattr(found, "forward") and not isinstance(found, type)):
        raise UnusableTarget(
            f"--embedding {target}: {attribute} is a {type(found).__name__}; it must be a class or factory with "
            "nn.Embedding's signature, or an adapter"
        )
    return _torch_adapter(found, target)


def _meant(name: str) -> str:
    """What is wrong with a target that names no attribute, and what would be right."""
    if name and _is_module(name):
        return f"names a module only; write module:attribute, {name}:NAME of the class or factory"
    module, _, attribute = name.rpartition(".")
    if module and _is_module(module):
        return f"write {module}:{attribute}, with a colon before the class or factory"
    close = nearest(name, BUNDLED, cutoff=0.6)
    return f"neither a bundled adapter ({', '.join(BUNDLED)}) nor of the form module:attribute{close}"


def _is_module(name: str) -> bool:
    """Whether there is such a module, as far as can be told without running it."""
    _look_here()
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError, AttributeError):
        return False


def _called(adapter: Any, target: str) -> Any:
    try:
        return adapter()
    except Exception as error:
        raise UnusableTarget(
            f"--embedding {target}: {target}() raised {type(error).__name__}: {first_line(error)}; the class of an "
            "adapter is called without arguments"
        ) from error


def _torch_adapter(factory: Any, target: str) -> Adapter:
    """Drive a class or factory as torch's own is driven, once a first construction shows that it fits."""
    adapter = _import("embedding_conformance.adapters.torch.module", target).TorchModuleAdapter(factory, target)
    try:
        made = factory(3, 2)
    except Exception as error:
        raise UnusableTarget(
            f"--embedding {target}: {target}(3, 2) raised {type(error).__name__}: {first_line(error)}; it must take "
            "(num_embeddings, embedding_dim, ...) as nn.Embedding does, or be an adapter"
        ) from error
    if getattr(getattr(made, "weight", None), "shape", None) != (3, 2):
        raise UnusableTarget(
            f"--embedding {target}: {target}(3, 2) has no weight of shape (3, 2); drive it with an adapter of its own"
        )
    return cast("Adapter", adapter)


def _look_here() -> None:
    """Find a user's module where they stand; last, so that it shadows nothing."""
    if "" not in sys.path and "." not in sys.path:
        sys.path.append(".")


def _import(module: str, target: str) -> Any:
    _look_here()
    try:
        return importlib.import_module(module)
    except Exception as error:
        hint = f"; a module is named without .py: {module[:-3]}" if module.endswith(".py") else ""
        raise UnusableTarget(
            f"--embedding {target}: importing {module} raised {type(error).__name__}: {first_line(error)}{hint}"
        ) from error


def first_line(error: BaseException) -> str:
    """What an error says, in short."""
    return (str(error).strip() or "no message").splitlines()[0]
