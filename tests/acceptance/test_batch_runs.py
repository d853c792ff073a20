"""Batches of runs: no list has them, and where nothing names one they cost nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from extend_source import plan
from extend_source.api import CURRENT_VERSION
from extend_source.config.settings import API_VERSION
from extend_source.ingest.webhook_events import WebhookEvent
from extend_source.operations.webhook_events import load_events
from extend_source.sandbox import SandboxServer
from extend_source.sandbox.generation_2026.batch_runs import delete_batch_run, put_batch_run
from extend_source.sandbox.generation_2026.evaluations import EVALUATION_SET_RUNS
from extend_source.sandbox.requests_log import OddAnswer
from extend_source.text.json_codec import decode_json, encode_json
from tests.acceptance.scenes import OpenWarehouse
from tests.acceptance.warehouse import Row

NEWER: dict[str, Any] = {"api_version": CURRENT_VERSION}
GOLDEN = Path(__file__).parent.parent / "golden"
CREATED = "2026-03-01T08:00:00Z"


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[OpenWarehouse]:
    with SandboxServer(runs=0) as server:
        yield OpenWarehouse(server, tmp_path)


def batch(batch_id: str, status: str = "PROCESSED") -> dict[str, Any]:
    return {"object": "batch_run", "id": batch_id, "status": status, "runCount": 2, "createdAt": CREATED}


def put_parse_run(warehouse: OpenWarehouse, number: int, batch_id: str | None) -> None:
    parse_run = {
        "object": "parse_run",
        "id": f"pr_{number}",
        "file": None,
        "status": "PROCESSED",
        "batchId": batch_id,
        "output": {"chunks": []},
        "config": {},
        "createdAt": CREATED,
        "updatedAt": CREATED,
    }
    warehouse.server.workspace.put_parse_run(parse_run)


def shown(rows: list[Row]) -> list[tuple[Any, ...]]:
    return [(row["id"], row["kind"], row["status"], row["run_count"]) for row in rows]


def gets(result: Any) -> int:
    return sum(number for name, number in result.requests.items() if "batch" in name)


@pytest.mark.slow
def test_the_batch_of_parse_runs_is_fetched_once_and_no_other_request_is_sent(warehouse: OpenWarehouse) -> None:
    put_batch_run(warehouse.server.workspace, batch("bpar_1"))
    for number, batch_id in enumerate(("bpar_1", "bpar_1", None)):
        put_parse_run(warehouse, number, batch_id)

    first = warehouse.sync(**NEWER)
    second = warehouse.sync(**NEWER, reconcile=True)

    assert shown(warehouse.rows("batch_runs")) == [("bpar_1", "parse_run", "PROCESSED", 2)]
    assert (gets(first), gets(second)) == (1, 0)


@pytest.mark.slow
def test_one_that_moves_is_fetched_until_it_has_ended(warehouse: OpenWarehouse) -> None:
    put_parse_run(warehouse, 1, "bpar_1")
    put_batch_run(warehouse.server.workspace, batch("bpar_1", "PROCESSING"))

    moving = [gets(warehouse.sync(**NEWER)) for _ in range(2)]
    put_batch_run(warehouse.server.workspace, batch("bpar_1", "FAILED"))
    ended = [gets(warehouse.sync(**NEWER)) for _ in range(2)]

    assert (moving, ended) == ([1, 1], [1, 0])
    assert warehouse.column("batch_runs", "status") == ["FAILED"]


@pytest.mark.slow
def test_one_that_is_not_there_is_asked_for_once(warehouse: OpenWarehouse) -> None:
    put_parse_run(warehouse, 1, "bpar_gone")

    asked = [gets(warehouse.sync(**NEWER)) for _ in range(2)]

    assert asked == [1, 0]
    assert [(row["id"], row["resource_type"]) for row in warehouse.rows("tombstones")] == [("bpar_gone", "batch_run")]


def test_a_key_that_may_read_no_batch_loads_the_rest(warehouse: OpenWarehouse) -> None:
    for number in range(3):
        put_batch_run(warehouse.server.workspace, batch(f"bpar_{number}"))
        put_parse_run(warehouse, number, f"bpar_{number}")
    refused = OddAnswer(403, b'{"code": "FORBIDDEN", "message": "No access to batches."}')
    warehouse.server.instead = lambda entry: refused if entry.route == "get_batch_run" else None

    warehouse.sync(**NEWER, max_error_share=1)

    assert len(warehouse.rows("parse_runs")) == 3
    assert warehouse.column("fetch_errors", "resource_type") == ["batch_run"] * 3


@pytest.mark.slow
@pytest.mark.parametrize("version", [API_VERSION, CURRENT_VERSION])
def test_whoever_has_no_batches_sends_no_request_for_them(warehouse: OpenWarehouse, version: str) -> None:
    put_parse_run(warehouse, 1, None)
    planned = plan(warehouse.pipeline, **warehouse.settings(api_version=version))

    result = warehouse.sync(api_version=version)

    assert gets(result) == 0
    assert planned.requests == sum(result.requests.values())
    assert warehouse.rows("batch_runs") == []


@pytest.mark.parametrize("objects", [["runs"], ["parsing"], ["processors"]], ids=str)
def test_one_can_be_named_by_its_id_whatever_group_is_chosen(warehouse: OpenWarehouse, objects: list[str]) -> None:
    put_batch_run(warehouse.server.workspace, batch("bpr_1"))

    result = warehouse.sync(**NEWER, objects=objects, run_ids=["bpr_1"])

    assert result.requests == {"get_batch_run": 1}
    assert shown(warehouse.rows("batch_runs")) == [("bpr_1", "processor_run", "PROCESSED", 2)]


@pytest.mark.slow
@pytest.mark.parametrize("batch_id", ["bpr_1", "batch_processor_run_1"])
def test_the_older_version_has_those_that_are_no_evaluations(warehouse: OpenWarehouse, batch_id: str) -> None:
    told = {"object": "batch_processor_run", "id": batch_id, "status": "PROCESSED", "runCount": 2, "source": "STUDIO"}
    put_batch_run(warehouse.server.workspace, told)
    put_batch_run(warehouse.server.workspace, {**told, "id": "bpr_evaluation", "source": "EVAL_SET"})

    warehouse.sync(run_ids=[batch_id, "bpr_evaluation"], max_error_share=1)

    assert shown(warehouse.rows("batch_runs")) == [(batch_id, "processor_run", "PROCESSED", 2)]
    assert warehouse.column("fetch_errors", "id") == ["bpr_evaluation"]


@pytest.mark.parametrize("version", [API_VERSION, CURRENT_VERSION])
def test_ids_that_look_alike_are_batches_or_evaluations_as_the_api_answers(
    warehouse: OpenWarehouse, version: str
) -> None:
    workspace = warehouse.server.workspace
    put_batch_run(workspace, {**batch("bpr_batch"), "source": "STUDIO"})
    evaluation = decode_json((GOLDEN / "evaluation_set_run.2026-02-09.json").read_bytes())["payload"]
    EVALUATION_SET_RUNS.put(workspace, {**json.loads(encode_json(evaluation)), "id": "bpr_evaluation"})

    ids = ["bpr_batch", "bpr_evaluation"]
    warehouse.sync(api_version=version, objects=["runs", "evaluation"], run_ids=ids)

    assert warehouse.column("batch_runs", "id") == ["bpr_batch"]
    assert warehouse.column("evaluation_set_runs", "id") == ["bpr_evaluation"]
    assert warehouse.rows("fetch_errors") == []


def test_an_event_of_a_webhook_loads_the_batch(warehouse: OpenWarehouse) -> None:
    put_batch_run(warehouse.server.workspace, batch("bpar_1"))
    event = WebhookEvent(
        *("evt_1", "batch_parse_run.processed", "batch_run", "bpar_1", "batch_run"),
        ("bpar_1",),
        datetime.now(timezone.utc),
    )

    result = load_events(warehouse.pipeline, [event], **warehouse.settings(**NEWER))

    assert (result.fetched, result.failed) == (1, 0)
    assert shown(warehouse.rows("batch_runs")) == [("bpar_1", "parse_run", "PROCESSED", 2)]
    assert [(row["object_id"], row["resource_type"]) for row in warehouse.rows("webhook_events")] == [
        ("bpar_1", "batch_run")
    ]


@pytest.mark.slow
def test_one_that_is_gone_keeps_its_row(warehouse: OpenWarehouse) -> None:
    put_batch_run(warehouse.server.workspace, batch("bpr_1"))
    warehouse.sync(**NEWER, run_ids=["bpr_1"])
    delete_batch_run(warehouse.server.workspace, "bpr_1")

    warehouse.sync(**NEWER, run_ids=["bpr_1"], refresh=True)

    assert warehouse.column("batch_runs", "id") == warehouse.column("tombstones", "id") == ["bpr_1"]
