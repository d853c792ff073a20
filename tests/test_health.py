"""Whether a pipeline needs someone: judged from its log, and said in one line."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from extend_source.cli import app
from extend_source.cli.display.health import headline
from extend_source.cli.errors import code_of_health
from extend_source.cli.options import parse_age
from extend_source.ingest.beacon import SyncUnderWayStatus
from extend_source.ingest.health import Health, health, running
from extend_source.operations.status import ErrorStatus
from tests.test_display import NOW, STATUS

HOUR = timedelta(hours=1)
REFUSED = "The API answered 401. Check the API key."
UNDER_WAY = SyncUnderWayStatus(7, NOW - 3 * HOUR, NOW, "full", 5, 5, 1, 0, 2, 1)


def row(
    hours_ago: float,
    *,
    mode: str = "incremental",
    sync_id: str | None = None,
    left: int = 0,
    stopped_by: str | None = None,
    error: str | None = None,
) -> dict[str, Any]:
    """A row of ``sync_log``."""
    load_id = f"load {hours_ago}"
    return {
        "load_id": load_id,
        "sync_id": sync_id or load_id,
        "mode": mode,
        "fetched_at": NOW - hours_ago * HOUR,
        "runs_pending": left,
        "stopped_by": stopped_by,
        "error": error,
        "error_code": "EXT-209" if error else None,
    }


def judged(
    *log: dict[str, Any],
    max_age: timedelta | None = None,
    pending: int = 0,
    has_run: bool | None = None,
    under_way: bool = False,
) -> Health:
    ran = bool(log or pending) if has_run is None else has_run
    return health(log, NOW, max_age=max_age, pending_loads=pending, has_run=ran, is_under_way=under_way)


def said(found: Health, **facts: Any) -> str:
    return headline(replace(STATUS, health=found, **facts))


def test_a_pipeline_is_healthy_after_a_sync_that_did_all_it_found_to_do() -> None:
    found = judged(row(5), row(0.2), max_age=2 * HOUR)

    assert found == Health("healthy", synced_at=NOW - 0.2 * HOUR, max_age=2 * HOUR)
    errors = [ErrorStatus("NotFound", 3, 1), ErrorStatus("ServerError", 1, 1)]
    assert said(found, errors=errors) == "healthy: last sync 12 min 0 s ago, 2,000 runs landed, 4 in fetch_errors."
    assert code_of_health(found) == 0


def test_a_pipeline_is_late_where_an_age_is_asked_for_and_the_last_good_sync_is_older() -> None:
    found = judged(row(5), max_age=2 * HOUR)

    assert (found.state, found.since, found.code) == ("late", NOW - 3 * HOUR, "EXT-322")
    assert said(found) == (
        "late by 3 h 0 min: EXT-322: last good sync 2026-02-01 07:00:00 UTC, 5 h 0 min ago, expected every 2 h 0 min. "
        "No sync has ended since. See that the schedule runs, and read its output."
    )
    assert code_of_health(found) == 5
    assert judged(row(5)).state == "healthy"  # what is late is not guessed
    assert judged(row(2), max_age=2 * HOUR).state == "healthy"


def test_a_pipeline_is_failing_since_the_first_failure_after_the_last_sync_that_did_not_fail() -> None:
    log = (row(9, error="Another day"), row(8), row(3, error="No network"), row(2, error=REFUSED))

    found = judged(*log, max_age=24 * HOUR)

    assert found == Health(
        "failing", NOW - 3 * HOUR, REFUSED, "EXT-209", synced_at=NOW - 8 * HOUR, failures=2, max_age=24 * HOUR
    )
    assert said(found) == (
        "failing since 2026-02-01 09:00:00 UTC, 3 h 0 min ago (2 syncs): EXT-209: "
        "The API answered 401. Check the API key."
    )
    assert code_of_health(found) == 1
    assert judged(*log, row(1)).state == "healthy"
    assert judged(*log, max_age=HOUR).state == "failing"  # why it is late counts more than that it is


def test_the_loads_of_a_sync_are_one_sync() -> None:
    first, last = row(3, sync_id="a", left=50), row(2, sync_id="a", error=REFUSED)

    assert judged(row(9), row(4, error="No network"), first, last).since == NOW - 4 * HOUR
    assert judged(first, row(2, sync_id="a")).synced_at == NOW - 2 * HOUR
    assert judged(row(9), first).state == "behind"  # killed between two loads


@pytest.mark.parametrize(
    ("last", "reason"),
    [
        (row(1, left=30, stopped_by="max_seconds"), "stopped early (max_seconds): 30 runs left"),
        (row(1, left=1, stopped_by="request"), "stopped as asked: 1 run left"),
        (row(1, stopped_by="max_requests"), "stopped early (max_requests): its listing was not read to the end"),
        (row(1, left=2), "was cut off: 2 runs left"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_sync_that_left_something_does_not_count_as_good(last: dict[str, Any], reason: str) -> None:
    in_time, late = judged(row(2), last, max_age=3 * HOUR), judged(row(5), last, max_age=3 * HOUR)

    text = f"The sync of 2026-02-01 11:00:00 UTC {reason}. The next sync goes on from there."
    assert (in_time.state, in_time.synced_at, code_of_health(in_time)) == ("behind", NOW - 2 * HOUR, 0)
    assert said(in_time) == f"behind: {text}"
    assert (late.state, late.reason, code_of_health(late)) == ("late", text, 5)
    assert said(judged(last, max_age=3 * HOUR)) == (
        f"late: EXT-322: no good sync is known, expected every 3 h 0 min. {text}"
    )


def test_syncs_by_id_count_only_where_there_are_no_others() -> None:
    by_id, failed = row(1, mode="by_id"), row(1, mode="by_id", error=REFUSED)

    assert judged(row(5), by_id, max_age=2 * HOUR).state == "late"
    assert judged(row(2), failed, max_age=3 * HOUR).state == "healthy"
    assert judged(by_id, max_age=2 * HOUR).state == "healthy"
    assert judged(failed).state == "failing"
    assert judged(row(5), row(1, mode="rebuild"), max_age=2 * HOUR).state == "late"


def test_a_load_that_was_left_behind_is_a_failure_unless_a_sync_is_at_work_on_it() -> None:
    found = judged(row(2), row(1, error=REFUSED), pending=1)

    assert said(found, pending_loads=1) == (
        "failing since 2026-02-01 11:00:00 UTC, 1 h 0 min ago: EXT-321: A sync was cut off and has left 1 load behind. "
        "Run the sync again: it finishes what waits first."
    )
    assert judged(row(2), pending=1, under_way=True).state == "healthy"
    assert (judged(pending=1).state, judged(pending=1).since) == ("failing", None)


def test_a_sync_that_is_running_is_told() -> None:
    late = judged(row(5), max_age=2 * HOUR, under_way=True)
    unread, hanging = running(NOW - 3 * HOUR, NOW, 4 * HOUR), running(NOW - 3 * HOUR, NOW, HOUR)

    assert said(late, under_way=UNDER_WAY).endswith(", and read its output; a sync is running now.")
    assert said(unread, under_way=UNDER_WAY) == "running: a sync is under way, and no other is known to have failed."
    assert (unread.state, hanging.state, hanging.since) == ("running", "late", NOW - 2 * HOUR)
    assert (code_of_health(unread), code_of_health(hanging)) == (0, 5)
    assert judged(under_way=True, has_run=False).state == "running"


def test_what_has_never_run_and_what_has_no_log_are_not_in_time() -> None:
    new, unknown = judged(max_age=HOUR), judged(max_age=HOUR, has_run=True)

    assert (new.state, unknown.state) == ("new", "unknown")
    assert said(new) == (
        "Pipeline extend_pipeline has never run: nothing has landed in duckdb duckdb:////data/extend.duckdb, "
        "dataset extend."
    )
    assert said(unknown) == "unknown: The table sync_log has no sync. Load it with the other tables."
    assert (code_of_health(new), code_of_health(unknown)) == (5, 5)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("30m", 1800),
        ("2h", 7200),
        ("1d", 86_400),
        ("1h30m", 5400),
        (" 2H ", 7200),
        ("PT2H", 7200),
        ("p1dt2h", 93_600),
        ("9999d", 863_913_600),
    ],
)
def test_ages_are_read(text: str, seconds: int) -> None:
    assert parse_age("--max-age", text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "2", "2x", "h", "-2h", "-PT2H", "0h", "2h 30m", "P1Y", "99999999999999999d"])
def test_what_is_no_age_ends_with_2_and_says_what_is_one(text: str) -> None:
    outcome: Result = CliRunner().invoke(app, ["status", f"--max-age={text}"])

    assert (outcome.exit_code, outcome.stdout) == (2, "")
    assert outcome.stderr == (
        f"extend-source: EXT-101: --max-age takes a time such as 90s, 30m, 2h, 1d, 1h30m or PT2H; not {text!r}.\n"
    )
