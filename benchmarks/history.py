"""What a sync takes when nothing has changed, on histories of very different length.

    python -m benchmarks.history [--runs 1000,100000,1000000] [--rounds 5]

The first 1,000 runs are loaded; the rest of a history is copies of their rows, older and older, which the listing has
as well. Then the sync is repeated, each time as a process of its own.
"""

from __future__ import annotations

import argparse
import socket
import tempfile
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from itertools import chain, islice
from pathlib import Path
from typing import Any

import duckdb
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from benchmarks.measuring import Measure, measure, median, spread
from benchmarks.payloads import SIZES, Size, run, run_id

BASE = 1000
"""The runs that are loaded; all others are copies of these."""
NEWEST = datetime(2026, 6, 30, tzinfo=timezone.utc)


@dataclass
class History:
    """A workspace whose runs follow each other by a minute; the copies are worked out when they are asked for.

    Attributes:
        runs: how many there are.
        size: what they are like.
        changed: how many of the newest runs have changed since, by the time of the change; the last is the newest.
        requests: what was asked for, by endpoint.
    """

    runs: int
    size: Size = SIZES["classify-5k"]
    changed: dict[int, datetime] = field(default_factory=dict)
    requests: Counter[str] = field(default_factory=Counter)

    async def listing(self, request: Request) -> JSONResponse:
        """Answer ``GET /processor_runs``, newest change first."""
        self.requests["list_runs"] += 1
        first = int(request.query_params.get("nextPageToken", 0))
        after = min(first + int(request.query_params.get("maxPageSize", 10)), self.runs)
        rows = [self._summary(place) for place in self._places(first, after)]
        token = str(after) if after < self.runs else None
        return JSONResponse({"success": True, "processorRuns": rows, "nextPageToken": token})

    async def run(self, request: Request) -> JSONResponse:
        """Answer ``GET /processor_runs/{id}``; copies are never asked for."""
        self.requests["get_run"] += 1
        number = int(request.path_params["id"].removeprefix("dpr_"))
        return JSONResponse({"success": True, "processorRun": run(self.size, number)})

    def _places(self, first: int, after: int) -> Iterable[int]:
        """The runs of a part of the list: those that have changed, then the others."""
        if not self.changed:
            return range(first, after)
        others = (place for place in range(self.runs) if place not in self.changed)
        return islice(chain(reversed(self.changed), others), first, after)

    def _summary(self, place: int) -> dict[str, Any]:
        copy, number = divmod(place, BASE)
        moment = self.changed.get(place, NEWEST - timedelta(minutes=place))
        changed = moment.isoformat().replace("+00:00", "Z")
        return {
            "id": run_id(number) + (f"_{copy}" if copy else ""),
            "status": "PROCESSED",
            "processorId": "dp_benchmark",
            "processorName": "Benchmark",
            "processorVersionId": f"dpv_benchmark_{number % 3}",
            "type": self.size.kind,
            "createdAt": changed,
            "updatedAt": changed,
            "usage": {"credits": 3.5},
        }


@contextmanager
def serving(history: History) -> Iterator[str]:
    """Serve a history; yields the base URL."""
    app = Starlette(routes=[Route("/processor_runs", history.listing), Route("/processor_runs/{id}", history.run)])
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


def copy_rows(file: Path, copies: int) -> None:
    """Add copies of all rows of runs and files, with ids of their own and as much older as they are further back."""
    with duckdb.connect(str(file)) as connection:
        columns = connection.sql(
            "select table_name, list(column_name order by ordinal_position), list(data_type order by ordinal_position)"
            " from information_schema.columns where table_schema = 'extend' and not starts_with(table_name, '_dlt')"
            " and table_name not in ('sync_log', 'schema_drift', 'typed_columns') group by 1"
        ).fetchall()
        for table, names, types in columns:
            values = [copied(name, kind) for name, kind in zip(names, types, strict=True)]
            connection.execute(
                f"insert into extend.{table} select {', '.join(values)} from extend.{table} as old,"
                f" range(1, {copies + 1}) as copies(copy)"
            )


def copied(name: str, kind: str) -> str:
    """Write what a column of a copy of a row holds, in SQL of DuckDB and PostgreSQL; `copy` is the number of the copy.

    Args:
        name: the column.
        kind: its type as the information schema has it.
    """
    if kind in ("VARCHAR", "character varying") and (name == "id" or name.endswith("_id")) and name != "_dlt_load_id":
        is_ours = f"starts_with(\"{name}\", 'dpr_') or starts_with(\"{name}\", 'file_')"
        return f'case when {is_ours} then "{name}" || \'_\' || copy else "{name}" end'
    if name in ("created_at", "updated_at"):
        return f"\"{name}\" - copy * {BASE} * interval '1 minute'"
    return f'"{name}"'


def measure_history(runs: int, rounds: int) -> tuple[list[Measure], dict[str, int]]:
    """Load, copy, and repeat the sync.

    Args:
        runs: the length of the history, a multiple of 1,000.
        rounds: how often the sync is repeated.

    Returns:
        What each sync took, and the requests of one of them.
    """
    history = History(BASE)
    with tempfile.TemporaryDirectory(prefix="extend-bench-") as folder, serving(history) as url:
        measure("this_source", url, Path(folder))
        if runs > BASE:
            copy_rows(Path(folder) / "bench.duckdb", runs // BASE - 1)
        history.runs = runs
        measure("this_source", url, Path(folder))  # the one that finds the file as the copying has left it
        measures, requests = [], Counter[str]()
        for _ in range(rounds):
            history.requests.clear()
            measures.append(measure("this_source", url, Path(folder)))
            requests |= history.requests
        return measures, dict(requests)


def section(lengths: list[int], rounds: int) -> str:
    """Measure histories and write a Markdown table."""
    lines = [
        "| runs that have landed | seconds | least to most | times the shortest | requests |",
        "|---|---|---|---|---|",
    ]
    shortest: float | None = None
    for runs in lengths:
        measures, requests = measure_history(runs, rounds)
        seconds = median(measures)
        shortest = shortest or seconds
        asked = ", ".join(f"{count} {endpoint}" for endpoint, count in requests.items())
        lines.append(f"| {runs:,} | {seconds:.2f} | {spread(measures)} | {seconds / shortest:.2f} | {asked} |")
    return "\n".join(lines)


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", default="1000,100000,1000000", help="lengths of histories")
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args()
    print(section([int(runs) for runs in chosen.runs.split(",")], chosen.rounds))


if __name__ == "__main__":
    main()
