"""Bring the tables up to date: run it every few minutes, or once a day, by cron or any other scheduler.

    python pipelines/scheduled_sync.py

The key and all other settings come from `.dlt/secrets.toml`, `.dlt/config.toml` or the environment. Runs may overlap:
the second one leaves at once. A kill costs at most one load. The exit code says how it went, as that of the shell does;
a scheduler should alert on 1, 2 and 4, and may start it again at once after 5.
"""

from __future__ import annotations

import os
import sys

import dlt

from extend_source import SyncUnderWay, sync
from extend_source.cli.errors import DONE, code_of_result, explain


def main() -> int:
    """Sync once; return the exit code."""
    destination = os.environ.get("EXTEND_DESTINATION", "duckdb")
    try:
        pipeline = dlt.pipeline("extend_pipeline", destination=destination, dataset_name="extend")
        # ends between two loads well before the next start of an hourly schedule
        result = sync(pipeline, max_seconds=50 * 60)
    except SyncUnderWay as busy:
        print(busy)
        return DONE
    except Exception as error:
        code, line = explain(error)
        print(line, file=sys.stderr)
        return code
    print(
        f"{result.mode}: {result.fetched} runs loaded ({result.changed} new or changed), {result.gone} gone, "
        f"{result.failed} failed, {result.left} left; all changes up to {result.watermark} are in {result.dataset}"
    )
    return code_of_result(result)


if __name__ == "__main__":
    sys.exit(main())
