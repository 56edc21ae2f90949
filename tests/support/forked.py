"""Programs in processes that have imported torch already: forked, and otherwise as if each had been started alone.

Importing torch takes longer than most of the programs that tests start, and so does what an optimiser imports when it
is first made. That is all that a process has imported before: the rest comes under the environment of the program.
"""

from __future__ import annotations

import atexit
import json
import os
import random
import runpy
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

STREAMS = (("stdin", os.O_RDONLY), ("stdout", os.O_WRONLY), ("stderr", os.O_WRONLY))


def can_run(arguments: Sequence[str]) -> bool:
    """Whether these arguments of the interpreter are a module or a file, and this system forks."""
    return sys.platform == "linux" and (arguments[0] == "-m" or not arguments[0].startswith("-"))


def run(arguments: Sequence[str], folder: Path, environment: Mapping[str, str], files: Path, hung: float) -> int:
    """Run Python as a process of its own, and wait for its exit status.

    Args:
        arguments: those of the interpreter.
        folder: where it runs.
        environment: all of its environment.
        files: the folder of the files stdin, stdout and stderr.
        hung: the seconds after which it is ended.
    """
    server = _server()
    assert server.stdin is not None
    assert server.stdout is not None
    server.stdin.write(f"{json.dumps([list(arguments), str(folder), dict(environment), str(files), hung])}\n")
    server.stdin.flush()
    return int(server.stdout.readline())


@cache
def _server() -> subprocess.Popen[str]:
    """The process that forks; it ends with this one, whose pipe it reads."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    server = subprocess.Popen(  # noqa: S603 - ourselves
        [sys.executable, __file__],
        env={**environment, "OMP_NUM_THREADS": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    atexit.register(server.communicate)
    return server


def _serve() -> Any:
    """Fork for each order, and tell the status with which it ended; what returns is an order, in the process for it."""
    import torch._dynamo  # noqa: F401, PLC0415 - for those that are forked

    for line in sys.stdin:
        child = os.fork()
        if not child:
            return json.loads(line)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}\n")
        sys.stdout.flush()
    sys.exit()


def _become(arguments: Sequence[str], folder: str, environment: Mapping[str, str], files: str, hung: float) -> None:
    """Be the program that the arguments name."""
    signal.alarm(int(hung))
    for number, (name, flags) in enumerate(STREAMS):
        os.dup2(os.open(Path(files, name), flags), number)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    random.seed()
    is_module, program = arguments[0] == "-m", arguments[arguments[0] == "-m"]
    sys.argv = [*arguments[is_module:]]
    more = filter(None, environment.get("PYTHONPATH", "").split(os.pathsep))
    sys.path[:1] = [folder if is_module else str(Path(program).resolve().parent), *more]
    if is_module:
        runpy.run_module(program, run_name="__main__", alter_sys=True)
    else:
        runpy.run_path(program, run_name="__main__")


if __name__ == "__main__":
    _become(*_serve())
