"""Run the scripts that reproduce published deviations: each needs its implementation alone.

    python publishing/reproduce.py                 all that are published
    python publishing/reproduce.py mlx             those of one implementation

Exits with 1 when an implementation that is installed no longer deviates as published.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPTS = Path(__file__).parents[1] / "reports" / "published" / "scripts"
SECONDS = 300
MISSING = (
    "ModuleNotFoundError: No module named",
    "AssertionError: Torch not compiled with CUDA enabled",
    "RuntimeError: Found no NVIDIA driver on your system",
    "torch._inductor.exc.InductorError: InvalidCxxCompiler",
)
"""Beginnings of the lines that scripts print where the implementation or its hardware is missing."""


def main() -> int:
    """Run them."""
    names = sys.argv[1:] or sorted(path.name for path in SCRIPTS.iterdir())
    if unknown := [name for name in names if not (SCRIPTS / name).is_dir()]:
        sys.stderr.write(
            f"no scripts of {unknown[0]}; there are some of {', '.join(p.name for p in SCRIPTS.iterdir())}\n"
        )
        return 2
    gone = 0
    for path in (path for name in names for path in sorted((SCRIPTS / name).glob("*.py"))):
        shown = outcome(path)
        gone += shown not in ("reproduced", "not installed")
        sys.stdout.write(f"{path.parent.name}/{path.name}: {shown}\n")
    return int(gone > 0)


def outcome(path: Path) -> str:
    """What a script shows, run alone: see `told`."""
    command = [sys.executable, str(path)]
    return told(subprocess.run(command, capture_output=True, text=True, check=False, timeout=SECONDS))  # noqa: S603


def told(done: subprocess.CompletedProcess[str]) -> str:
    """What its end tells: "reproduced" (status 0), "no longer deviates" (1), "not installed", or how it failed."""
    lines = done.stderr.strip().splitlines() or ["no message"]
    if done.returncode != 0 and any(line.startswith(MISSING) for line in lines):
        return "not installed"
    if done.returncode == 1 and "Traceback" not in done.stderr:  # TensorFlow greets there
        return "no longer deviates"
    return "reproduced" if done.returncode == 0 else f"failed with status {done.returncode}: {lines[-1]}"


if __name__ == "__main__":
    sys.exit(main())
