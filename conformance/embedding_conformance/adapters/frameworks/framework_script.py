"""The standalone script of a deviation, for a bug report: it needs the framework and numpy, and none of the suite."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from embedding_conformance.adapters.frameworks.framework import Framework, carrier
from embedding_conformance.adapters.literals import data, listed, number, with_imports
from embedding_conformance.boundary.observations import Call
from embedding_conformance.cases.case import Lookup
from embedding_reference import Tensor


def write_script(framework: Framework, calls: Sequence[Call]) -> str:
    """The script that makes the calls in the framework's own API, and prints what each returns."""
    lines: list[str] = []
    used: set[Any] = {framework.tensor}
    optimizers: list[str] = []
    for place, (verb, arguments, on) in enumerate(calls, start=1):
        function = _function(framework, verb, arguments)
        used.add(function)
        name = function.__name__
        if verb == "make":
            lines += _make(name, f"embedding{place}", arguments)
        elif verb == "copy":
            lines += [f"embedding{place} = {name}(embedding{on}, {number(arguments['how'])})"]
        elif verb == "step":
            used.add(framework.optimizer)
            lines += _step(name, f"embedding{on}", arguments, optimizers)
        else:
            lines += _WRITERS.get(verb, _other)(name, f"embedding{on}", arguments)
    if any("lay_out(" in line for line in lines):
        used.add(framework.lay_out)
    source = "".join(map(inspect.getsource, used))
    for shared in reversed(framework.shared):  # each comes after those that it calls
        if shared.__name__ in source:
            used.add(shared)
            source += inspect.getsource(shared)
    functions = [function for function in framework.functions if function in used]
    if any("bfloat16_bits(" in line for line in lines):
        functions.insert(0, bfloat16_bits)
    sources = [f"\n\n{inspect.getsource(function).rstrip()}" for function in functions]
    script = with_imports(["import numpy as np", framework.imports, *sources, "\n", *lines])
    return f"from __future__ import annotations\n\n{script}"


def _function(framework: Framework, verb: str, arguments: Mapping[str, Any]) -> Any:
    """The function that the adapter calls for a verb with these arguments."""
    if verb == "make":
        way = "fresh" if arguments["weight"] is None else ""
        return framework.made.get(arguments.get("via", ""), framework.made.get(way, framework.make))
    if arguments.get("no_grad"):
        return framework.untracked
    return framework.verbs.get(verb) or getattr(framework, _FUNCTIONS[verb])


def _make(function: str, embedding: str, arguments: Mapping[str, Any]) -> list[str]:
    config, weight = arguments["config"], arguments["weight"]
    given = [f"{name}={number(value)}" for name, value in config.changed().items()]
    if config.freeze:
        given.append("_freeze=True")
    lines = []
    if weight is None:
        given.insert(0, f'dtype="{arguments["dtype"]}"')
    else:
        lines = _define("weight", weight, arguments.get("layout", "contiguous"))
        given.insert(0, "weight")
    sizes = f"{config.num_embeddings}, {config.embedding_dim}"
    return [*lines, f"{embedding} = {function}({', '.join([sizes, *given])})"]


def _forward(function: str, embedding: str, arguments: Mapping[str, Any]) -> list[str]:
    lookup: Lookup = arguments["lookup"]
    return [*_define("index", lookup.index, lookup.index_layout), f'print("output", {function}({embedding}, index))']


def _gradient(function: str, embedding: str, arguments: Mapping[str, Any]) -> list[str]:
    """Lookups and their backward pass: one for all, or one for each."""
    lookups = arguments["lookups"]
    groups = [lookups] if arguments.get("together") or not lookups else [[one] for one in lookups]
    lines = []
    for group in groups:
        lines += _define_lookups(group)
        indices, upstreams = (", ".join(f"{what}{i}" for i in range(len(group))) for what in ("index", "upstream"))
        lines.append(f"outputs, gradient = {function}({embedding}, [{indices}], [{upstreams}])")
        lines += ['print("outputs", outputs)', 'print("gradient", gradient)']
    return lines


def _step(function: str, embedding: str, arguments: Mapping[str, Any], made: list[str]) -> list[str]:
    """A step of an optimiser, which its first step makes; `made` lists the expressions of those that there are."""
    optimizer, lines = f'optimizer({embedding}, "{arguments["optimizer"]}", {dict(arguments["options"])})', []
    if optimizer not in made:
        made.append(optimizer)
        lines.append(f"optimizer{len(made)} = {optimizer}")
    lines += _define_lookups(arguments["lookups"])
    pairs = _pairs(len(arguments["lookups"]))
    return [*lines, f"{function}({embedding}, optimizer{made.index(optimizer) + 1}, {pairs})"]


def _other(function: str, embedding: str, arguments: Mapping[str, Any]) -> list[str]:
    """A call of any other verb, and a print of what it returns."""
    lines, given = [], [embedding]
    for name, value in arguments.items():
        if isinstance(value, Lookup):
            lines += _define_lookup(value)
            given.append(f"{name}=(index, upstream)")
        elif isinstance(value, Tensor):
            lines += _define(name, value)
            given.append(f"{name}={name}")
        elif isinstance(value, Mapping) and any(isinstance(v, Tensor) for v in value.values()):
            for place, tensor in enumerate(value.values()):
                lines += _define(f"{name}{place}", tensor)
            items = ", ".join(f'"{key}": {name}{place}' for place, key in enumerate(value))
            given.append(f"{name}={{{items}}}")
        elif isinstance(value, (list, tuple)) and value and isinstance(value[0], Lookup):
            lines += _define_lookups(value)
            given.append(f"{name}={_pairs(len(value))}")
        elif name != "deterministic":  # no framework has this mode
            given.append(f"{name}={number(value)}")
    return [*lines, f"print({function}({', '.join(given)}))"]


_FUNCTIONS = {
    "make": "make",
    "forward": "look_up",
    "index_after": "look_up",
    "gradient": "differentiate",
    "weight": "weight_of",
}
"""The function of a `Framework` for each verb that is not among its `verbs`."""

_WRITERS = {"forward": _forward, "index_after": _forward, "gradient": _gradient}


def _pairs(count: int) -> str:
    return f"[{', '.join(f'(index{place}, upstream{place})' for place in range(count))}]"


def _define_lookups(lookups: Sequence[Lookup]) -> list[str]:
    return [line for place, lookup in enumerate(lookups) for line in _define_lookup(lookup, str(place))]


def _define_lookup(lookup: Lookup, place: str = "") -> list[str]:
    """Statements that define an index and an upstream gradient."""
    index = _define(f"index{place}", lookup.index, lookup.index_layout)
    return [*index, *_define(f"upstream{place}", lookup.upstream, lookup.upstream_layout)]


def _define(name: str, tensor: Tensor, layout: str = "contiguous") -> list[str]:
    """The statement that defines a tensor with these bits, in the layout that `Framework.to` gives it."""
    elements, dtype = listed(tensor), carrier(tensor.dtype).name
    if not tensor.data:
        made = f'np.zeros({tensor.shape}, "{dtype}")'
    elif elements is None:
        made = f'np.frombuffer({data(tensor)}, "{dtype}").reshape({tensor.shape})'
    elif tensor.dtype == "bfloat16":
        made = f"bfloat16_bits([{elements}]).reshape({tensor.shape})"
    else:
        made = f'np.array([{elements}], "{dtype}").reshape({tensor.shape})'
    made = f'tensor({made}, "{tensor.dtype}")'
    if layout != "contiguous" and tensor.shape and tensor.data:
        made = f'lay_out({made}, "{layout}")'
    return [f"{name} = {made}"]


def bfloat16_bits(values: list[float]) -> Any:
    """The bits of bfloat16 numbers, as numpy has no bfloat16."""
    return (np.array(values, "float32").view("uint32") >> 16).astype("uint16")
