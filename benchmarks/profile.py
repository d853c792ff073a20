"""Where the time of a sync goes: a sampling profile of all its threads, by what they work for.

    python -m benchmarks.profile [--runs 1000] [--size extract-79k]

Needs nginx and py-spy. Threads that wait are left out, so the shares are of processor time.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from benchmarks.payloads import SIZES, Size
from benchmarks.serving import serving

_IDLE = ("thread.py:_worker", "selectors.py:select", "threading.py:wait", "queue.py:get", "threading.py:_wait_for")
"""Where a thread that has nothing to do is found."""

_AREAS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("starting Python: importing dlt, DuckDB, httpx and this source", ("importlib",)),
    ("dlt: resolving its configuration", ("dlt/common/configuration/",)),
    ("flattening into rows", ("extend_source/tables/", "extend_source/privacy/")),
    ("decoding JSON", ("extend_source/text/json_codec",)),
    (
        "HTTP and its event loop",
        ("httpx/", "httpcore/", "h11/", "anyio/", "asyncio/", "selectors.py", "extend_source/api/"),
    ),
    (
        "comparing with what has landed",
        ("extend_source/pipeline/landed", "extend_source/pipeline/reader", "extend_source/ingest/discovery"),
    ),
    ("DuckDB, and dlt's connections to it", ("dlt/destinations/", "duckdb/")),
    ("dlt: load", ("dlt/load/",)),
    ("dlt: normalize", ("dlt/normalize/",)),
    ("dlt: schemas", ("dlt/common/schema/", "dlt/common/validation", "dlt/common/storages/")),
    ("dlt: extract", ("dlt/extract/", "dlt/common/data_writers/")),
    ("dlt: the rest", ("dlt/",)),
    ("this source: the rest", ("extend_source/",)),
)


class NoSamples(Exception):  # noqa: N818 - the name says what happened
    """A profile that tells nothing."""


def area_of(frames: list[str]) -> str:
    """Say what a stack works for: the first area, from the innermost frame outwards, that a frame belongs to.

    Args:
        frames: ``function (file:line)``, outermost first.
    """
    for frame in reversed(frames):
        for name, marks in _AREAS:
            if any(mark in frame for mark in marks):
                return name
    return "anything else"


def shares(raw: Iterable[str]) -> dict[str, float]:
    """Add up a profile.

    Args:
        raw: lines of py-spy's raw format: frames parted by semicolons, and how often they were seen.

    Returns:
        The share of each area, the greatest first.
    """
    seen: Counter[str] = Counter()
    for line in raw:
        stack, _, count = line.rpartition(" ")
        frames = stack.split(";")
        function, _, place = frames[-1].partition(" (")
        if f"{place.partition(':')[0].rpartition('/')[2]}:{function.rpartition('.')[2]}" not in _IDLE:
            seen[area_of(frames)] += int(count)
    total = seen.total()
    return {area: count / total for area, count in seen.most_common()}


def profile(size: Size, runs: int) -> dict[str, float]:
    """Profile one sync into a new DuckDB file.

    Raises:
        NoSamples: it was not profiled.
    """
    with tempfile.TemporaryDirectory(prefix="extend-bench-") as folder:
        bodies, work, raw = Path(folder) / "bodies", Path(folder) / "work", Path(folder) / "profile"
        bodies.mkdir()
        work.mkdir()
        spy = Path(sys.executable).with_name("py-spy")
        if not spy.exists():
            raise NoSamples("py-spy is not installed: run pip install py-spy")
        with serving(bodies, size, runs) as url:
            loader = [sys.executable, "-m", "benchmarks.loaders", "this_source", url, str(work)]
            command = [spy, "record", "--rate", "200", "--format", "raw", "--output", raw, "--", *loader]
            done = subprocess.run(command, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603
        found = shares(raw.read_text().splitlines() if raw.exists() else ())
    if done.returncode:
        raise NoSamples(f"py-spy, or the sync under it, ended with exit code {done.returncode}: profile it again")
    if not found:
        raise NoSamples("py-spy took no samples of a thread at work: the machine is too busy, so profile it again")
    return found


def main() -> None:
    """Profile what the command line asks for and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument(
        "--size", default="extract-79k", choices=SIZES, metavar="SIZE", help=f"one of {', '.join(SIZES)}"
    )
    chosen = parser.parse_args()
    try:
        found = profile(SIZES[chosen.size], chosen.runs)
    except NoSamples as failure:
        sys.exit(f"benchmarks.profile: {failure}.")
    print(f"{chosen.runs:,} runs of {chosen.size}:\n\n| what for | share |\n|---|---|")
    for area, share in found.items():
        print(f"| {area} | {share:.1%} |")


if __name__ == "__main__":
    main()
