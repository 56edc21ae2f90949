"""Install a release of torch into a tox environment.

    python publishing/install.py RESULTS VERSION

RESULTS is the file that the suite will write. Until it does, the file says why there are no results: torch could not be
installed, or not imported, or the run died. So each release of the matrix has its row in the merged report.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys

from embedding_reports.absent import not_run
from embedding_reports.results import write


def main(results: str, version: str) -> int:
    """Install and import torch; the exit status is that of the first that fails, or 0."""
    cached = ["--no-cache-dir"] if os.environ.get("DISCARD_TORCH") else []  # what is discarded is not hoarded elsewhere
    wanted, python = f"torch=={version}", platform.python_version()
    steps = {
        f"pip install {wanted}": [sys.executable, "-m", "pip", "install", "--quiet", *cached, wanted],
        "import torch": [sys.executable, "-W", "ignore", "-c", "import torch"],
    }
    for step, command in steps.items():
        ran = subprocess.run(command, check=False, stderr=subprocess.PIPE, encoding="utf-8", errors="replace")  # noqa: S603
        sys.stderr.write(ran.stderr)
        if ran.returncode:
            failed = f"{step} failed on Python {python} with status {ran.returncode}"
            _write(results, version, ": ".join(filter(None, [failed, _reason(ran.stderr)])))
            return ran.returncode
    _write(results, version, "the run ended before its results were written")
    return 0


def _reason(stderr: str) -> str:
    """The reason of the failure: what pip marks as errors, but for where to read on, or else the last line.

    pip words it anew from release to release, and ends some of it with a link; so nothing hangs on its words.
    """
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR:").strip() for line in lines if line.startswith("ERROR:")]
    return "; ".join(line for line in errors if "http" not in line) or "".join(lines[-1:])


def _write(results: str, version: str, why: str) -> None:
    write(not_run("torch.nn.Embedding", version, why), results)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
