"""Measuring a loader as a process of its own: seconds, processor time and peak memory, as the system accounts them."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Measure:
    """What one run of a loader took.

    Attributes:
        seconds: wall time from start to end of the process.
        cpu: processor seconds of the process, all threads.
        peak_mb: the greatest memory that it held, in MB.
    """

    seconds: float
    cpu: float
    peak_mb: float


def measure(loader: str, url: str, folder: Path, settings: Mapping[str, str] | None = None) -> Measure:
    """Run a loader once.

    Args:
        loader: its name in `benchmarks.loaders`.
        url: the server, or the folder of bodies.
        folder: where it may write.
        settings: environment variables for it.

    Returns:
        What it took.

    Raises:
        RuntimeError: it failed.
    """
    quiet = {"RUNTIME__DLTHUB_TELEMETRY": "false", "RUNTIME__LOG_LEVEL": "CRITICAL"}
    command = [sys.executable, "-m", "benchmarks.loaders", loader, url, str(folder)]
    begin = time.monotonic()
    process = subprocess.Popen(  # noqa: S603
        command,
        cwd=ROOT,
        env={**os.environ, **quiet, **(settings or {})},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    assert process.stderr is not None
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{loader} failed: {errors.decode(errors='replace')[-2000:]}")
    return Measure(time.monotonic() - begin, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def median(measures: Sequence[Measure], figure: Callable[[Measure], float] = lambda measure: measure.seconds) -> float:
    """Return the median of a figure."""
    return statistics.median(map(figure, measures))


def spread(measures: Sequence[Measure]) -> str:
    """Return the least and the most seconds."""
    return f"{min(one.seconds for one in measures):.2f} to {max(one.seconds for one in measures):.2f}"
