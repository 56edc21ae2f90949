"""The environments of the release matrix, made of the list of releases in tox.ini. tox loads this file by its name.

In an ini file the name of a section takes no substitution: there the releases would have to be listed three times.
"""

from __future__ import annotations

from configparser import RawConfigParser
from pathlib import Path

from tox.config.loader.memory import MemoryLoader
from tox.config.sets import ConfigSet, EnvConfigSet
from tox.config.types import EnvList
from tox.plugin import impl
from tox.session.state import State

LISTED = RawConfigParser()
LISTED.read(Path(__file__).with_name("tox.ini"), encoding="utf-8")
RELEASES = {f"torch{release.rpartition('.')[0]}": release for release in LISTED["torch"]["releases"].split()}
PYTHONS = LISTED["torch"]["pythons"].split()
NEWEST = list(RELEASES)[-1]


@impl
def tox_add_core_config(core_conf: ConfigSet, state: State) -> None:
    """Name the environments, and say what each of them is based on."""
    environments = [*RELEASES, *(f"{python}-{NEWEST}" for python in PYTHONS)]
    for name, release in RELEASES.items():
        for prefix in ("", *(f"{python}-" for python in PYTHONS)):
            matrix = MemoryLoader(base=["matrix", "testenv"], release=release)
            state.conf.memory_seed_loaders[prefix + name].append(matrix)
    state.conf.memory_seed_loaders["report"].append(MemoryLoader(depends=EnvList(environments)))
    core_conf.loaders.insert(0, MemoryLoader(env_list=EnvList([*environments, "report"])))


@impl
def tox_add_env_config(env_conf: EnvConfigSet) -> None:
    """Let commands in tox.ini name the release that their environment is about."""
    env_conf.add_config("release", of_type=str, default="", desc="the release of torch that the suite runs against")
