"""The standalone script of a deviation, for a bug report: it needs torch and the implementation, none of the suite."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from embedding_conformance.adapters.literals import number, with_imports
from embedding_conformance.adapters.torch.script_in_use import IN_USE
from embedding_conformance.adapters.torch.script_parts import Names, called, defined, fetch, inputs, show, stated
from embedding_conformance.boundary.observations import Call
from embedding_conformance.cases.case import Config


def write_script(calls: Sequence[Call], *, factory: str | None, module: str = "torch") -> str:
    """The script that makes the calls in torch's own API, and prints what each returns.

    Args:
        calls: the calls, as made through the adapter.
        factory: the dotted name of the class under test; None for the functional form.
        module: the module that defines the class.
    """
    lines = ["import torch"]
    if module.partition(".")[0] != "torch":
        lines.append(f"import {module}")
    lines.append("")
    names = {0: Names(factory)}
    for place, (verb, arguments, on) in enumerate(calls, 1):
        name = names[on]
        if verb in ("make", "copy"):
            name = names[place] = Names(
                factory, str(len(names)) if len(names) > 1 else "", origin=name.module, device=name.device
            )
        lines += _VERBS[verb](arguments, name)
    return with_imports(lines)


def _make(arguments: Mapping[str, Any], name: Names) -> list[str]:
    config: Config = arguments["config"]
    weight, via = arguments.get("weight"), arguments.get("via", "assignment")
    device = name.device = arguments.get("device", "cpu")
    keywords = [f"{keyword}={number(value)}" for keyword, value in config.changed().items()]
    lines = [] if weight is None else defined(name.given, weight, arguments.get("layout", "contiguous"), device)
    if via == "functional":
        name.factory = None
    if name.factory is None:
        call = called("torch.nn.functional.embedding", "index", name.weight, *keywords)
        grad = "" if config.freeze else ".requires_grad_()"
        return [*lines, f"{name.weight} = {name.given}{grad}", f"def {name.module}(index):\n    return {call}"]
    if via in ("from_pretrained", "subclass"):
        if via == "subclass":
            lines.append(f"class Derived({name.factory}):\n    pass")
        thaw = [] if config.freeze else ["freeze=False"]
        made = "Derived" if via == "subclass" else name.factory
        lines.append(f"{name.module} = {called(f'{made}.from_pretrained', name.given, *thaw, *keywords)}")
        return [*lines, fetch(name)]
    return [*lines, *_constructed(arguments, name.factory, name, keywords), fetch(name)]


def _constructed(arguments: Mapping[str, Any], factory: str, name: Names, keywords: list[str]) -> list[str]:
    """Call the constructor, within what the instance is to be made within, and give it its weight."""
    lines: list[str] = []
    config: Config = arguments["config"]
    weight, via, device = arguments.get("weight"), arguments.get("via", "assignment"), name.device
    dtype = weight.dtype if weight else arguments.get("dtype") or "float32"
    if via == "_weight":
        keywords += [f"_weight={name.given}", *(["_freeze=True"] if config.freeze else [])]
    elif via == "default_device":
        keywords.append(f"dtype=torch.{dtype}")
    elif via != "default_dtype":
        keywords += [f'device="{device}"', f"dtype=torch.{dtype}"]
    made = called(factory, str(config.num_embeddings), str(config.embedding_dim), *keywords)
    if via == "default_dtype":
        lines.append(f"torch.set_default_dtype(torch.{dtype})")
    if via == "seeded":
        lines.append("torch.manual_seed(20)")
    within = {"no_grad": "with torch.no_grad(): ", "default_device": f'with torch.device("{device}"): '}.get(via, "")
    lines.append(f"{within}{name.module} = {made}")
    if weight is not None and via != "_weight":
        lines.append(f"{name.module}.weight.data = {name.given}")
    if config.freeze and via != "_weight":
        lines.append(f"{name.module}.weight.requires_grad_(False)")
    return lines


def _forward(arguments: Mapping[str, Any], name: Names) -> list[str]:
    device, recording = arguments.get("index_device"), "with torch.no_grad(): " * arguments.get("no_grad", False)
    lookup = inputs(arguments["lookup"], device or name.device)
    return [*lookup, f"{recording}output = {name.module}(index)", 'print("output", output)']


def _gradient(arguments: Mapping[str, Any], name: Names) -> list[str]:
    lines = []
    if arguments.get("together"):
        for number, lookup in enumerate(arguments["lookups"]):
            lines += [
                *inputs(lookup, name.device),
                f"output{number}, upstream{number} = {name.module}(index), upstream",
            ]
        places = range(len(arguments["lookups"]))
        outputs, upstreams = (", ".join(f"{what}{n}" for n in places) for what in ("output", "upstream"))
        lines.append(f"torch.autograd.backward([{outputs}], [{upstreams}])")
    else:
        for lookup in arguments["lookups"]:
            lines += [*_forward({"lookup": lookup}, name), "output.backward(upstream)"]
    return [*lines, f'print("gradient", {name.weight}.grad)']


def _overwrite(arguments: Mapping[str, Any], name: Names) -> list[str]:
    return [*inputs(arguments["lookup"], name.device), f"{name.module}(index).detach().fill_(7)", show(name)]


def _index_after(arguments: Mapping[str, Any], name: Names) -> list[str]:
    call = f"try: {name.module}(index)\nexcept Exception as error: print(error)"
    return [*inputs(arguments["lookup"], name.device), call, 'print("index", index)']


def _again(arguments: Mapping[str, Any], name: Names) -> list[str]:
    mode = ["torch.use_deterministic_algorithms(True)"] * arguments.get("deterministic", False)
    backward = f'print("gradient", torch.autograd.grad(output, {name.weight}, upstream, retain_graph=True))'
    return [
        *mode,
        *inputs(arguments["lookup"], name.device),
        f"output = {name.module}(index)",
        f"for _ in range(2): {backward}",
    ]


def _beside(arguments: Mapping[str, Any], name: Names) -> list[str]:
    (first, second), weight, module = arguments["lookups"], name.weight, name.module
    if name.factory is None:  # the function in the script looks up in the variable of the weight's name
        look_up = f"mine, {weight} = {weight}, other.requires_grad_(); output1 = {module}(index); {weight} = mine"
    else:
        copied = f"import copy; beside = copy.deepcopy({module}); beside.weight.data = other; other = beside.weight"
        look_up = f"{copied}; output1 = beside(index)"
    return [
        *[*inputs(first, name.device), f"output0, upstream0 = {module}(index), upstream"],
        *[*defined("other", arguments["weight"], device=name.device), *inputs(second, name.device), look_up],
        "torch.autograd.backward([output0, output1], [upstream0, upstream])",
        f'print("gradients", {weight}.grad, other.grad)',
    ]


def _use_first(arguments: Mapping[str, Any], name: Names) -> list[str]:
    return [
        *inputs(arguments["lookup"], name.device),
        f"squares = {name.weight}{'.clone()' * arguments['clone']}.square()",
        f"output = {name.module}(index)",
        "torch.autograd.backward([squares, output], [torch.ones_like(squares), upstream])",
        f'print("gradient", {name.weight}.grad)',
    ]


def _second_order(arguments: Mapping[str, Any], name: Names) -> list[str]:
    return [
        *inputs(arguments["lookup"], name.device),
        *defined("direction", arguments["direction"], device=name.device),
        f"output, upstream = {name.module}(index), upstream.requires_grad_()",
        f"gradient, = torch.autograd.grad(output, {name.weight}, upstream, create_graph=True)",
        "gradient = gradient.to_dense() if gradient.is_sparse else gradient",
        'print("derivative", gradient.requires_grad and torch.autograd.grad(gradient, upstream, direction))',
    ]


def _step(arguments: Mapping[str, Any], name: Names) -> list[str]:
    options = [f"{option}={number(value)}" for option, value in arguments["options"].items()]
    made = called(f"torch.optim.{arguments['optimizer']}", f"[{name.weight}]", *options)
    known = made in name.optimizers
    optimizer = name.optimizers.setdefault(made, f"optimizer{name.number}_{len(name.optimizers) + 1}")
    lines = [] if known else [f"{optimizer} = {made}"]
    lines.append(f"{optimizer}.zero_grad()")
    for lookup in arguments["lookups"]:
        lines += [*inputs(lookup, name.device), f"{name.module}(index).backward(upstream)"]
    return [*lines, f"{optimizer}.step()", show(name)]


def _copy(arguments: Mapping[str, Any], name: Names) -> list[str]:
    ways = {
        "deepcopy": "import copy; {0} = copy.deepcopy({1})",
        "pickle": "import pickle; {0} = pickle.loads(pickle.dumps({1}))",
        "save": (
            "import io; stream = io.BytesIO(); torch.save({1}, stream); stream.seek(0)\n"
            "{0} = torch.load(stream, weights_only=False)"
        ),
    }
    return [ways[arguments["how"]].format(name.module, name.origin), fetch(name), f'print("copy", {name.module})']


def _load(arguments: Mapping[str, Any], name: Names, how: str = "") -> list[str]:
    return [*stated(arguments["state"]), f"{name.module}.load_state_dict(state{how})", fetch(name), show(name)]


def _assign(arguments: Mapping[str, Any], name: Names) -> list[str]:
    name.optimizers.clear()  # the module has another weight than they were made for
    return _load(arguments, name, how=", assign=True")


def _clear(arguments: Mapping[str, Any], name: Names) -> list[str]:
    to_none = arguments.get("to_none", True)
    if name.factory is not None:
        return [f"{name.module}.zero_grad(set_to_none={to_none})"]
    return [
        f"{name.weight}.grad = None" if to_none else f"if {name.weight}.grad is not None: {name.weight}.grad.zero_()"
    ]


def _edit(arguments: Mapping[str, Any], name: Names) -> list[str]:
    return [*defined("value", arguments["weight"]), f"with torch.no_grad():\n    {name.weight}.copy_(value)"]


def _cast(arguments: Mapping[str, Any], name: Names) -> list[str]:
    methods = {"float16": "half", "float32": "float", "float64": "double"}
    dtype = arguments["dtype"]
    call = f"{methods.get(dtype, dtype)}()" if arguments.get("by_name") else f"to(torch.{dtype})"
    return _converted(call, name)


def _move(arguments: Mapping[str, Any], name: Names) -> list[str]:
    device = name.device = arguments["device"]
    return _converted(f'to_empty(device="{device}")' if arguments.get("empty") else f'to("{device}")', name)


def _converted(call: str, name: Names) -> list[str]:
    name.optimizers.clear()  # the module may have another weight than they were made for
    return [f"{name.module} = {name.module}.{call}", fetch(name), show(name)]


_VERBS: dict[str, Callable[[Mapping[str, Any], Names], list[str]]] = {
    **IN_USE,
    "make": _make,
    "forward": _forward,
    "gradient": _gradient,
    "overwrite": _overwrite,
    "index_after": _index_after,
    "again": _again,
    "beside": _beside,
    "use_first": _use_first,
    "second_order": _second_order,
    "step": _step,
    "copy": _copy,
    "load": _load,
    "assign": _assign,
    "clear": _clear,
    "edit": _edit,
    "cast": _cast,
    "move": _move,
    "freeze": lambda a, n: [f"{n.weight}.requires_grad_({not a['frozen']})"],
    "mode": lambda a, n: [f"{n.module}.train({a['training']})"],
    "weight": lambda _, n: [show(n)],
    "given": lambda _, n: [f'print("given", {n.given})'],
    "attributes": lambda _, n: [f"print({n.module}, vars({n.module}))"],
    "state": lambda _, n: [f"print({n.module}.state_dict())"],
    "reset": lambda _, n: [f"{n.module}.reset_parameters()", fetch(n), show(n)],
    "signature": lambda a, n: [
        f"import inspect; print(inspect.signature({n.factory}{'' if a['of'] == 'constructor' else '.' + a['of']}))"
    ],
}
