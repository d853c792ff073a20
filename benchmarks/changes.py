"""Requests of a sync by the number of runs that have changed.

    python -m benchmarks.changes [--runs 1000] [--changed 0,1,10,100]

The stand-in counts the requests. A loader that does not know what has landed asks for each run each time.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

from benchmarks.loaders import this_source
from extend_source.sandbox import Options, SandboxServer, Workspace

COLUMNS = ("runs changed", "requests", "for each changed run")


def measure(runs: int, changed: list[int]) -> list[tuple[int, int]]:
    """Load a workspace, and again after each number of changes.

    Args:
        runs: how many runs there are; all have ended.
        changed: how many change before each sync.

    Returns:
        For each of these: how many changed, and the requests.
    """
    rows = []
    with (
        tempfile.TemporaryDirectory(prefix="extend-bench-") as folder,
        SandboxServer(workspaces=[Workspace(runs=runs)], options=Options(api_key="k")) as server,
    ):
        server.workspace.advance(7 * 24 * 3600)
        this_source(server.base_url, Path(folder))
        for count in changed:
            server.workspace.advance(3600)
            for run_id in server.workspace.run_ids()[:count]:
                server.workspace.put_run(server.workspace.run_payload(run_id), created_at=server.workspace.now)
            server.requests.reset()
            this_source(server.base_url, Path(folder))
            rows.append((count, server.requests.total))
    return rows


def main() -> None:
    """Measure what the command line asks for, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--changed", default="0,1,10,100", help="numbers of runs")
    chosen = parser.parse_args()
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    print(f"{chosen.runs:,} runs that have landed:\n\n| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}")
    for count, requests in measure(chosen.runs, [int(number) for number in chosen.changed.split(",")]):
        print(f"| {count} | {requests} | {f'{requests / count:.2f}' if count else ''} |")


if __name__ == "__main__":
    main()
