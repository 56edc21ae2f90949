"""The verbs about an embedding in use, as statements of a standalone script."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from embedding_conformance.adapters.torch.script_parts import Names, defined, fetch, inputs, show, stated


def _load_partly(arguments: Mapping[str, Any], name: Names) -> list[str]:
    return [*stated(arguments["state"]), f"print({name.module}.load_state_dict(state, strict=False))", show(name)]


def _replace_weight(arguments: Mapping[str, Any], name: Names) -> list[str]:
    name.optimizers.clear()
    new = f"{name.module}.weight = torch.nn.Parameter(value, requires_grad={name.weight}.requires_grad)"
    return [*defined("value", arguments["weight"], device=name.device), new, fetch(name)]


def _chains(_: Mapping[str, Any], name: Names) -> list[str]:
    itself = f"{name.module}.{{}} is {name.module}"
    calls = ("train()", "eval()", f"requires_grad_({name.weight}.requires_grad)", f"to({name.weight}.dtype)")
    return [f"print({call!r}, {itself.format(call)})" for call in calls]


def _between(arguments: Mapping[str, Any], name: Names) -> list[str]:
    what, after, _ = arguments["change"].partition(" after backward")
    change = {
        "nothing": "pass",
        "index": "index.zero_()",
        "weight": f"with torch.no_grad(): {name.weight}.neg_()",
        "mode": f"{name.module}.train(not {name.module}.training)",
        "lookup": f"{name.module}((index + 1) % {name.weight}.shape[0])",
        "backward of a lookup": f"{name.module}((index + 1) % {name.weight}.shape[0]).backward(-upstream)",
        "output hook": "output.register_hook(torch.neg)",
        "weight hook": f"{name.weight}.register_hook(torch.neg)",
    }[what]
    both = ["output.backward(upstream)", change] if after else [change, "output.backward(upstream)"]
    look_up = [*inputs(arguments["lookup"], name.device), f"output = {name.module}(index)"]
    return [*look_up, *both, f'print("gradient", {name.weight}.grad)']


def _reuse(arguments: Mapping[str, Any], name: Names) -> list[str]:
    lines = []
    for number, lookup in enumerate(arguments["lookups"]):
        kept = "filled = index" if number == 0 else "filled.copy_(index)"
        lines += [*inputs(lookup, name.device), kept, f"output = {name.module}(filled)", "output.backward(upstream)"]
        lines.append('print("output", output)')
    return [*lines, f'print("gradient", {name.weight}.grad)']


def _infer(arguments: Mapping[str, Any], name: Names) -> list[str]:
    look_up = f"with torch.inference_mode(): output = {name.module}(index)"
    return [*inputs(arguments["lookup"], name.device), look_up, 'print("output", output)']


def _jvp(arguments: Mapping[str, Any], name: Names) -> list[str]:
    look_up = f'lambda weight: torch.func.functional_call({name.module}, {{"weight": weight}}, (index,))'
    return [
        *inputs(arguments["lookup"], name.device),
        *defined("tangent", arguments["tangent"], device=name.device),
        f'print("derivative", torch.func.jvp({look_up}, ({name.weight}.detach(),), (tangent,))[1])',
    ]


def _at_once(arguments: Mapping[str, Any], name: Names) -> list[str]:
    lines = ["import threading", "indices, outputs = [], {}"]
    for lookup in arguments["lookups"]:
        lines += [*inputs(lookup, name.device), "indices.append(index)"]
    return [
        *lines,
        f"def look_up(place):\n    for _ in range(1000): outputs[place] = {name.module}(indices[place])",
        "threads = [threading.Thread(target=look_up, args=(place,)) for place in range(len(indices))]",
        "for thread in threads: thread.start()",
        "for thread in threads: thread.join()",
        'print("outputs", [outputs[place] for place in range(len(indices))])',
    ]


def _disturbs(arguments: Mapping[str, Any], name: Names) -> list[str]:
    settings = (
        "print(torch.get_default_dtype(), torch.is_grad_enabled(), torch.are_deterministic_algorithms_enabled(), "
        "torch.get_num_threads(), torch.get_rng_state().sum())"
    )
    return [settings, *inputs(arguments["lookup"], name.device), *_used(name), settings]


def _leaves(arguments: Mapping[str, Any], name: Names) -> list[str]:
    count = "import gc; gc.collect(); print(sum(isinstance(one, torch.Tensor) for one in gc.get_objects()))"
    many = f"for _ in range({arguments['calls']}):\n    " + "\n    ".join(_used(name))
    return [*inputs(arguments["lookup"], name.device), many, count, many, count]


def _used(name: Names) -> list[str]:
    return [f"output = {name.module}(index)", "if output.requires_grad: output.backward(upstream)"]


IN_USE: dict[str, Callable[[Mapping[str, Any], Names], list[str]]] = {
    "load_partly": _load_partly,
    "replace_weight": _replace_weight,
    "chains": _chains,
    "between": _between,
    "reuse": _reuse,
    "infer": _infer,
    "jvp": _jvp,
    "at_once": _at_once,
    "disturbs": _disturbs,
    "leaves": _leaves,
}
"""The statements of each verb, by its name."""
