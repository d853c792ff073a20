"""What the credit report takes on a million ledger rows, and the quality report on 200,000 runs of some 30 fields.

    python -m benchmarks.reports_at_scale

Each report runs in a process of its own. Prints the seconds of the report, medians of three rounds, beside those of the
processor, and the most memory of the process; fails where the quality report takes more than its bounds.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import dlt
import duckdb

from benchmarks.credit_report import FILES, FILL, LAST_DAY, RUNS
from extend_source import credit_report, quality_report, sync
from extend_source.sandbox import SandboxServer, Workspace

LOADED, COPIES, ROUNDS = 200, 1_000, 3
MAX_SECONDS, MAX_MEGABYTES = 20, 1_000
REPORTS = ("credits", "quality")


def pipeline_in(folder: Path, name: str) -> dlt.Pipeline:
    """The pipeline of a report, whose DuckDB file is in a folder."""
    destination = dlt.destinations.duckdb(str(folder / f"{name}.duckdb"))
    return dlt.pipeline(name, destination=destination, dataset_name="extend", pipelines_dir=str(folder / "pipelines"))


def fill(folder: Path, name: str) -> int:
    """Load some runs, and multiply them by SQL; return the rows of the table that the report reads most of."""
    workspaces = [Workspace(runs=0 if name == "credits" else LOADED)]
    with SandboxServer(workspaces=workspaces) as server:
        sync(
            pipeline_in(folder, name),
            api_key=server.api_key,
            base_url=server.base_url,
            requests_per_second=0,
            typed_tables=False,
        )
    with duckdb.connect(str(folder / f"{name}.duckdb")) as connection:
        if name == "credits":
            connection.execute(FILL)
            return RUNS + FILES
        connection.execute("set schema = 'extend'")
        keys = connection.sql(
            "select table_name, column_name from information_schema.columns where table_schema = 'extend' and"
            " (column_name = 'run_id' or (table_name, column_name) = ('processor_runs', 'id'))"
        ).fetchall()
        for table, key in keys:
            copied = f"{table}.* replace ({table}.{key} || '_' || copy as {key})"
            connection.execute(f"insert into {table} select {copied} from {table}, range(1, {COPIES}) as copies(copy)")
        return int(connection.sql("select count(*) from extraction_fields").fetchall()[0][0])


def measure(folder: Path, name: str) -> None:
    """Run a report some times; print the medians of its seconds, and the most memory so far, in MB, as JSON."""
    pipeline, walls, processor = pipeline_in(folder, name), [], []
    for _ in range(ROUNDS):
        wall, used = time.perf_counter(), time.process_time()
        if name == "credits":
            assert credit_report(pipeline, last_day=LAST_DAY).days, "there is something to report"
        else:
            assert all(query.sql for query in quality_report(pipeline).queries), "no table is missing"
        walls.append(time.perf_counter() - wall)
        processor.append(time.process_time() - used)
    print(json.dumps([statistics.median(walls), statistics.median(processor), most_megabytes()]))


def most_megabytes() -> float:
    """The most memory that this program has had, MB; what `getrusage` tells has the most of its parent in it."""
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024 / 1e6


def main() -> None:
    """Measure both reports, each on data of its own."""
    if sys.argv[1:]:
        measure(Path(sys.argv[1]), sys.argv[2])
        return
    print("| report | rows | s | processor, s | peak, MB |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for name in REPORTS:
            rows = fill(Path(folder), name)
            child = [sys.executable, "-m", "benchmarks.reports_at_scale", folder, name]
            done = subprocess.run(child, capture_output=True, text=True, check=True)  # noqa: S603 - this program
            seconds, processor, megabytes = json.loads(done.stdout.splitlines()[-1])
            print(f"| {name} | {rows:,} | {seconds:.1f} | {processor:.1f} | {megabytes:,.0f} |", flush=True)
            if name == "quality" and (seconds > MAX_SECONDS or megabytes > MAX_MEGABYTES):
                raise SystemExit(f"over {MAX_SECONDS} s or {MAX_MEGABYTES} MB")


if __name__ == "__main__":
    main()
