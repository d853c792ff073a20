"""Bring the tables up to date: run it every few minutes, or once a day, by cron or any other scheduler.

    python pipelines/scheduled_sync.py

The key and all other settings come from `.dlt/secrets.toml`, `.dlt/config.toml` or the environment. Runs may overlap:
the second one leaves at once. A kill costs at most one load. The exit code says how it went; a scheduler should alert
on 1, 3 and 4, and may start it again at once after 5.
"""

from __future__ import annotations

import os
import sys

import dlt
from dlt.common.configuration.exceptions import ConfigurationException

from extend_source import AccessRefused, ExtendError, SyncUnderWay, sync

DONE, FAILED, SOME_FAILED, REFUSED, MORE_TO_DO = 0, 1, 3, 4, 5


def main() -> int:
    """Sync once; return the exit code."""
    pipeline = dlt.pipeline(
        "extend_pipeline",
        destination=os.environ.get("EXTEND_DESTINATION", "duckdb"),
        dataset_name="extend",
    )
    try:
        # ends between two loads well before the next start of an hourly schedule
        result = sync(pipeline, max_seconds=50 * 60)
    except SyncUnderWay as busy:
        print(busy)
        return DONE
    except AccessRefused as refusal:
        print(refusal, file=sys.stderr)
        return REFUSED
    except (ExtendError, ConfigurationException) as error:
        print(error, file=sys.stderr)
        return FAILED
    print(
        f"{result.mode}: {result.fetched} runs loaded ({result.changed} new or changed), {result.gone} gone, "
        f"{result.failed} failed, {result.left} left; all changes up to {result.watermark} are in {result.dataset}"
    )
    if result.stopped_by:
        return MORE_TO_DO
    return DONE if result.complete else SOME_FAILED


if __name__ == "__main__":
    sys.exit(main())
