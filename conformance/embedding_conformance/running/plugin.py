"""The pytest plugin. Idle unless the suite is run, and then `running.hooks` does the work.

Every run of pytest on a machine where we are installed loads this module. So until the suite is asked for, it imports
neither what takes time nor any package of ours that a folder of the user's might stand in front of.
"""

from __future__ import annotations

import pytest

from embedding_conformance.running import options


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options."""
    options.add(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Check the input before anything runs."""
    if options.given(config):
        from embedding_conformance.running import hooks  # noqa: PLC0415 - see above

        hooks.session(config)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each clause on every dtype and device."""
    if getattr(metafunc.function, "clause", None) is not None and "embedding" in metafunc.fixturenames:
        from embedding_conformance.running import hooks  # noqa: PLC0415 - see above

        hooks.parametrize(metafunc)
