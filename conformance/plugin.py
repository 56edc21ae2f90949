"""The pytest plugin. Idle unless the suite is run, and then `conformance.hooks` does the work.

Every run of pytest on a machine where we are installed loads this module. So until the suite is asked for, it imports
neither what takes time nor any package of ours that a folder of the user's might stand in front of.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from conformance import options


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options."""
    options.add(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Check the input before anything runs."""
    if options.given(config):
        _check_for_shadows()
        from conformance import hooks  # noqa: PLC0415 - see above

        hooks.session(config)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each clause on every dtype and device."""
    if getattr(metafunc.function, "clause", None) is not None and "embedding" in metafunc.fixturenames:
        from conformance import hooks  # noqa: PLC0415 - see above

        hooks.parametrize(metafunc)


def _check_for_shadows() -> None:
    """A module or folder of the user's named like one of our packages would be imported in its place."""
    ours = Path(__file__).parent.parent
    for package in ("reference", "reports"):
        spec = find_spec(package)
        places = [*(spec.submodule_search_locations or [spec.origin or ""])] if spec is not None else []
        if places and Path(places[0]).parent != ours:
            pytest.exit(
                f"embedding-conformance needs its own package {package!r}, but {places[0]} comes first on the import "
                "path; run pytest from another folder, or rename that one",
                returncode=2,
            )
