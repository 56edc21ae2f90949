"""A deviation as a script that needs the framework and numpy, nothing of ours: for a bug report."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from conformance.adapter import Call
from conformance.adapters.framework import Framework, carrier
from conformance.adapters.literals import data, listed, number, with_imports
from conformance.case import Config, Lookup
from reference import Tensor


def write_script(framework: Framework, calls: Sequence[Call]) -> str:
    """The calls in the framework's own API, each followed by a print of what it gave."""
    lines: list[str] = []
    used = {framework.tensor, *framework.shared}
    for place, (verb, arguments, on) in enumerate(calls, start=1):
        embedding = f"embedding{place if verb == 'make' else on}"
        function = framework.verbs.get(verb) or getattr(framework, _FUNCTIONS[verb])
        used.add(function)
        lines += _WRITERS.get(verb, _other)(function.__name__, embedding, arguments)
    functions = [function for function in framework.functions if function in used]
    if any("bfloat16_bits(" in line for line in lines):
        functions.insert(0, bfloat16_bits)
    sources = [f"\n\n{inspect.getsource(function).rstrip()}" for function in functions]
    script = with_imports(["import numpy as np", framework.imports, *sources, "\n", *lines])
    return f"from __future__ import annotations\n\n{script}"


def _make(function: str, embedding: str, arguments: Mapping[str, Any]) -> list[str]:
    config: Config = arguments["config"]
    changed = [f"{name}={number(value)}" for name, value in config.changed().items()]
    given = [str(config.num_embeddings), str(config.embedding_dim), "weight", *changed]
    return [*_define("weight", arguments["weight"]), f"{embedding} = {function}({', '.join(given)})"]


def _forward(function: str, embedding: str, arguments: Mapping[str, Any]) -> list[str]:
    return [*_define("index", arguments["lookup"].index), f'print("output", {function}({embedding}, index))']


def _gradient(function: str, embedding: str, arguments: Mapping[str, Any]) -> list[str]:
    lines, places = [], range(len(arguments["lookups"]))
    for place, lookup in enumerate(arguments["lookups"]):
        lines += _pair(str(place), lookup)
    indices, upstreams = (", ".join(f"{what}{place}" for place in places) for what in ("index", "upstream"))
    call = f"outputs, gradient = {function}({embedding}, [{indices}], [{upstreams}])"
    return [*lines, call, 'print("outputs", outputs)', 'print("gradient", gradient)']


def _other(function: str, embedding: str, arguments: Mapping[str, Any]) -> list[str]:
    """A call of any other verb, and a print of what it gave."""
    lines, given = [], [embedding]
    for name, value in arguments.items():
        if isinstance(value, Lookup):
            lines += _pair("", value)
            given.append(f"{name}=(index, upstream)")
        elif isinstance(value, Tensor):
            lines += _define(name, value)
            given.append(f"{name}={name}")
        elif isinstance(value, (list, tuple)) and value and isinstance(value[0], Lookup):
            lines += [line for place, lookup in enumerate(value) for line in _pair(str(place), lookup)]
            given.append(f"{name}=[{', '.join(f'(index{place}, upstream{place})' for place in range(len(value)))}]")
        elif name != "deterministic":  # which is never asked of a framework
            given.append(f"{name}={number(value)}")
    return [*lines, f"print({function}({', '.join(given)}))"]


_FUNCTIONS = {
    "make": "make",
    "forward": "look_up",
    "index_after": "look_up",
    "gradient": "differentiate",
    "weight": "weight_of",
}
"""The function of a `Framework` that does a verb."""

_WRITERS = {"make": _make, "forward": _forward, "index_after": _forward, "gradient": _gradient}


def _pair(place: str, lookup: Lookup) -> list[str]:
    """Statements that define an index and its upstream gradient."""
    return [*_define(f"index{place}", lookup.index), *_define(f"upstream{place}", lookup.upstream)]


def _define(name: str, tensor: Tensor) -> list[str]:
    """A statement that defines a tensor with these bits."""
    elements, dtype = listed(tensor), carrier(tensor.dtype).name
    if not tensor.data:
        made = f'np.zeros({tensor.shape}, "{dtype}")'
    elif elements is None:
        made = f'np.frombuffer({data(tensor)}, "{dtype}").reshape({tensor.shape})'
    elif tensor.dtype == "bfloat16":
        made = f"bfloat16_bits([{elements}]).reshape({tensor.shape})"
    else:
        made = f'np.array([{elements}], "{dtype}").reshape({tensor.shape})'
    return [f'{name} = tensor({made}, "{tensor.dtype}")']


def bfloat16_bits(values: list[float]) -> Any:
    """The bits of values that bfloat16 has: numpy does not have bfloat16."""
    return (np.array(values, "float32").view("uint32") >> 16).astype("uint16")
