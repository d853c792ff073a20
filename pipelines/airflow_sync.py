"""An Airflow DAG that brings the tables up to date each hour: put it into the folder of DAGs.

The key and all other settings come from the environment of the workers, from .dlt/secrets.toml, or from Airflow's
variables. Keep DLT_DATA_DIR on a disk that outlives the task: a load that was cut off is finished from there.
"""

from __future__ import annotations

import os
from datetime import datetime, timedelta, timezone
from typing import Any

from airflow.sdk import Asset, dag, task
from airflow.sdk.exceptions import AirflowFailException

EXTEND = Asset("extend")
"""All tables of the dataset: a sync writes the rows of a run into all of them."""


@task(outlets=[EXTEND], retries=3, retry_delay=timedelta(minutes=1), retry_exponential_backoff=True)
def load(*, outlet_events: Any) -> dict[str, int]:
    """Sync once; tell how many rows each table has got."""
    import dlt  # late: Airflow reads the file every few seconds

    from extend_source import sync
    from extend_source.cli.errors import explain
    from extend_source.cli.exit_codes import REFUSED, WRONG_USE

    destination = os.environ.get("EXTEND_DESTINATION", "duckdb")
    try:
        pipeline = dlt.pipeline("extend_pipeline", destination=destination, dataset_name="extend")
        result = sync(pipeline, max_seconds=50 * 60)  # ends between two loads, before the next hour
    except Exception as error:
        code, line = explain(error)
        refused = code in (REFUSED, WRONG_USE)  # the key or a setting: no retry can help
        raise (AirflowFailException if refused else RuntimeError)(line) from None
    for run_id, message in result.errors.items():
        print(f"{run_id}: {message}")
    counts = {"fetched": result.fetched, "failed": result.failed, "left": result.left}
    outlet_events[EXTEND].extra = {"mode": result.mode, **counts, "rows": result.rows}
    print(f"{result.mode}: {result.rows.get('processor_runs', 0)} rows of processor_runs written, {counts}")
    return result.rows


@dag(schedule="@hourly", start_date=datetime(2026, 1, 1, tzinfo=timezone.utc), catchup=False, max_active_runs=1)
def extend_sync() -> None:
    """Load what is new at Extend."""
    load()


extend_sync()
