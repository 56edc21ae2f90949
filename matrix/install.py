"""Install a release of torch into a tox environment.

    python matrix/install.py RESULTS VERSION

RESULTS is the file that the suite will write. Until it does, the file says why there are no results: torch could not be
installed, or not imported, or the run died. So each release of the matrix has its row in the merged report.
"""

from __future__ import annotations

import os
import subprocess
import sys

from reports.absent import not_run
from reports.results import write


def main(results: str, version: str) -> int:
    """Install and import torch; the exit status is that of the first that fails, or 0."""
    cached = ["--no-cache-dir"] if os.environ.get("DISCARD_TORCH") else []  # what is discarded is not hoarded elsewhere
    steps = {
        "installed": [sys.executable, "-m", "pip", "install", "--quiet", *cached, f"torch=={version}"],
        "imported": [sys.executable, "-W", "ignore", "-c", "import torch"],
    }
    for done, command in steps.items():
        ran = subprocess.run(command, check=False, stderr=subprocess.PIPE, encoding="utf-8", errors="replace")  # noqa: S603
        sys.stderr.write(ran.stderr)
        if ran.returncode:
            said = (ran.stderr.strip() or f"exit status {ran.returncode}").splitlines()[-1]
            _say(results, version, f"torch {version} could not be {done}: {said}")
            return ran.returncode
    _say(results, version, "the run ended before its results were written")
    return 0


def _say(results: str, version: str, why: str) -> None:
    write(not_run("torch.nn.Embedding", version, why), results)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
