"""How much to test: named by what it is for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Profile:
    """How many cases each clause gets on each dtype and device.

    Attributes:
        examples: cases drawn.
        enough: how many of them must meet a clause's precondition for it to count as exercised.
        climbs: whether half of the cases go towards the largest error as a fraction of its bound, rather than anywhere.
    """

    examples: int
    enough: int
    climbs: bool = False


PROFILES = {
    "smoke": Profile(examples=5, enough=1),
    "default": Profile(examples=60, enough=6),
    "thorough": Profile(examples=300, enough=30, climbs=True),
}
