"""Verify runs: their list says nearly all of them, and a GET of one may be the end of its result."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from dlt.common import logger

from extend_source import SyncResult, erase, plan
from extend_source.api import CURRENT_VERSION, ExtendClient, lists_of
from extend_source.errors import InvalidSetting
from extend_source.ingest.resolution import resolved_settings
from extend_source.ingest.webhook_events import WebhookEvent
from extend_source.operations.check import check
from extend_source.operations.webhook_events import load_events
from extend_source.sandbox import SandboxServer
from extend_source.sandbox.generation_2026.verify_runs import PURGED_AFTER, VERIFY_RUNS, is_purged
from extend_source.sandbox.records import KeptObject
from extend_source.sandbox.requests_log import OddAnswer
from tests.acceptance.scenes import OpenWarehouse
from tests.acceptance.warehouse import Row

LIST_ALONE: dict[str, Any] = {"api_version": CURRENT_VERSION, "objects": ["verification"]}
WITH_DETAILS = {**LIST_ALONE, "verify_details": True}
FORGETFUL = "vr_forgetful"


@pytest.fixture
def server() -> Iterator[SandboxServer]:
    with SandboxServer(runs=16) as server:
        sample = next(kept for kept in VERIFY_RUNS.objects(server.workspace).values() if kept.payload["output"])
        VERIFY_RUNS.put(server.workspace, {**sample.payload, "id": FORGETFUL}, retains_nothing=True)
        yield server


@pytest.fixture
def warehouse(server: SandboxServer, tmp_path: Path) -> OpenWarehouse:
    return OpenWarehouse(server, tmp_path)


def verify_runs(server: SandboxServer) -> dict[str, KeptObject]:
    return VERIFY_RUNS.objects(server.workspace)


def gets(result: SyncResult) -> int:
    return result.requests.get("get_verify_run", 0)


def looked_at(server: SandboxServer) -> list[str]:
    """The ids of the verify runs that were asked for one by one."""
    return [entry.path.rsplit("/", 1)[1] for entry in server.requests.of("get_verify_run")]


def ended(server: SandboxServer) -> set[str]:
    return {run_id for run_id, kept in verify_runs(server).items() if kept.payload["status"] != "PROCESSING"}


def expected(kept: KeptObject) -> Row:
    run = kept.payload
    return {
        "id": run["id"],
        "file_id": run["file"]["id"],
        "file_name": run["file"]["name"],
        "status": run["status"],
        "risk_level": (run["output"] or {}).get("riskLevel"),
        "failure_reason": run["failureReason"],
        "engine": run["config"]["engine"],
        "requires_parsing": False,
        "page_count": (run["metrics"] or {}).get("pageCount"),
        "source": run["source"],
        "source_id": run["sourceId"],
        "credits": (run["usage"] or {}).get("credits"),
        "extra": None,
    }


@pytest.mark.slow
def test_the_list_says_what_was_verified_with_what_result_at_what_cost(warehouse: OpenWarehouse) -> None:
    result = warehouse.sync(**LIST_ALONE)

    runs = verify_runs(warehouse.server)
    rows = {row["id"]: row for row in warehouse.rows("verify_run_summaries")}
    assert {run_id: {name: rows[run_id][name] for name in expected(kept)} for run_id, kept in runs.items()} == {
        run_id: expected(kept) for run_id, kept in runs.items()
    }
    assert len(runs) == 7
    paid = {run_id for run_id, kept in runs.items() if kept.payload["usage"]}
    ledger = {row["resource_id"]: row["credits"] for row in warehouse.rows("credit_usage")}
    assert ledger == dict.fromkeys(paid, 10)
    assert result.requests == {"list_verify_runs": 1}
    assert not {"verify_runs", "verify_signals", "verify_evidence"} & warehouse.tables()


@pytest.mark.slow
def test_an_unchanged_list_costs_a_request_and_writes_nothing(warehouse: OpenWarehouse) -> None:
    warehouse.sync(**LIST_ALONE)
    before = warehouse.snapshot()

    result = warehouse.sync(**LIST_ALONE)

    assert result.requests == {"list_verify_runs": 1}
    assert warehouse.snapshot()["verify_run_summaries"] == before["verify_run_summaries"]


@pytest.mark.slow
def test_nothing_looks_at_a_single_run_unless_the_setting_says_so(
    warehouse: OpenWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    warnings: list[str] = []
    monkeypatch.setattr(logger, "warning", warnings.append)
    server, run_ids = warehouse.server, [FORGETFUL, "vr_unheard_of"]
    settings = warehouse.settings(**LIST_ALONE)

    planned = plan(warehouse.pipeline, **settings)
    warehouse.sync(**LIST_ALONE)
    warehouse.sync(**LIST_ALONE, reconcile=True)
    warehouse.sync(**LIST_ALONE, refresh=True, reconcile=True)
    warehouse.sync(**LIST_ALONE, run_ids=run_ids)
    warehouse.sync(**LIST_ALONE, run_ids=run_ids, refresh=True)
    plan(warehouse.pipeline, run_ids=run_ids, **settings)
    plan(warehouse.pipeline, reconcile=True, **settings)
    event = WebhookEvent(
        "evt_1", "extract_run.processed", "verify_run", FORGETFUL, None, (FORGETFUL,), datetime.now(timezone.utc)
    )
    load_events(warehouse.pipeline, [event], **settings)
    warehouse.execute("delete from verify_run_summaries")
    warehouse.sync(**LIST_ALONE, reconcile=True)
    VERIFY_RUNS.delete(server.workspace, next(run_id for run_id in verify_runs(server) if run_id != FORGETFUL))
    warehouse.sync(**LIST_ALONE, reconcile=True)
    check(resolved_settings(**settings))

    assert looked_at(server) == []
    assert (planned.requests, planned.groups) == (1, {"verification": 1})
    left_out = "2 of the runs asked for are left out: verify runs are not fetched, see the settings verify_details"
    assert [text for text in warnings if text.startswith(left_out)]
    server.workspace.advance(PURGED_AFTER.total_seconds() + 1)
    assert not is_purged(server.workspace, verify_runs(server)[FORGETFUL])


def test_a_client_that_was_not_allowed_to_sends_no_such_request(server: SandboxServer) -> None:
    (endpoint,) = lists_of(CURRENT_VERSION, "verify_run")

    async def look() -> None:
        access = {"api_key": server.api_key, "base_url": server.base_url}
        async with ExtendClient(**access, api_version=CURRENT_VERSION) as client:
            await client.get(endpoint, FORGETFUL)

    with pytest.raises(InvalidSetting, match="verify_details = true"):
        asyncio.run(look())
    assert looked_at(server) == []


@pytest.mark.slow
def test_what_the_whole_list_has_no_longer_is_gone_and_may_come_back(warehouse: OpenWarehouse) -> None:
    warehouse.sync(**LIST_ALONE)
    gone, *_ = verify_runs(warehouse.server)
    kept = verify_runs(warehouse.server)[gone]
    VERIFY_RUNS.delete(warehouse.server.workspace, gone)

    usual = warehouse.sync(**LIST_ALONE)
    unnoticed = warehouse.rows("tombstones")
    whole = warehouse.sync(**LIST_ALONE, reconcile=True)
    noticed = [(row["id"], row["resource_type"], row["reason"]) for row in warehouse.rows("tombstones")]
    again = warehouse.sync(**LIST_ALONE, reconcile=True)
    verify_runs(warehouse.server)[gone] = replace(kept, updated_at=kept.updated_at + timedelta(days=400))
    warehouse.sync(**LIST_ALONE)

    assert unnoticed == []
    assert noticed == [(gone, "verify_run", "not_listed")]
    assert [result.objects["verify_run"].gone for result in (whole, again)] == [1, 0]
    assert warehouse.rows("tombstones") == []
    assert (gets(usual), gets(whole), gets(again)) == (0, 0, 0)


@pytest.mark.slow
def test_with_details_each_that_has_ended_is_fetched_once_and_a_plan_knows(warehouse: OpenWarehouse) -> None:
    server = warehouse.server
    planned = plan(warehouse.pipeline, **warehouse.settings(**WITH_DETAILS))
    first = warehouse.sync(**WITH_DETAILS)
    second = warehouse.sync(**WITH_DETAILS, reconcile=True)

    assert (gets(first), gets(second)) == (6, 0)
    assert set(looked_at(server)) == ended(server)
    assert planned.requests == sum(first.requests.values()) == 7
    assert planned.groups == {"verification": 7}
    assert set(warehouse.column("verify_runs", "id")) == ended(server)
    signals = {row["verify_run_id"]: row for row in warehouse.rows("verify_signals")}
    for run_id, row in signals.items():
        (signal,) = verify_runs(server)[run_id].payload["output"]["signals"]
        assert (row["id"], row["risk_level"]) == (signal["id"], signal["riskAssessment"]["level"])
    assert len(signals) == len(warehouse.rows("verify_evidence")) == 4


@pytest.mark.slow
@pytest.mark.parametrize("how", [{}, {"reconcile": True}, {"refresh": True}], ids=str)
def test_a_result_that_has_landed_stays_once_extend_has_deleted_it(
    warehouse: OpenWarehouse, how: dict[str, bool]
) -> None:
    tables = ("verify_runs", "verify_signals", "verify_evidence", "raw_payloads", "fetch_errors")
    warehouse.sync(**WITH_DETAILS, keep_raw=True)
    before = {name: warehouse.rows(name) for name in tables}
    server, kept = warehouse.server, verify_runs(warehouse.server)[FORGETFUL]
    server.workspace.advance(PURGED_AFTER.total_seconds() + 1)
    verify_runs(server)[FORGETFUL] = replace(kept, updated_at=kept.updated_at + timedelta(days=400))
    assert is_purged(server.workspace, verify_runs(server)[FORGETFUL])

    results = [warehouse.sync(**WITH_DETAILS, keep_raw=True, **how) for _ in range(2)]

    def of_it(rows: list[Row]) -> list[Row]:
        return [row for row in rows if FORGETFUL in (row.get("id"), row.get("verify_run_id"))]

    assert {name: of_it(warehouse.rows(name)) for name in tables} == {name: of_it(before[name]) for name in tables}
    assert [gets(result) for result in results] == ([6, 6] if "refresh" in how else [0, 0])
    assert warehouse.sync(**WITH_DETAILS, keep_raw=True, reconcile=True).fetched == 0


def test_a_refusal_of_one_is_not_tried_out_on_others(warehouse: OpenWarehouse) -> None:
    refused = OddAnswer(403, b'{"code": "FORBIDDEN", "message": "No access."}')
    warehouse.server.instead = lambda entry: refused if entry.route == "get_verify_run" else None

    warehouse.sync(**WITH_DETAILS, max_error_share=1)

    assert sorted(looked_at(warehouse.server)) == sorted(ended(warehouse.server))
    assert set(warehouse.column("fetch_errors", "id")) == ended(warehouse.server)


def test_one_may_be_loaded_by_its_id_where_the_setting_says_so(warehouse: OpenWarehouse) -> None:
    result = warehouse.sync(**WITH_DETAILS, run_ids=[FORGETFUL])

    assert result.requests == {"get_verify_run": 1}
    assert warehouse.column("verify_runs", "id") == [FORGETFUL]


@pytest.mark.slow
def test_an_erased_file_takes_its_verify_runs_along_for_good(warehouse: OpenWarehouse) -> None:
    warehouse.sync(**WITH_DETAILS, keep_raw=True)
    file_id = verify_runs(warehouse.server)[FORGETFUL].payload["file"]["id"]
    of_it = {run_id for run_id, kept in verify_runs(warehouse.server).items() if kept.payload["file"]["id"] == file_id}

    erased = erase(warehouse.pipeline, file_ids=[file_id])
    warehouse.sync(**WITH_DETAILS, refresh=True, reconcile=True)

    assert (erased.files, erased.others) == (1, {"verify_run": 2})
    assert len(of_it) == 2
    for table in ("verify_runs", "verify_run_summaries"):
        assert not of_it & set(warehouse.column(table, "id"))
    assert not of_it & set(warehouse.column("credit_usage", "resource_id"))
    assert set(warehouse.column("erasures", "id")) == {file_id, *of_it}


@pytest.mark.slow
def test_the_older_version_has_none_and_says_so(warehouse: OpenWarehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    warnings: list[str] = []
    monkeypatch.setattr(logger, "warning", warnings.append)

    result = warehouse.sync(objects=["runs", "verification", "webhooks", "files"], reconcile=True)

    assert "API 2025-04-21 has nothing of verification and webhooks (objects)." in warnings
    assert not [name for name in result.requests if "verify" in name]
    assert warehouse.rows("verify_run_summaries") == []
