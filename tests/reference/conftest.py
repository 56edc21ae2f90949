"""Settings for the tests of the oracle."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest


@pytest.fixture(autouse=True)
def _quiet_arithmetic() -> Iterator[None]:
    """Simulated implementations overflow on purpose."""
    with np.errstate(all="ignore"):
        yield
