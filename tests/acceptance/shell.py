"""Running the shell as a user does: another process, in a folder and with a home of its own."""

from __future__ import annotations

import atexit
import io
import os
import runpy
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path

from dlt.common.configuration.container import Container
from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext

from tests.acceptance.forks import processes

_PASSED_ON = ("PATH", "PYTHONPATH", "LANG", "COVERAGE_PROCESS_START", "SOURCES__EXTEND__OBJECTS")
_READ_AT_START = ("PYTHON", "COVERAGE", "MALLOC", "ARROW", "OMP")
"""How variables begin that count when a process starts, so that it cannot be forked from one that runs."""

_MAX_SECONDS = 120


@dataclass(frozen=True)
class Outcome:
    """What a command left behind."""

    code: int
    stdout: str
    stderr: str


def run_shell(folder: Path, *arguments: str, **environment: str) -> Outcome:
    """Run ``python -m extend_source`` with some arguments and environment variables."""
    home = folder / "home"
    home.mkdir(exist_ok=True)
    clean = {name: value for name, value in os.environ.items() if name in _PASSED_ON}
    # for root, dlt keeps its pipelines outside of the home
    clean |= {"HOME": str(home), "DLT_DATA_DIR": str(folder / "dlt"), "RUNTIME__DLTHUB_TELEMETRY": "false"}
    if "COVERAGE_PROCESS_START" in clean or any(name.startswith(_READ_AT_START) for name in environment):
        return _start(folder, arguments, {**clean, **environment})
    return _fork(folder, arguments, {**clean, **environment})


def _start(folder: Path, arguments: tuple[str, ...], environment: dict[str, str]) -> Outcome:
    done = subprocess.run(
        [sys.executable, "-m", "extend_source", *arguments],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_MAX_SECONDS,
        check=False,
    )
    return Outcome(done.returncode, done.stdout, done.stderr)


def _fork(folder: Path, arguments: tuple[str, ...], environment: dict[str, str]) -> Outcome:
    with tempfile.NamedTemporaryFile() as stdout, tempfile.NamedTemporaryFile() as stderr:
        process = processes.Process(target=_run, args=(folder, arguments, environment, stdout.name, stderr.name))
        process.start()
        process.join(_MAX_SECONDS)
        if process.exitcode is None:
            process.kill()
            raise TimeoutError(f"{arguments} took more than {_MAX_SECONDS} seconds")
        return Outcome(process.exitcode, stdout.read().decode(), stderr.read().decode())


def _run(folder: Path, arguments: tuple[str, ...], environment: dict[str, str], stdout: str, stderr: str) -> None:
    """Become what Python would be that was started in this folder, and run the shell."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    for number, name, mode in ((0, os.devnull, "r"), (1, stdout, "w"), (2, stderr, "w")):
        with open(name, mode) as file:
            os.dup2(file.fileno(), number)
    sys.stdin = io.TextIOWrapper(open(0, "rb", closefd=False), "utf-8")  # noqa: SIM115
    sys.stdout = io.TextIOWrapper(open(1, "wb", closefd=False), "utf-8")  # noqa: SIM115
    sys.stderr = io.TextIOWrapper(open(2, "wb", closefd=False), "utf-8", "backslashreplace", line_buffering=True)  # noqa: SIM115
    sys.argv = ["extend_source", *arguments]
    sys.path[0] = str(folder)
    Container()[PluggableRunContext].reload()
    try:
        runpy.run_module("extend_source", run_name="__main__", alter_sys=True)
    finally:
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        sys.stdout.flush()
