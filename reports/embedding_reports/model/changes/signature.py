"""What changed in the parameters of an implementation: added, removed, moved, or with another default."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher

from embedding_reports.records import Parameter, Results


def signature_changes(old: Results, new: Results) -> list[str]:
    """What changed between two runs in the signatures that both of them recorded, one sentence a change."""
    before, after = old.header.implementation.signatures, new.header.implementation.signatures
    if before is None or after is None:
        return []
    found = []
    for form in dict.fromkeys([*before, *after]):
        if form not in after:
            found.append(f"{form}: gone")
        elif form not in before:
            found.append(f"{form}: new")
        else:
            found += [f"{form}: {change}" for change in _changes(before[form], after[form])]
    return found


def _changes(old: Sequence[Parameter], new: Sequence[Parameter]) -> list[str]:
    before, after = {p.name: p for p in old}, {p.name: p for p in new}
    found = [f"{p.name} added{_default(p)}{_at(p, new, before)}" for p in new if p.name not in before]
    found += [f"{p.name} removed{_at(p, old, after)}" for p in old if p.name not in after]
    for name in _moved([name for name in before if name in after], [name for name in after if name in before]):
        found.append(f"{name} moved from position {_position(name, old)} to {_position(name, new)}")
    for was, now in ((before[name], after[name]) for name in before if name in after):
        if was.default != now.default:
            found.append(f"{now.name}: default {was.default or 'none'} -> {now.default or 'none'}")
        if was.kind != now.kind:
            found.append(f"{now.name}: {_words(was.kind)} -> {_words(now.kind)}")
    return found


def _at(parameter: Parameter, among: Sequence[Parameter], others: Mapping[str, Parameter]) -> str:
    """Where a parameter stands, and which others a caller by position now reaches instead of theirs."""
    if not parameter.positional:
        return ""
    position = _position(parameter.name, among)
    shifted = [p.name for p in among[position:] if p.positional and p.name in others]
    where = f" at position {position}"
    return f"{where}, before {', '.join(shifted)}, whose positions change" if shifted else where


def _position(name: str, among: Sequence[Parameter]) -> int:
    return [p.name for p in among].index(name) + 1


def _moved(before: Sequence[str], after: Sequence[str]) -> list[str]:
    """The names that changed their place among those that are in both."""
    blocks = SequenceMatcher(None, before, after, autojunk=False).get_matching_blocks()
    kept = {name for block in blocks for name in before[block.a : block.a + block.size]}
    return [name for name in after if name not in kept]


def _default(parameter: Parameter) -> str:
    return f" (default {parameter.default})" if parameter.default else ""


def _words(kind: str) -> str:
    return kind.replace("_", " ").lower()
