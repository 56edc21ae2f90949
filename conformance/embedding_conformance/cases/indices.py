"""Patterns of indices: which rows a lookup asks for, by name, drawn from a source of random numbers."""

from __future__ import annotations

import random
from collections.abc import Callable

from embedding_conformance.cases.case import Config


def _row(config: Config, rng: random.Random) -> int:
    """A row of the table; one in four is the first or the last, where an index type that is too narrow shows."""
    last = config.num_embeddings - 1
    return rng.choice((0, last)) if rng.random() < 0.25 else rng.randint(0, last)


def _only_pads(config: Config, count: int, rng: random.Random) -> list[int]:
    row = config.padding_row
    return [_row(config, rng) if row is None else row] * count


def _some_pads(config: Config, count: int, rng: random.Random) -> list[int]:
    positions = _uniform(config, count, rng)
    return [config.padding_row if config.padding_row is not None and rng.random() < 0.5 else p for p in positions]


def _uniform(config: Config, count: int, rng: random.Random) -> list[int]:
    return [_row(config, rng) for _ in range(count)]


def _counting(config: Config, count: int, rng: random.Random) -> list[int]:
    start = rng.randrange(config.num_embeddings)
    return [(start + i) % config.num_embeddings for i in range(count)]


def _equal(config: Config, count: int, rng: random.Random) -> list[int]:
    return [_row(config, rng)] * count


def _two(config: Config, count: int, rng: random.Random) -> list[int]:
    pair = _uniform(config, 2, rng)
    return [rng.choice(pair) for _ in range(count)]


def _distinct(config: Config, count: int, rng: random.Random) -> list[int]:
    """Each row as seldom as possible, shuffled."""
    positions = _counting(config, count, rng)
    rng.shuffle(positions)
    return positions


def _no_pads(config: Config, count: int, rng: random.Random) -> list[int]:
    others = [row for row in range(config.num_embeddings) if row != config.padding_row] or [0]
    return rng.choices(others, k=count)


INDEX_PATTERNS: dict[str, Callable[[Config, int, random.Random], list[int]]] = {
    "counting": _counting,
    "equal": _equal,
    "two rows": _two,
    "uniform": _uniform,
    "distinct": _distinct,
    "no pads": _no_pads,
    "some pads": _some_pads,
    "only pads": _only_pads,
}
"""The patterns by name, simplest first: each gives `count` indices for a configuration."""
