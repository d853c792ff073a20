"""Evaluation, edits, verification, batches and webhooks of API 2026-02-09: as the vendor's SDK 1.20.0 declares them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from extend_ai import Extend, types
from extend_ai.edit_runs import EditRunsListResponse
from extend_ai.edit_templates import EditTemplatesListResponse
from extend_ai.errors import NotFoundError
from extend_ai.evaluation_set_items import EvaluationSetItemsListResponse
from extend_ai.evaluation_sets import EvaluationSetsListResponse
from extend_ai.verify_runs import VerifyRunsListResponse
from extend_ai.webhook_endpoints import WebhookEndpointsListResponse
from extend_ai.webhook_subscriptions import WebhookSubscriptionsListResponse

from extend_source.sandbox import SandboxServer, Workspace
from extend_source.sandbox.generation_2026.edit_runs import FORM_DETECTION_RUNS
from extend_source.sandbox.generation_2026.evaluations import EVALUATION_SET_RUNS
from extend_source.sandbox.generation_2026.verify_runs import VERIFY_RUNS

from .bodies import check, client_of
from .client import all_rows

LISTED = {
    "edit_runs": (EditRunsListResponse, types.EditRun, 7),
    "edit_templates": (EditTemplatesListResponse, types.EditTemplate, 2),
    "evaluation_sets": (EvaluationSetsListResponse, types.EvaluationSet, 7),
    "verify_runs": (VerifyRunsListResponse, types.VerifyRun, 6),
    "webhook_endpoints": (WebhookEndpointsListResponse, types.WebhookEndpoint, 2),
    "webhook_subscriptions": (WebhookSubscriptionsListResponse, types.WebhookSubscription, 7),
}
UNLISTED = {
    "evaluation_set_runs": (EVALUATION_SET_RUNS, types.EvaluationSetRun),
    "form_detection_runs": (FORM_DETECTION_RUNS, types.FormDetectionRun),
}


@pytest.fixture(scope="module")
def workspace() -> Workspace:
    return Workspace(seed=7, runs=60)


@pytest.mark.parametrize("path", list(LISTED))
def test_lists_and_objects(workspace: Workspace, path: str) -> None:
    client = client_of(workspace)
    listing, element, count = LISTED[path]
    body = client.get(f"/{path}", params={"maxPageSize": 1000}).json()
    check(listing, body)
    assert len(body["data"]) == count
    for row in body["data"]:
        full = client.get(f"/{path}/{row['id']}").json()
        check(element, full)
        assert {key: full.get(key) for key in ("object", "id", "status")} == {
            key: row.get(key) for key in ("object", "id", "status")
        }


@pytest.mark.parametrize("path", list(UNLISTED))
def test_objects_without_a_list(workspace: Workspace, path: str) -> None:
    client = client_of(workspace)
    collection, element = UNLISTED[path]
    ids = list(collection.ids(workspace))
    assert ids
    for object_id in ids:
        check(element, client.get(f"/{path}/{object_id}").json())
    assert client.get(f"/{path}").status_code == 404


def test_items_come_with_what_is_expected_one_by_one_only(workspace: Workspace) -> None:
    client = client_of(workspace)
    kinds = set()
    for each in client.get("/evaluation_sets").json()["data"]:
        listed = client.get(f"/evaluation_sets/{each['id']}/items").json()
        check(EvaluationSetItemsListResponse, listed)
        for row in listed["data"]:
            assert "expectedOutput" not in row
            item = client.get(f"/evaluation_sets/{each['id']}/items/{row['id']}").json()
            check(types.EvaluationSetItem, item)
            kinds.update(item["expectedOutput"])
    assert kinds == {"value", "id", "type", "splits"}
    another = client.get(f"/evaluation_sets/{each['id']}x/items").status_code
    assert (another, client.get(f"/evaluation_sets/ev_x/items/{row['id']}").status_code) == (404, 404)


def test_a_batch_is_what_its_runs_are(workspace: Workspace) -> None:
    client = client_of(workspace)
    batches: dict[str, list[Any]] = {}
    for run in workspace.runs.values():
        if run.source == "BATCH_PROCESSOR_RUN":
            batches.setdefault(str(run.source_id), []).append(run)
    assert batches
    for batch_id, runs in batches.items():
        body = client.get(f"/batch_runs/{batch_id}").json()
        check(types.BatchRun, body)
        assert body["runCount"] == len(runs)
    assert client.get("/batch_runs/bpr_none").status_code == 404


def test_filters_and_orders(workspace: Workspace) -> None:
    client = client_of(workspace)

    def ids(path: str, **query: str) -> list[str]:
        return [row["id"] for row in client.get(f"/{path}", params=query).json()["data"]]

    assert ids("edit_runs", sortDir="asc") == ids("edit_runs")[::-1]
    parts = [ids("edit_runs", status=status) for status in ("PROCESSED", "FAILED", "PROCESSING")]
    assert sorted(run_id for part in parts for run_id in part) == sorted(ids("edit_runs"))
    assert [len(part) for part in parts] == [5, 1, 1]
    assert len(ids("edit_runs", source="STUDIO")) == 2
    assert client.get("/edit_runs", params={"status": "CANCELLED"}).status_code == 400
    assert len(ids("verify_runs", riskLevel="HIGH")) == 1
    assert ids("verify_runs", fileNameContains=ids("verify_runs")[2]) == [ids("verify_runs")[2]]
    endpoint, _ = ids("webhook_endpoints", sortDir="asc")
    assert len(ids("webhook_subscriptions", webhookEndpointId=endpoint)) in (3, 4)
    (classifier,) = ids("classifiers")
    assert len(ids("evaluation_sets", entityId=classifier)) == 1


def test_the_result_of_a_run_without_retention_is_gone_soon_after_it_was_looked_at(workspace: Workspace) -> None:
    client = client_of(workspace)
    payload = dict(next(kept.payload for kept in VERIFY_RUNS.objects(workspace).values() if kept.payload["output"]))
    run_id = VERIFY_RUNS.put(workspace, {**payload, "id": "vr_forgetful"}, retains_nothing=True)
    for _ in range(3):  # a list may be read as often as one likes
        workspace.advance(120)
        (row,) = (row for row in client.get("/verify_runs").json()["data"] if row["id"] == run_id)
        assert row["riskLevel"] is not None

    first = client.get(f"/verify_runs/{run_id}").json()
    workspace.advance(60)
    second = client.get(f"/verify_runs/{run_id}").json()

    assert first["output"] == payload["output"]
    assert (second["output"], second["file"], second["status"]) == (None, None, "PROCESSED")
    other = VERIFY_RUNS.put(workspace, {**payload, "id": "vr_late"}, retains_nothing=True)
    workspace.advance(timedelta(hours=1).total_seconds())
    assert client.get(f"/verify_runs/{other}").json()["output"] is None
    kept = VERIFY_RUNS.put(workspace, {**payload, "id": "vr_kept"})
    workspace.advance(timedelta(hours=2).total_seconds())
    assert client.get(f"/verify_runs/{kept}").json()["output"] == payload["output"]


def test_the_sdk_pages_through_and_reads_them() -> None:
    with SandboxServer(seed=7, runs=60) as server:
        client = Extend(token=server.api_key, base_url=server.base_url)
        for path, (_, _, count) in LISTED.items():
            resource = getattr(client, path)
            rows = all_rows(resource)
            assert len(rows) == count
            assert resource.retrieve(rows[0].id).id == rows[0].id
            with pytest.raises(NotFoundError):
                resource.retrieve("none")
        (first, *_) = all_rows(client.evaluation_sets)
        assert client.evaluation_set_items.list(first.id).data[0].file.name
