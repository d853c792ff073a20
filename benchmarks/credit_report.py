"""What the credit report takes on a million ledger rows, beside a bare sum over the same credits.

    python benchmarks/credit_report.py

Prints the seconds of the report and of `select sum(credits)`, medians of five rounds, and their ratio.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from datetime import date
from pathlib import Path

import dlt
import duckdb

from extend_source import credit_report, sync
from extend_source.sandbox import SandboxServer, Workspace

RUNS, FILES, PROCESSORS, ROUNDS = 700_000, 300_000, 40, 5
LAST_DAY = date(2026, 6, 30)

FILL = f"""
insert into extend.processor_runs
    (id, type, status, processor_id, processor_name, processor_version_id, credits, created_at, fetched_at,
     _dlt_load_id)
select 'dpr_' || i, 'EXTRACT', case when i % 50 = 0 then 'FAILED' else 'PROCESSED' end, 'dp_' || (i % {PROCESSORS}),
       'Processor ' || (i % {PROCESSORS}), 'dpv_' || (i % {PROCESSORS * 3}), case when i % 20 > 0 then i % 90 / 10 end,
       timestamptz '2026-06-30 12:00:00+00' - to_minutes(i % 525600), timestamptz '2026-07-01 00:00:00+00', 'bench'
from range({RUNS}) as runs(i);
insert into extend.files (id, type, page_count, credits, created_at, fetched_at, _dlt_load_id)
select 'file_' || i, 'PDF', i % 9 + 1, case when i % 20 > 0 then i % 60 / 10 end,
       timestamptz '2026-06-30 11:59:00+00' - to_minutes(i % 525600), timestamptz '2026-07-01 00:00:00+00', 'bench'
from range({FILES}) as files(i);
insert into extend.processor_run_files (run_id, position, file_id, _dlt_load_id)
select 'dpr_' || i, 0, 'file_' || (i % {FILES}), 'bench' from range({RUNS}) as runs(i);
insert into extend.credit_usage (resource_type, resource_id, credits, basis, observed_at, _dlt_load_id)
select 'processor_run', id, credits, 'processing', fetched_at, 'bench'
from extend.processor_runs where credits is not null
union all
select 'file', id, credits, 'parsing', fetched_at, 'bench' from extend.files where credits is not null;
"""


def seconds_of_sum(file: Path) -> float:
    """Add up the same credits without a model; return the seconds, connecting included."""
    begin = time.perf_counter()
    with duckdb.connect(str(file)) as connection:
        connection.sql("select sum(credits) from extend.credit_usage").fetchall()
    return time.perf_counter() - begin


def main() -> None:
    """Fill the tables of a synced dataset, and measure."""
    with tempfile.TemporaryDirectory() as folder, SandboxServer(workspaces=[Workspace(runs=0)]) as server:
        file = Path(folder) / "bench.duckdb"
        pipeline = dlt.pipeline(
            "bench", destination=dlt.destinations.duckdb(str(file)), dataset_name="extend", pipelines_dir=folder
        )
        sync(pipeline, api_key=server.api_key, base_url=server.base_url)
        with duckdb.connect(str(file)) as connection:
            connection.execute(FILL)
        reports, sums = [], []
        for _ in range(ROUNDS):
            begin = time.perf_counter()
            figures = credit_report(pipeline, last_day=LAST_DAY)
            reports.append(time.perf_counter() - begin)
            sums.append(seconds_of_sum(file))
        assert figures.days, "there is something to report"
        report, bare = statistics.median(reports), statistics.median(sums)
        print(f"{RUNS + FILES:,} ledger rows, DuckDB, median of {ROUNDS}")
        print(f"credit report  {report:6.2f} s")
        print(f"bare sum       {bare:6.3f} s")
        print(f"ratio          {report / bare:6.0f}")


if __name__ == "__main__":
    main()
