"""A Prefect flow that brings the tables up to date; run by itself it syncs once.

    python prefect_sync.py

The key and all other settings come from the environment, `.dlt/secrets.toml` or `.dlt/config.toml`. Keep DLT_DATA_DIR
on a disk that outlives the run: a load that was cut off is finished from there.
"""

from __future__ import annotations

import os
from typing import Any

import dlt
from prefect import flow, get_run_logger, task

from extend_source import sync
from extend_source.cli.errors import explain
from extend_source.cli.exit_codes import REFUSED, WRONG_USE


class Refused(Exception):  # noqa: N818 - it says what happened
    """The key or a setting: no retry can help."""


async def can_be_mended(_task: Any, _run: Any, state: Any) -> bool:
    """Tell whether to try again."""
    return not isinstance(await state.aresult(raise_on_failure=False), Refused)


@task(retries=3, retry_delay_seconds=[60, 120, 240], retry_condition_fn=can_be_mended)
def load() -> dict[str, int]:
    """Sync once; tell how many rows each table has got."""
    log = get_run_logger()
    destination = os.environ.get("EXTEND_DESTINATION", "duckdb")
    try:
        pipeline = dlt.pipeline("extend_pipeline", destination=destination, dataset_name="extend")
        result = sync(pipeline, max_seconds=50 * 60)  # ends between two loads, before the next hour
    except Exception as error:
        code, line = explain(error)
        raise (Refused if code in (REFUSED, WRONG_USE) else RuntimeError)(line) from None
    for run_id, message in result.errors.items():
        log.warning("%s: %s", run_id, message)
    log.info("%s: %d runs loaded, %d failed, %d left", result.mode, result.fetched, result.failed, result.left)
    return result.rows


@flow(name="extend_sync")
def extend_sync() -> dict[str, int]:
    """Load what is new at Extend."""
    return load()


if __name__ == "__main__":
    print(f"processor_runs: {extend_sync().get('processor_runs', 0)} rows")
