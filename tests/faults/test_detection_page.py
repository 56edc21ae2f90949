"""What `docs/detection.md` says was measured, of the faults that are there."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

from planted import FAULTS, name_of

ROOT = Path(__file__).parents[2]
DATA = json.loads((ROOT / "benchmarks" / "detection.json").read_text(encoding="utf-8"))
DIAGNOSED = json.loads((ROOT / "benchmarks" / "diagnosis.json").read_text(encoding="utf-8"))


def page() -> Any:
    """The module that renders the page."""
    spec = importlib.util.spec_from_file_location("page", ROOT / "benchmarks" / "page.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_made_of_the_data() -> None:
    assert (ROOT / "docs" / "detection.md").read_text(encoding="utf-8") == page().rendered(DATA, DIAGNOSED)


def test_the_data_is_about_the_faults_of_the_tree() -> None:
    described = {name: (f["says"], f["grade"], f["missed"]) for name, f in DATA["faults"].items() if name != "twin"}
    assert described == {name_of(fault): (fault.says(), fault.grade, fault.missed) for fault in FAULTS}
