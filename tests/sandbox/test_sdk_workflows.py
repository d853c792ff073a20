"""Processors, versions and workflow runs of API 2025-04-21 are what the vendor's SDK declares, and its client works."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from extend_ai import Extend
from extend_ai.core.api_error import ApiError
from extend_ai.processor_version.types import ProcessorVersionListResponse
from extend_ai.types import ProcessorVersion, WorkflowRun, WorkflowRunSummary
from extend_ai.workflow_run.types import WorkflowRunGetResponse, WorkflowRunListResponse

from extend_source.sandbox import Organization, SandboxServer, Workspace
from extend_source.sandbox.workflows import STATUSES, add_workflow_run, review_workflow_run, workflow_runs

from .in_process import InProcessClient
from .sdk_shapes import instants, problems, through_sdk


def fill(workspace: Workspace) -> None:
    for status in STATUSES:
        add_workflow_run(
            workspace, processors=("splitter", "classifier", "invoices"), status=status, batch_id="batch_1"
        )
    rejected = add_workflow_run(workspace)
    review_workflow_run(workspace, rejected, "REJECTED", "Wrong vendor")


@pytest.fixture(scope="module")
def server() -> Iterator[SandboxServer]:
    with SandboxServer(seed=7, runs=40) as running:
        fill(running.workspace)
        yield running


@pytest.fixture(scope="module")
def client(server: SandboxServer) -> InProcessClient:
    return InProcessClient(Organization([server.workspace]))


def check(model: object, body: dict[str, object]) -> None:
    assert problems(model, body) == []
    assert through_sdk(model, body) == instants(body)


def test_workflow_runs_are_what_the_sdk_declares(server: SandboxServer, client: InProcessClient) -> None:
    listing = client.get("/workflow_runs", params={"maxPageSize": 1000}).json()
    check(WorkflowRunListResponse, listing)
    statuses = set()
    for row in listing["workflowRuns"]:
        check(WorkflowRunSummary, row)
        body = client.get(f"/workflow_runs/{row['id']}").json()
        assert body.keys() == WorkflowRunGetResponse.model_fields.keys() - {"workflow_run"} | {"workflowRun"}
        run = body["workflowRun"]
        # the SDK has fewer kinds of output than customers' endpoints have answers
        for step in run["stepRuns"]:
            if step["step"]["type"] == "EXTERNAL_DATA_VALIDATION":
                step.pop("output")
        check(WorkflowRun, run)
        statuses.add(run["status"])
    assert statuses == set(STATUSES)
    assert len(listing["workflowRuns"]) == len(list(workflow_runs(server.workspace)))


def test_the_outputs_of_a_workflow_run_are_its_runs(server: SandboxServer, client: InProcessClient) -> None:
    for run in workflow_runs(server.workspace):
        outputs = client.get(f"/workflow_runs/{run.id}").json()["workflowRun"]["outputs"]
        assert [output["id"] for output in outputs] == [child.id for child in run.runs]


def test_processors_and_their_versions(server: SandboxServer, client: InProcessClient) -> None:
    listing = client.get("/processors", params={"maxPageSize": 3}).json()
    assert len(listing["processors"]) == 3
    assert listing["nextPageToken"]
    everything = client.get("/processors", params={"maxPageSize": 1000}).json()["processors"]
    assert {row["id"]: row["name"] for row in everything} == {
        processor.id: processor.name for processor in server.workspace.processors.values()
    }
    assert [row["updatedAt"] for row in everything] == sorted((row["updatedAt"] for row in everything), reverse=True)
    for row in everything:
        versions = client.get(f"/processors/{row['id']}/versions").json()
        check(ProcessorVersionListResponse, versions)
        assert {version["id"] for version in versions["versions"]} == {version["id"] for version in row["versions"]}
        for version in versions["versions"]:
            check(ProcessorVersion, version)
            one = client.get(f"/processors/{row['id']}/versions/{version['id']}").json()
            assert one == {"success": True, "version": version}
    classifiers = client.get("/processors", params={"type": "CLASSIFY"}).json()["processors"]
    assert [row["name"] for row in classifiers] == ["Document Classifier"]


def test_the_client_of_the_sdk_reads_them(server: SandboxServer) -> None:
    sdk = Extend(token=server.api_key, base_url=server.base_url)
    page = sdk.workflow_run.list(max_page_size=1000, sort_by="createdAt", sort_dir="asc")
    assert [row.created_at for row in page.workflow_runs] == sorted(row.created_at for row in page.workflow_runs)
    run = sdk.workflow_run.get(page.workflow_runs[0].id).workflow_run
    assert run.id == page.workflow_runs[0].id
    with pytest.raises(ApiError):
        sdk.workflow_run.get("workflow_run_unknown")
    invoices = server.workspace.processor("invoices")
    assert [each.version for each in sdk.processor_version.list(invoices.id).versions] == ["2.1", "2.0", "1.0"]
