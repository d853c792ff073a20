"""The peak memory of a sync, by the number of runs, and how fast it goes.

    python -m benchmarks.memory [--runs 1000,10000,100000] [--size extract-79k] [--limits none,300MB]

The bodies are made from a hundred templates as they are sent, so that any number of runs fits on the disk. A limit is
DuckDB's `memory_limit`, set as a user of dlt sets it; without one DuckDB takes up to 80 % of the machine.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Iterator
from itertools import product
from pathlib import Path

from benchmarks.measuring import measure
from benchmarks.payloads import SIZES, Size
from benchmarks.serving import serving

_GLOBAL_CONFIG = "DESTINATION__DUCKDB__CREDENTIALS__GLOBAL_CONFIG"
NO_LIMIT = "none"


def section(size: Size, lengths: list[int], limits: list[str]) -> Iterator[str]:
    """Sync each number of runs once with each limit; yields the lines of a Markdown table as they come."""
    yield "| runs | DuckDB's `memory_limit` | peak MB | seconds | runs a second |"
    yield "|---|---|---|---|---|"
    for limit, runs in product(limits, lengths):
        os.environ[_GLOBAL_CONFIG] = json.dumps({} if limit == NO_LIMIT else {"memory_limit": limit})
        with tempfile.TemporaryDirectory(prefix="extend-bench-") as folder:
            bodies, work = Path(folder) / "bodies", Path(folder) / "work"
            bodies.mkdir()
            work.mkdir()
            with serving(bodies, size, runs, templates=True) as url:
                took = measure("this_source", url, work)
        yield f"| {runs:,} | {limit} | {took.peak_mb:.0f} | {took.seconds:.1f} | {runs / took.seconds:,.0f} |"


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", default="1000,10000,100000", help="numbers of runs")
    parser.add_argument("--size", default="extract-79k", help=f"one of {', '.join(SIZES)}")
    parser.add_argument("--limits", default=f"{NO_LIMIT},300MB", help="memory limits for DuckDB")
    chosen = parser.parse_args()
    lengths = [int(runs) for runs in chosen.runs.split(",")]
    for line in section(SIZES[chosen.size], lengths, chosen.limits.split(",")):
        print(line, flush=True)


if __name__ == "__main__":
    main()
