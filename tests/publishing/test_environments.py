"""The environments of tox.ini that pass the project's own tests with other dependencies than most have."""

from __future__ import annotations

import configparser
import tomllib
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
TOX = configparser.RawConfigParser()
TOX.read(ROOT / "tox.ini", encoding="utf-8")


def test_the_newest_of_every_dependency_is_installed() -> None:
    wanted = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["torch"]]
    named = TOX["testenv:newest"]["commands_pre"].split("eager")[1].split()
    assert {Requirement(one).name for one in wanted} <= set(named)


def test_the_lowest_python_is_that_of_the_lowest_dependencies() -> None:
    assert PROJECT["requires-python"] == f">={TOX['testenv:lowest']['base_python'].removeprefix('python')}"
