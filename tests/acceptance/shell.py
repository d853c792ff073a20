"""Running the shell as a user does: another process, in a folder and with a home of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

_PASSED_ON = ("PATH", "PYTHONPATH", "LANG", "COVERAGE_PROCESS_START")


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
    done = subprocess.run(
        [sys.executable, "-m", "extend_source", *arguments],
        cwd=folder,
        # for root, dlt keeps its pipelines outside of the home
        env={
            **clean,
            "HOME": str(home),
            "DLT_DATA_DIR": str(folder / "dlt"),
            "RUNTIME__DLTHUB_TELEMETRY": "false",
            **environment,
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return Outcome(done.returncode, done.stdout, done.stderr)
