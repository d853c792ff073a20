"""What typed tables cost: a sync of many processors with and without them, side by side.

    python benchmarks/typed_tables.py

Prints the seconds of both, their ratio, and the number of tables. The stand-in runs in a process of its own.
"""

from __future__ import annotations

import multiprocessing
import statistics
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import dlt
import duckdb

from extend_source import sync
from extend_source.sandbox import SandboxServer, Workspace

PROCESSORS, FIELDS, RUNS = 50, 40, 200
ROUNDS = 3
TYPES = (
    {"type": ["string", "null"]},
    {"type": ["number", "null"]},
    {"type": ["integer", "null"]},
    {"type": ["boolean", "null"]},
    {"type": ["string", "null"], "extend:type": "date"},
)
VALUES = ("text", 12.5, 7, True, "2026-03-01")


def serve(ready: Connection) -> None:
    """Serve the runs until the other end of the pipe is closed."""
    workspace = Workspace(runs=0)
    for processor in range(PROCESSORS):
        for number in range(RUNS):
            workspace.put_run(run_of(processor, number))
    with SandboxServer(workspaces=[workspace]) as server:
        ready.send((server.base_url, server.api_key))
        ready.poll(None)


def run_of(processor: int, number: int) -> dict[str, Any]:
    """A run of a processor with scalars and, in place of the last three of them, a list of three items."""
    names = [f"field_{index}" for index in range(FIELDS - 3)]
    properties: dict[str, Any] = {name: TYPES[index % 5] for index, name in enumerate(names)}
    line = {name: TYPES[index] for index, name in enumerate(("sku", "price", "quantity"))}
    properties["lines"] = {"type": "array", "items": {"type": "object", "properties": line}}
    value: dict[str, Any] = {name: VALUES[index % 5] for index, name in enumerate(names)}
    value["lines"] = [{"sku": "a", "price": 1.5, "quantity": each} for each in range(3)]
    return {
        "id": f"dpr_{processor}_{number}",
        "type": "EXTRACT",
        "status": "PROCESSED",
        "reviewed": False,
        "processorId": f"dp_{processor}",
        "processorName": f"Processor {processor}",
        "processorVersionId": f"dpv_{processor}",
        "config": {"type": "EXTRACT", "schema": {"type": "object", "properties": properties}},
        "output": {"value": value, "metadata": {name: {"ocrConfidence": 0.9} for name in names}},
        "usage": {"credits": 3},
        "files": [],
    }


def seconds_of(address: tuple[str, str], *, typed_tables: bool) -> tuple[float, float, int]:
    """Sync into a new DuckDB file; return wall seconds, processor seconds and the number of typed tables."""
    base_url, api_key = address
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "bench.duckdb"
        pipeline = dlt.pipeline(
            "bench", destination=dlt.destinations.duckdb(str(file)), dataset_name="extend", pipelines_dir=folder
        )
        wall, processor = time.perf_counter(), time.process_time()
        result = sync(pipeline, api_key=api_key, base_url=base_url, requests_per_second=0, typed_tables=typed_tables)
        wall, processor = time.perf_counter() - wall, time.process_time() - processor
        assert result.fetched == PROCESSORS * RUNS, result
        if not typed_tables:
            return wall, processor, 0
        with duckdb.connect(str(file)) as connection:
            rows = connection.sql("select count(distinct table_name) from extend.typed_columns").fetchall()
        return wall, processor, int(rows[0][0])


def main() -> None:
    """Run both in turns and print the medians."""
    receiver, sender = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(sender,), daemon=True)
    process.start()
    address = receiver.recv()
    measured: dict[bool, list[tuple[float, float, int]]] = {False: [], True: []}
    for _ in range(ROUNDS):
        for typed in (False, True):
            measured[typed].append(seconds_of(address, typed_tables=typed))
    print(f"{PROCESSORS} processors x {FIELDS} fields x {RUNS} runs, DuckDB, median of {ROUNDS}")
    medians = {}
    for typed, rounds in measured.items():
        wall, processor = (statistics.median(values) for values in list(zip(*rounds, strict=True))[:2])
        medians[typed] = wall
        print(f"typed_tables = {str(typed).lower():5}  {wall:6.1f} s, {processor:6.1f} s of processor time")
    print(f"ratio {medians[True] / medians[False]:.2f}; typed tables: {measured[True][0][2]} (two a processor)")
    process.terminate()


if __name__ == "__main__":
    main()
