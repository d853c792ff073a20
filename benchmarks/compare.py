"""This source beside other ways of loading the same runs, in turns on one machine, fed by one local server.

    python -m benchmarks.compare [--runs 1000] [--rounds 5] [--sizes extract-79k,...] [--loaders this_source,...]

Prints a table for each size of payload. Needs nginx, which serves bodies that were made before.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path

from benchmarks.loaders import LOADERS
from benchmarks.measuring import Measure, measure, median, spread
from benchmarks.payloads import SIZES, Size
from benchmarks.serving import serving

COMPARED = (
    "nothing",
    "download_and_decode",
    "this_source",
    "rebuild_from_raw",
    "duckdb_json",
    "duckdb_json_typed",
    "vendor_sdk",
    "plain_dlt_parquet",
    "plain_dlt",
)
_PREPARED_BY = {"rebuild_from_raw": "this_source_with_raw"}
_FROM_DISK = {"duckdb_json", "duckdb_json_typed"}


def compare(size: Size, runs: int, rounds: int, loaders: list[str]) -> dict[str, list[Measure]]:
    """Run every loader in turns.

    Args:
        size: the payload.
        runs: how many runs there are.
        rounds: how often each loader runs.
        loaders: their names.

    Returns:
        What each run of each loader took.
    """
    measures: dict[str, list[Measure]] = {loader: [] for loader in loaders}
    with tempfile.TemporaryDirectory(prefix="extend-bench-") as folder:
        bodies, work = Path(folder) / "bodies", Path(folder) / "work"
        bodies.mkdir()
        with serving(bodies, size, runs) as url:
            for _ in range(rounds):
                for loader in loaders:
                    shutil.rmtree(work, ignore_errors=True)
                    work.mkdir()
                    if loader in _PREPARED_BY:
                        measure(_PREPARED_BY[loader], url, work)
                    measures[loader].append(measure(loader, str(bodies) if loader in _FROM_DISK else url, work))
    return measures


def table(measures: dict[str, list[Measure]], runs: int) -> str:
    """Write the measures as a Markdown table, each process as a whole, its start included."""
    ours = median(measures["this_source"]) if "this_source" in measures else None
    lines = [
        "| way | seconds | least to most | processor seconds | peak MB | runs a second | times this source |",
        "|---|---|---|---|---|---|---|",
    ]
    for loader, of_loader in measures.items():
        seconds = median(of_loader)
        rate = "" if loader == "nothing" else f"{runs / seconds:,.0f}"
        times = "" if ours is None or loader == "nothing" else f"{seconds / ours:.2f}"
        cpu, peak = median(of_loader, lambda one: one.cpu), median(of_loader, lambda one: one.peak_mb)
        lines.append(
            f"| `{loader}` | {seconds:.2f} | {spread(of_loader)} | {cpu:.1f} | {peak:.0f} | {rate} | {times} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Compare what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sizes", default="extract-79k", help=f"of {', '.join(SIZES)}")
    parser.add_argument("--loaders", default=",".join(COMPARED), help=f"of {', '.join(LOADERS)}")
    chosen = parser.parse_args()
    for name in chosen.sizes.split(","):
        measures = compare(SIZES[name], chosen.runs, chosen.rounds, chosen.loaders.split(","))
        print(
            f"\n{name}, {chosen.runs:,} runs, median of {chosen.rounds}\n\n{table(measures, chosen.runs)}", flush=True
        )


if __name__ == "__main__":
    main()
