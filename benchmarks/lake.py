"""What it takes to read the current views of a lake of many small loads, before and after it is compacted.

    python -m benchmarks.lake [--loads 500] [--runs 1000] [--rounds 3]

One real load; each of the others is a copy of its rows of a few runs under an id of its own, as a sync would write
that finds them changed.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from pathlib import Path

import dlt
import duckdb

from benchmarks.history import History, serving
from benchmarks.payloads import SIZES, run_id
from extend_source import compact, create_current_views, sync

CHANGED = 3
"""The runs that each small load brings."""


def load(url: str, folder: Path) -> dlt.Pipeline:
    """Make the lake by one sync."""
    pipeline = dlt.pipeline(
        "lake",
        destination=dlt.destinations.filesystem(str(folder / "lake")),
        dataset_name="extend",
        pipelines_dir=str(folder / "pipelines"),
    )
    sync(pipeline, api_key="k", base_url=url, requests_per_second=0)
    return pipeline


def add_loads(dataset: Path, loads: int) -> None:
    """Write the files that small syncs would have written."""
    (note,) = (dataset / "_dlt_loads").glob("*.jsonl")
    first = json.loads(note.read_text())
    runs = ", ".join(f"'{run_id(number)}'" for number in range(CHANGED))
    with duckdb.connect() as connection:
        copied = []
        for folder in sorted(path for path in dataset.iterdir() if not path.name.startswith("_dlt")):
            for file in folder.glob("*.parquet"):
                source = f"read_parquet('{file}')"
                columns = [name for name, *_ in connection.sql(f"describe select * from {source}").fetchall()]
                owner = "run_id" if "run_id" in columns else "id" if folder.name == "processor_runs" else None
                if owner:
                    connection.execute(
                        f'create table "{folder.name}" as select * from {source} where {owner} in ({runs})'
                    )
                    copied.append(folder)
        for number in range(1, loads):
            load_id = f"{float(first['load_id']) + number:.6f}"
            for folder in copied:
                connection.execute(
                    f"copy (select * replace ('{load_id}' as _dlt_load_id) from \"{folder.name}\")"
                    f" to '{folder / f'{load_id}.small.parquet'}'"
                )
            text = json.dumps({**first, "load_id": load_id})
            note.with_name(f"{first['schema_name']}__{load_id}.jsonl").write_text(text)


def read_views(pipeline: dlt.Pipeline, rounds: int) -> tuple[float, int]:
    """Read every current view: the median of the seconds, and the rows."""
    result = create_current_views(pipeline)
    seconds = []
    rows = 0
    for _ in range(rounds):
        with duckdb.connect() as connection:
            connection.execute(result.script or "")
            begin = time.monotonic()
            rows = sum(len(connection.execute(f'select * from "{view}"').to_arrow_table()) for view in result.views)
            seconds.append(time.monotonic() - begin)
    return statistics.median(seconds), rows


def main() -> None:
    """Measure what the command line asks for, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--loads", type=int, default=500)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    print("| the lake | files | seconds of all current views | times one load | rows |\n|---|---|---|---|---|")
    with (
        tempfile.TemporaryDirectory(prefix="lake-") as name,
        serving(History(chosen.runs, SIZES["extract-30k"])) as url,
    ):
        pipeline, dataset = load(url, Path(name)), Path(name) / "lake" / "extend"
        shortest: float | None = None
        for state in ("one load", f"{chosen.loads} loads", "compacted"):
            if state == f"{chosen.loads} loads":
                add_loads(dataset, chosen.loads)
            elif state == "compacted":
                compact(pipeline)
            seconds, rows = read_views(pipeline, chosen.rounds)
            shortest = shortest or seconds
            files = sum(path.is_file() for path in dataset.rglob("*"))
            print(f"| {state} | {files:,} | {seconds:.2f} | {seconds / shortest:.2f} | {rows:,} |", flush=True)


if __name__ == "__main__":
    main()
