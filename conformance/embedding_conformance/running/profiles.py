"""Profiles: how much to test."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Profile:
    """How many cases each clause gets on each dtype and device.

    Attributes:
        name: its name.
        examples: how many cases are tried: the edge cases, and so many drawn ones; one at least is drawn.
        enough: how many of them must be judged and able to fail for a clause to count as exercised.
        largest: the bytes of the largest table among the sizes that are tried one by one (`cases.sizes.LADDER`).
        climbs: whether half of the cases are drawn to raise the largest error as a fraction of its bound.
        diagnoses: whether a case that fails is shrunk, and the deviation explained.
    """

    name: str
    examples: int
    enough: int
    largest: int = 2**27
    climbs: bool = False
    diagnoses: bool = True


PROFILES = {
    profile.name: profile
    for profile in (
        Profile("smoke", examples=10, enough=1, largest=2**20),
        Profile("default", examples=30, enough=6),
        Profile("thorough", examples=300, enough=30, climbs=True),
    )
}
