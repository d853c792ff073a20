"""Evaluation sets, batches and edit runs of API 2025-04-21: as the vendor's SDK 0.2.0 declares and reads them."""

from __future__ import annotations

from typing import Any

import pytest
from extend_ai import Extend
from extend_ai.batch_processor_run import BatchProcessorRunGetResponse
from extend_ai.edit import EditGetResponse
from extend_ai.errors import NotFoundError
from extend_ai.evaluation_set import EvaluationSetGetResponse, EvaluationSetListResponse
from extend_ai.evaluation_set_item import EvaluationSetItemListResponse
from extend_ai.types.classify_metrics import ClassifyMetrics
from extend_ai.types.extract_metrics import ExtractMetrics
from extend_ai.types.splitter_metrics import SplitterMetrics

from extend_source.sandbox import Organization, SandboxServer, Workspace
from extend_source.sandbox.generation_2026.edit_runs import EDIT_RUNS
from extend_source.sandbox.generation_2026.evaluations import EVALUATION_SET_RUNS

from .in_process import InProcessClient
from .sdk_shapes import instants, problems, through_sdk

METRICS = {"EXTRACT": ExtractMetrics, "CLASSIFY": ClassifyMetrics, "SPLITTER": SplitterMetrics}
"""What the SDK has for the metrics of evaluations, and names in no body."""

NESTED = ["$.fieldMetrics.total: unknown to ExtractMetricsFieldMetrics"]
"""The SDK describes the figures of one field where there is a map of them."""


@pytest.fixture(scope="module")
def client() -> InProcessClient:
    return InProcessClient(Organization([Workspace(seed=7, runs=60)]))


def workspace_of(client: InProcessClient) -> Workspace:
    (workspace,) = client.organization.workspaces.values()
    return workspace


def checked(client: InProcessClient, model: Any, path: str, **query: str) -> dict[str, Any]:
    body: dict[str, Any] = client.get(path, params=query).json()
    assert problems(model, body) == []
    assert through_sdk(model, body) == instants(body)
    return body


def test_evaluation_sets_and_their_items(client: InProcessClient) -> None:
    workspace = workspace_of(client)
    sets = checked(client, EvaluationSetListResponse, "/evaluation_sets")["evaluationSets"]
    assert {each["processorId"] for each in sets} == {processor.id for processor in workspace.processors.values()}
    items = []
    for each in sets:
        assert checked(client, EvaluationSetGetResponse, f"/evaluation_sets/{each['id']}")["evaluationSet"] == each
        path = f"/evaluation_sets/{each['id']}/items"
        items += checked(client, EvaluationSetItemListResponse, path)["evaluationSetItems"]
    assert {key for item in items for key in item["expectedOutput"]} == {"value", "id", "type", "splits"}
    assert {item["fileId"] for item in items} <= workspace.files.keys()
    (one,) = client.get("/evaluation_sets", params={"processorId": sets[0]["processorId"]}).json()["evaluationSets"]
    assert one == sets[0]


def test_batches_and_evaluation_runs(client: InProcessClient) -> None:
    workspace = workspace_of(client)
    batches = {str(run.source_id) for run in workspace.runs.values() if run.source == "BATCH_PROCESSOR_RUN"}
    evaluations = set(EVALUATION_SET_RUNS.ids(workspace))
    assert batches
    assert evaluations
    for batch_id in sorted(batches | evaluations):
        whole = client.get(f"/batch_processor_runs/{batch_id}").json()
        body = whole["batchProcessorRun"]
        assert (body["source"] == "EVAL_SET") == (batch_id in evaluations)
        if batch_id in evaluations:
            assert problems(METRICS[body["metrics"]["type"]], body["metrics"]) in ([], NESTED)
            body["metrics"] = {}
        assert problems(BatchProcessorRunGetResponse, whole) == []
    assert client.get("/batch_processor_runs/none").status_code == 404


def test_edit_runs(client: InProcessClient) -> None:
    workspace = workspace_of(client)
    seen = set()
    for newer_id, kept in EDIT_RUNS.objects(workspace).items():
        older_id = "edit_run" + newer_id.removeprefix("edr")
        whole = client.get(f"/edit_runs/{older_id}").json()
        body = whole["editRun"]
        # the SDK takes the status of a run for an object, the light one that runs under way are shown as
        odd = ["$.editRun.status: str instead of EditRunStatus"] if body["object"] == "edit_run" else []
        assert problems(EditGetResponse, whole) == odd
        assert (body["id"], body["status"]) == (older_id, kept.payload["status"])
        seen.add((body["object"], "output" in body, "failureReason" in body))
    assert seen == {("edit_run", True, False), ("edit_run", False, True), ("edit_run_status", False, False)}
    assert client.get("/edit_runs").status_code == 404


def test_the_sdk_reads_them() -> None:
    with SandboxServer(seed=7, runs=60) as server:
        sdk = Extend(token=server.api_key, base_url=server.base_url)
        (first, second) = sdk.evaluation_set.list(max_page_size=2).evaluation_sets
        assert sdk.evaluation_set.get(id=second.id).evaluation_set.name == second.name
        assert sdk.evaluation_set_item.list(id=first.id).evaluation_set_items[0].evaluation_set_id == first.id
        with pytest.raises(NotFoundError):
            sdk.edit.get(id="edit_run_none")
