"""The peak memory of a sync, by the number of runs, and how fast it goes.

    python -m benchmarks.memory [--runs 1000,10000,100000] [--sizes extract-30k,...] [--settings default,small]

    python -m benchmarks.memory --large

The bodies are made from a hundred templates as they are sent, so that any number of runs fits on the disk. Settings are
those of a new installation, with which DuckDB takes up to 80 % of the machine, or the docs' for a small machine or,
with `--large`, for large answers.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from itertools import product
from pathlib import Path

from benchmarks.measuring import measure
from benchmarks.payloads import SIZES, body, run_id
from benchmarks.serving import serving

SETTINGS = {
    "default": {},
    "small": {
        "ARROW_DEFAULT_MEMORY_POOL": "system",
        "MALLOC_ARENA_MAX": "1",
        "LOAD__WORKERS": "1",
        "DESTINATION__DUCKDB__CREDENTIALS__GLOBAL_CONFIG": '{"memory_limit": "125MB", "threads": 1}',
    },
}
"""Environment variables, by what the results call them."""


def section(sizes: list[str], lengths: list[int], settings: list[str]) -> Iterator[str]:
    """Sync each number of runs of each size once with each settings; yields the lines of a Markdown table."""
    yield "| payload | runs | settings | peak MB | seconds | runs a second |"
    yield "|---|---|---|---|---|---|"
    for size, name, runs in product(sizes, settings, lengths):
        with tempfile.TemporaryDirectory(prefix="extend-bench-") as folder:
            bodies, work = Path(folder) / "bodies", Path(folder) / "work"
            bodies.mkdir()
            work.mkdir()
            with serving(bodies, SIZES[size], runs, templates=True) as url:
                took = measure("this_source", url, work, SETTINGS[name])
        yield f"| {size} | {runs:,} | {name} | {took.peak_mb:.0f} | {took.seconds:.1f} | {runs / took.seconds:,.0f} |"


def large() -> Iterator[str]:
    """Sync as many small runs, then a hundred of 5 MB and one of 50 MB, without a request budget."""
    yield "| payload | runs | requests at once | peak MB | seconds |"
    yield "|---|---|---|---|---|"
    for name, size, odd in (
        ("30 KB", SIZES["extract-30k"], None),
        ("5 MB, and one of 50 MB", SIZES["extract-5m"], SIZES["extract-50m"]),
    ):
        with tempfile.TemporaryDirectory(prefix="extend-bench-") as folder:
            bodies, work = Path(folder) / "bodies", Path(folder) / "work"
            bodies.mkdir()
            work.mkdir()
            with serving(bodies, size, 101) as url:
                if odd is not None:
                    (bodies / "processor_runs" / run_id(50)).write_bytes(body(odd, 50))
                took = measure("this_source_at_64", url, work)
        yield f"| {name} | 101 | 64 | {took.peak_mb:.0f} | {took.seconds:.1f} |"


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", default="1000,10000,100000", help="numbers of runs")
    parser.add_argument("--sizes", default="extract-30k", help=f"some of {', '.join(SIZES)}")
    parser.add_argument("--settings", default=",".join(SETTINGS), help=f"some of {', '.join(SETTINGS)}")
    parser.add_argument("--large", action="store_true", help="a hundred answers of 5 MB and one of 50 MB instead")
    chosen = parser.parse_args()
    if chosen.large:
        for line in large():
            print(line, flush=True)
        return
    lengths = [int(runs) for runs in chosen.runs.split(",")]
    for line in section(chosen.sizes.split(","), lengths, chosen.settings.split(",")):
        print(line, flush=True)


if __name__ == "__main__":
    main()
