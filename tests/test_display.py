"""What the shell prints when a command is done."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from rich.console import Console

from extend_source.cli.display.erasure import show_erasure
from extend_source.cli.display.results import show_plan, show_rebuild, show_result, show_status
from extend_source.cli.display.terminal import show_rows
from extend_source.ingest.health import Health
from extend_source.ingest.progress import ObjectCounts
from extend_source.operations.erase import EraseResult
from extend_source.operations.plan import PlanResult
from extend_source.operations.rebuild import RebuildResult
from extend_source.operations.status import DriftStatus, ErrorStatus, LoggedLoad, ScopeStatus, StatusResult
from extend_source.operations.sync import SyncResult

NOW = datetime(2026, 2, 1, 12, 0, tzinfo=timezone.utc)

SYNC = SyncResult(
    mode="incremental",
    listed=2000,
    known=1988,
    fetched=12,
    changed=11,
    failed=0,
    gone=0,
    rechecked=0,
    drifted=0,
    restored=0,
    files_fetched=0,
    files_failed=0,
    requests={"list_runs": 2, "get_run": 12},
    retries=0,
    throttled=0,
    seconds_waiting=0.0,
    bytes_received=5_200_000,
    seconds=8.4,
    stopped_by=None,
    left=0,
    listing_complete=True,
    watermark=NOW,
    destination="duckdb duckdb:////data/extend.duckdb",
    dataset="extend",
)

PLAN = PlanResult(
    mode="full",
    listed=12_000,
    known=0,
    to_fetch={"listed": 12_000},
    listing_requests=12,
    file_backlog=None,
    requests=12_012,
    minutes=20.02,
    loads=6,
    pending_loads=0,
    watermark=None,
    stopped_by=None,
    stops_at=None,
    destination="duckdb duckdb:////data/extend.duckdb",
    dataset="extend",
)

SCOPE = ScopeStatus(
    scope={"base_url": "https://api.extend.ai", "api_version": "2025-04-21"},
    watermark=NOW - timedelta(minutes=5),
    start=None,
    reconciled_at=NOW - timedelta(hours=3),
    reconcile_due_at=NOW + timedelta(hours=21),
)

LOAD = LoggedLoad("1.5", "incremental", NOW - timedelta(minutes=2), NOW, 2000, 12, 11, 0, 0, 14, None)

STATUS = StatusResult(
    pipeline="extend_pipeline",
    destination="duckdb duckdb:////data/extend.duckdb",
    dataset="extend",
    at=NOW,
    scopes=[SCOPE],
    pending_loads=0,
    last_loads=[LOAD],
    runs={"PROCESSED": 1990, "PROCESSING": 10},
    in_flight=10,
    errors=[],
    gone=0,
    drift=None,
    unknown_keys=[],
    misfits=[],
    health=Health("healthy", synced_at=NOW - timedelta(minutes=12)),
)

REBUILD = RebuildResult(
    runs=300,
    files=1,
    failed=0,
    without_payload=0,
    outdated=0,
    left=0,
    tables={"processor_runs": 300, "files": 260, "splits": 0},
    seconds=2.0,
    destination="duckdb duckdb:////data/extend.duckdb",
    dataset="extend",
)


def shown(show: Callable[[Console, Any], None], result: Any, width: int = 80, *, terminal: bool = True) -> list[str]:
    """What a function prints on a terminal or into a pipe, line for line, without the spaces at their ends."""
    console = Console(file=io.StringIO(), width=width, force_terminal=terminal, color_system=None)
    show(console, result)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def test_a_sync_says_what_it_did() -> None:
    assert shown(show_result, SYNC) == [
        "12 runs loaded, 1,988 already there, 0 failed in 8 s",
        "Incremental listing: 2,000 listed, 11 new or changed; watermark 2026-02-01 12:00:00 UTC",
        "14 requests (12 get_run, 2 list_runs), 5.2 MB received",
        "Loaded into duckdb duckdb:////data/extend.duckdb, dataset extend",
    ]


def test_a_reconcile_says_what_had_gone_unnoticed() -> None:
    result = replace(SYNC, mode="reconcile", gone=2, rechecked=400, drifted=1, retries=3, throttled=2)

    assert shown(show_result, result)[1:3] == [
        "Reconcile: 2,000 listed, 11 new or changed, 2 gone at the source, 1 of 400 rechecked had changed unnoticed; "
        "watermark 2026-02-01 12:00:00 UTC",
        "14 requests (12 get_run, 2 list_runs), 5.2 MB received, 3 retries, 2 answers were 429",
    ]


def test_a_sync_by_id_listed_nothing_and_knows_no_watermark() -> None:
    result = replace(SYNC, mode="by_id", listed=0, fetched=1, watermark=None, files_fetched=3, files_failed=1)

    assert shown(show_result, result)[:3] == [
        "1 run loaded, 1,988 already there, 0 failed in 8 s",
        "By id: 11 new or changed",
        "3 file contents loaded, 1 failed",
    ]


@pytest.mark.parametrize(
    ("stopped_by", "left", "line"),
    [
        ("request", 7, "Stopped as asked: 7 runs are left for the next sync."),
        ("max_seconds", 1, "Stopped at the limit of time: 1 run is left for the next sync."),
        ("max_requests", 0, "Stopped at the limit of requests: the next sync goes on from here."),
    ],
)
def test_a_sync_that_ended_early_says_why_and_what_is_left(stopped_by: str, left: int, line: str) -> None:
    objects = {"processor_run": ObjectCounts(wanted=12 + left, done=12)}

    assert shown(show_result, replace(SYNC, stopped_by=stopped_by, left=left, objects=objects))[-1] == line


def test_what_is_left_is_told_by_type() -> None:
    left = {"processor_run": 43, "workflow_run": 2, "processor": 1}
    objects = {name: ObjectCounts(wanted=20 + number, done=20) for name, number in left.items()}
    objects["file"] = ObjectCounts(wanted=3)

    lines = [
        shown(show_result, replace(SYNC, stopped_by="max_requests", left=number, objects=objects))[-1]
        for number in (46, 50)
    ]

    assert lines == [
        "Stopped at the limit of requests: 43 runs, 2 workflow runs and 1 processor are left for the next sync.",
        "Stopped at the limit of requests: 50 objects are left for the next sync.",
    ]


def test_the_first_failures_are_told_one_by_one() -> None:
    result = replace(SYNC, failed=1, errors={"dpr_1": "gone [bold]for ever"})

    assert shown(show_result, result)[-2:] == [
        "  dpr_1: gone [bold]for ever",
        "The table fetch_errors has all that could not be loaded; a sync that lists it tries it again.",
    ]


def test_a_plan_says_what_it_takes() -> None:
    assert shown(show_plan, PLAN) == [
        "Full listing: 12,000 listed, 0 already there",
        "12,000 runs to fetch:",
        "     12,000  new, or changed since they landed",
        "12,012 requests (12 to list again, 12,000 for runs) in 6 loads, at least 20 min 2 s",
        "Nothing was written to duckdb duckdb:////data/extend.duckdb, dataset extend",
    ]


def test_a_plan_tells_the_reasons_in_their_order() -> None:
    reasons = {"recheck": 6, "vanished": 5, "failed": 4, "in_flight": 3, "listed": 2, "asked": 1}

    assert shown(show_plan, replace(PLAN, to_fetch=reasons))[1:8] == [
        "21 runs to fetch:",
        "          2  new, or changed since they landed",
        "          1  asked for by id",
        "          3  had not ended when they landed",
        "          4  could not be loaded before",
        "          5  are not listed any longer",
        "          6  may have been reviewed without a trace",
    ]


def test_a_plan_without_anything_to_do_says_so() -> None:
    nothing = replace(PLAN, mode="incremental", known=12_000, to_fetch={}, requests=12, minutes=None, loads=1)

    assert shown(show_plan, replace(nothing, watermark=NOW))[:3] == [
        "Incremental listing: 12,000 listed, 12,000 already there; watermark 2026-02-01 12:00:00 UTC",
        "No run to fetch",
        "12 requests (12 to list again) in 1 load",
    ]
    assert shown(show_plan, replace(nothing, mode="by_id", listing_requests=0, requests=0))[2] == (
        "0 requests (none) in 1 load"
    )


def test_a_plan_tells_what_it_cannot_know_and_what_comes_first() -> None:
    plan = replace(PLAN, file_backlog=7, pending_loads=1, stops_at="max_seconds", stopped_by="max_requests")

    assert shown(show_plan, plan)[3:-1] == [
        "Stopped at the limit of requests, before the end of the listing: there may be more.",
        "12,012 requests (12 to list again, 12,000 for runs, 7 for files that landed without text) in 6 loads, "
        "at least 20 min 2 s",
        "The text of files takes up to one request more for each new file; how many, only the runs tell.",
        "First, 1 load that an earlier sync left behind will be finished; what is in there will not be fetched again.",
        "max_seconds will end the sync before that; the next one goes on from there.",
    ]


def test_a_status_fits_on_a_screen_of_80_columns() -> None:
    status = replace(STATUS, last_loads=[replace(LOAD, stopped_by="max_requests")] * 5)

    lines = shown(show_status, status)

    assert len(lines) <= 24
    assert max(map(len, lines)) <= 80
    assert lines == [
        "healthy: last sync 12 min 0 s ago, 2,000 runs landed, 0 in fetch_errors.",
        "Pipeline      extend_pipeline",
        "Destination   duckdb duckdb:////data/extend.duckdb, dataset extend",
        "Watermark     2026-02-01 11:55:00 UTC, 5 min 0 s ago",
        "Reconciled    2026-02-01 09:00:00 UTC, 3 h 0 min ago; next in 21 h 0 min",
        "Runs landed   2,000: 1,990 PROCESSED, 10 PROCESSING",
        "In flight     10 had not ended when they landed",
        "Pending       none",
        "Errors        none",
        "Gone          none",
        "Drift         unknown: no run has been rechecked yet",
        "Unknown keys  none",
        "Misfits       none",
        "",
        "Last loads",
        "ended (UTC)  mode         listed  fetched  changed  failed  left  stopped by",
        *["02-01 12:00  incremental   2,000       12       11       0     0  max_requests"] * 5,
    ]


def test_a_status_shows_requests_where_there_is_room() -> None:
    header = "ended (UTC)  mode         listed  fetched  changed  failed  left  requests"

    assert shown(show_status, STATUS)[-2] == header
    assert shown(show_status, replace(STATUS, last_loads=[replace(LOAD, stopped_by="request")]), 120)[-2] == (
        f"{header}  stopped by"
    )


def test_a_status_shows_what_a_load_failed_with() -> None:
    refused = replace(LOAD, error="The API key has expired", error_code="EXT-209")
    loads = [replace(refused, error_code=None), refused, replace(refused, stopped_by="max_requests"), LOAD]

    lines = shown(show_status, replace(STATUS, last_loads=loads), 120)[-5:]

    ends = [line[lines[0].index("stopped by") :] for line in lines]
    assert ends == ["stopped by", "an error", "EXT-209", "EXT-209", ""]


def test_a_status_tells_what_may_need_a_look() -> None:
    status = replace(
        STATUS,
        pending_loads=1,
        errors=[ErrorStatus("NotFound", 1200, 3), ErrorStatus("ServerError", 1, 1)],
        gone=1,
        drift=DriftStatus(NOW - timedelta(hours=3), 400, 2, 0.005),
        unknown_keys=[f"file.key_{number}" for number in range(7)],
        misfits=["extraction_invoices.total"],
    )

    assert shown(show_status, status, 120)[7:13] == [
        "Pending       1 load, which the next sync finishes first",
        "Errors        1,201 in fetch_errors: 1,200 NotFound (tried up to 3 times), 1 ServerError (tried once)",
        "Gone          1 run no longer at the source",
        "Drift         0.5%: 2 of 400 rechecked runs had changed unnoticed, 3 h 0 min ago",
        "Unknown keys  7 in schema_drift: file.key_0, file.key_1, file.key_2, file.key_3, file.key_4 and 2 more",
        "Misfits       1 column could not hold a value, see schema_drift",
    ]


@pytest.mark.parametrize(
    ("scope", "line"),
    [
        (replace(SCOPE, reconciled_at=None, reconcile_due_at=None), "never; due with the next sync"),
        (replace(SCOPE, reconcile_due_at=None), "2026-02-01 09:00:00 UTC, 3 h 0 min ago; again on demand only"),
        (replace(SCOPE, reconcile_due_at=NOW), "2026-02-01 09:00:00 UTC, 3 h 0 min ago; due with the next sync"),
    ],
)
def test_a_status_says_when_a_reconcile_is_due(scope: ScopeStatus, line: str) -> None:
    assert shown(show_status, replace(STATUS, scopes=[scope]))[4] == f"Reconciled    {line}"


def test_several_watermarks_say_what_they_hold_for() -> None:
    scopes = [
        replace(SCOPE, scope={**SCOPE.scope, "processor_types": ["CLASSIFY", "EXTRACT"], "tables": "standard,raw_payloads"}),
        SCOPE,
        replace(SCOPE, scope={**SCOPE.scope, "base_url": "https://api.eu1.extend.ai", "workspace_id": "ws_1"}),
    ]  # fmt: skip

    def watermarks(some: list[ScopeStatus]) -> list[str]:
        lines = shown(show_status, replace(STATUS, scopes=some), 150)
        return [line.split(" ago")[1] for line in lines if line.startswith("Watermark")]

    assert watermarks(scopes[:2]) == [
        " [processor_types CLASSIFY, EXTRACT; tables standard,raw_payloads]",
        " [all runs]",
    ]
    assert watermarks(scopes[1:]) == [
        " [https://api.extend.ai]",
        " [https://api.eu1.extend.ai; workspace_id ws_1]",
    ]
    assert watermarks([replace(SCOPE, scope={**SCOPE.scope, "tables": "standard,raw_payloads"})]) == [""]
    assert watermarks([replace(SCOPE, scope={**SCOPE.scope, "statuses": ["FAILED"]})]) == [" [statuses FAILED]"]


def test_a_pipeline_that_has_never_run_is_one_line() -> None:
    status = replace(STATUS, scopes=[], last_loads=[], runs={}, in_flight=0, health=Health("new"))

    assert shown(show_status, status) == [
        "Pipeline extend_pipeline has never run: nothing has landed in duckdb duckdb:////data/extend.duckdb, "
        "dataset extend."
    ]


def test_a_pipeline_whose_first_load_is_pending_has_no_watermark() -> None:
    lines = shown(show_status, replace(STATUS, scopes=[], last_loads=[], runs={}, in_flight=0, pending_loads=1))

    assert lines[3:7] == [
        "Watermark     none: no listing has been worked off yet",
        "Runs landed   none",
        "In flight     none",
        "Pending       1 load, which the next sync finishes first",
    ]
    assert lines[-2:] == ["Unknown keys  none", "Misfits       none"]


def test_a_rebuild_says_what_it_wrote_and_what_it_left() -> None:
    assert shown(show_rebuild, REBUILD) == [
        "300 runs and 1 file written anew, 0 failed in 2 s",
        "560 rows in 2 tables, without a request",
        "Loaded into duckdb duckdb:////data/extend.duckdb, dataset extend",
    ]
    partly = replace(REBUILD, failed=1, without_payload=2, outdated=3, left=4, errors={"dpr_1": "not JSON"})
    assert shown(show_rebuild, partly)[3:] == [
        "2 runs landed without a payload and stayed as they were.",
        "3 runs landed later than the raw payload and stayed as they were.",
        "Stopped as asked: 4 payloads left; a rebuild starts from the beginning.",
        "  dpr_1: not JSON",
    ]


def test_numbers_are_aligned_right_and_unknown_ones_are_called_so() -> None:
    rows = [("A", Decimal("1774.500000")), ("B", None), ("C", Decimal("3"))]

    assert shown(lambda console, rows: show_rows(console, "Credits", ("processor", "credits"), rows), rows) == [
        "Credits",
        "processor  credits",
        "A          1,774.5",
        "B          unknown",
        "C                3",
    ]


@pytest.mark.case("5.5")
def test_piped_output_has_every_name_and_id_whatever_the_width() -> None:
    keys = [f"file.key_{number}_{'x' * 60}" for number in range(7)]
    ids = [f"file_{number}" for number in range(7)]
    erased = EraseResult(
        runs=1,
        files=0,
        rows={"processor_runs": 1},
        payloads=0,
        files_left=ids,
        runs_left=[],
        destination="duckdb extend.duckdb",
        dataset="extend",
    )

    status = shown(
        show_status, replace(STATUS, unknown_keys=keys, destination="duckdb " + "d" * 90), 30, terminal=False
    )
    erasure = shown(show_erasure, erased, 30, terminal=False)

    assert status[2] == f"Destination   duckdb {'d' * 90}, dataset extend"
    assert status[11] == f"Unknown keys  7 in schema_drift: {', '.join(keys)}"
    assert status[-2] == "ended (UTC)  mode         listed  fetched  changed  failed  left  requests"
    assert erasure[2] == f"Not named, so still there: 7 files of the runs: {', '.join(ids)}"
    assert shown(show_erasure, erased)[2].endswith("file_4 and 2 more")


@pytest.mark.case("4.5")
@pytest.mark.case("S5")
def test_what_the_api_and_documents_say_is_printed_as_text() -> None:
    hostile = "[red]x[/nope]\x1b[2J\u202e\nfake"
    status = replace(STATUS, runs={hostile: 1}, errors=[ErrorStatus(hostile, 1, 1)], unknown_keys=[hostile])

    lines = shown(show_status, status, 120)

    assert lines[5] == "Runs landed   1: 1 [red]x[/nope]�[2J� fake"
    assert lines[8] == "Errors        1 in fetch_errors: 1 [red]x[/nope]�[2J� fake (tried once)"
    assert lines[11] == "Unknown keys  1 in schema_drift: [red]x[/nope]�[2J� fake"
    assert shown(show_result, replace(SYNC, errors={"dpr_\x9b1": hostile}))[-2] == "  dpr_�1: [red]x[/nope]�[2J� fake"
