"""The pytest plugin: it only declares options, unless the suite is run; then `running.hooks` does the work.

Every run of pytest loads this module where the suite is installed. So until the suite is asked for, it imports neither
what takes time nor any of the suite's packages that a folder of the user's might shadow.
"""

from __future__ import annotations

import pytest

from embedding_conformance.running import options


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options."""
    options.add(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Check the input before anything runs."""
    for level in ("must", "should", "info"):
        config.addinivalue_line("markers", f"{level}: the level of a clause of the embedding-conformance suite")
    if options.given(config):
        from embedding_conformance.running import hooks  # noqa: PLC0415 - see above

        hooks.session(config)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each clause on every dtype and device."""
    if getattr(metafunc.function, "clause", None) is not None and "embedding" in metafunc.fixturenames:
        from embedding_conformance.running import hooks  # noqa: PLC0415 - see above

        hooks.parametrize(metafunc)
