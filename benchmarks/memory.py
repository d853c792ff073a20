"""The peak memory of a sync, by the number of runs, and how fast it goes.

    python -m benchmarks.memory [--runs 1000,10000,100000] [--size extract-79k]

The bodies are made from a hundred templates as they are sent, so that any number of runs fits on the disk.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from benchmarks.measuring import measure
from benchmarks.payloads import SIZES, Size
from benchmarks.serving import serving


def section(size: Size, lengths: list[int]) -> str:
    """Sync each number of runs once and write a Markdown table."""
    lines = ["| runs | peak MB | seconds | runs a second |", "|---|---|---|---|"]
    for runs in lengths:
        with tempfile.TemporaryDirectory(prefix="extend-bench-") as folder:
            bodies, work = Path(folder) / "bodies", Path(folder) / "work"
            bodies.mkdir()
            work.mkdir()
            with serving(bodies, size, runs, templates=True) as url:
                took = measure("this_source", url, work)
        lines.append(f"| {runs:,} | {took.peak_mb:.0f} | {took.seconds:.1f} | {runs / took.seconds:,.0f} |")
    return "\n".join(lines)


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", default="1000,10000,100000", help="numbers of runs")
    parser.add_argument("--size", default="extract-79k", help=f"one of {', '.join(SIZES)}")
    chosen = parser.parse_args()
    print(section(SIZES[chosen.size], [int(runs) for runs in chosen.runs.split(",")]))


if __name__ == "__main__":
    main()
