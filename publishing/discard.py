"""Where DISCARD_TORCH is set, uninstall torch and the CUDA libraries that came with it: about 5 GB an environment."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import distributions

if __name__ == "__main__" and os.environ.get("DISCARD_TORCH"):
    names = {distribution.metadata["Name"] for distribution in distributions()}
    large = sorted(name for name in names if name in ("torch", "triton") or name.startswith(("nvidia-", "cuda-")))
    uninstall = [sys.executable, "-m", "pip", "uninstall", "--quiet", "--yes", *large]
    sys.exit(subprocess.call(uninstall) if large else 0)  # noqa: S603
