"""Workflows, workflow runs and versions of API 2026-02-09 are what the vendor's SDK 1.20.0 declares."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest
from extend_ai import types
from extend_ai.classifier_versions import ClassifierVersionsListResponse
from extend_ai.extractor_versions import ExtractorVersionsListResponse
from extend_ai.splitter_versions import SplitterVersionsListResponse
from extend_ai.workflow_runs import WorkflowRunsListResponse
from extend_ai.workflow_versions import WorkflowVersionsListResponse
from extend_ai.workflows import WorkflowsListResponse

from extend_source.sandbox import SandboxServer, Workspace
from extend_source.sandbox.workflows import STATUSES, add_workflow_run, deploy, review_workflow_run, workflow_runs

from .bodies import check, client_of
from .client import all_rows, sdk

VERSIONS = {
    "extractors": (ExtractorVersionsListResponse, types.ExtractorVersion),
    "classifiers": (ClassifierVersionsListResponse, types.ClassifierVersion),
    "splitters": (SplitterVersionsListResponse, types.SplitterVersion),
    "workflows": (WorkflowVersionsListResponse, types.WorkflowVersion),
}


def fill(workspace: Workspace) -> None:
    for status in STATUSES:
        add_workflow_run(
            workspace, processors=("splitter", "classifier", "invoices"), status=status, batch_id="batch_1"
        )
    rejected = add_workflow_run(workspace)
    review_workflow_run(workspace, rejected, "REJECTED", "Wrong vendor")
    add_workflow_run(workspace, processors=("invoices", "claims"), status="FAILED")
    deploy(workspace, "mailroom", "Second")


@pytest.fixture(scope="module")
def workspace() -> Workspace:
    busy = Workspace(seed=7, runs=40)
    fill(busy)
    return busy


@pytest.fixture(scope="module")
def server() -> Iterator[SandboxServer]:
    with SandboxServer(seed=7, runs=20) as running:
        fill(running.workspace)
        yield running


def test_workflow_runs(workspace: Workspace) -> None:
    client = client_of(workspace)
    listing = client.get("/workflow_runs", params={"maxPageSize": 1000}).json()
    check(WorkflowRunsListResponse, listing)
    runs = [client.get(f"/workflow_runs/{row['id']}").json() for row in listing["data"]]
    for run in runs:
        check(types.WorkflowRun, run)

    assert {run["status"] for run in runs} == set(STATUSES)
    assert len(runs) == len(list(workflow_runs(workspace)))
    steps = Counter(step["stepType"] for run in runs for step in run["stepRuns"])
    assert steps.keys() == {
        *("PARSE", "EXTRACT", "CLASSIFY", "SPLIT"),
        *("RULE_VALIDATION", "EXTERNAL_DATA_VALIDATION", "VALIDATION", "ROUTER"),
    }


def test_the_run_of_a_step_is_the_one_that_its_own_address_shows(workspace: Workspace) -> None:
    client = client_of(workspace)
    paths = {
        "extractRun": "extract_runs",
        "classifyRun": "classify_runs",
        "splitRun": "split_runs",
        "parseRun": "parse_runs",
    }
    compared = 0
    for run in workflow_runs(workspace):
        for step in client.get(f"/workflow_runs/{run.id}").json()["stepRuns"]:
            for key in paths.keys() & step["result"].keys():
                child = step["result"][key]
                alone = client.get(f"/{paths[key]}/{child['id']}").json()
                assert without_signatures(child) == without_signatures(alone)
                compared += 1
    assert compared > 20


def without_signatures(value: object) -> object:
    """A payload without the links in it, which are signed anew in each answer."""
    if isinstance(value, dict):
        return {key: without_signatures(item) for key, item in value.items() if key != "imageUrl"}
    return [without_signatures(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("path", list(VERSIONS))
def test_definitions_and_their_versions(workspace: Workspace, path: str) -> None:
    client, (listing, element) = client_of(workspace), VERSIONS[path]
    rows = client.get(f"/{path}", params={"maxPageSize": 1000}).json()
    if path == "workflows":
        check(WorkflowsListResponse, rows)
    for row in rows["data"]:
        full = client.get(f"/{path}/{row['id']}").json()
        if path == "workflows":
            check(types.Workflow, full)
        versions = client.get(f"/{path}/{row['id']}/versions").json()
        check(listing, versions)
        assert versions["data"][0]["version"] == "draft"
        assert versions["data"][0]["id"] == full["draftVersion"]["id"]
        for version in versions["data"]:
            by_id = client.get(f"/{path}/{row['id']}/versions/{version['id']}").json()
            check(element, by_id)
            assert client.get(f"/{path}/{row['id']}/versions/{version['version']}").json() == by_id
        latest = client.get(f"/{path}/{row['id']}/versions/latest").json()
        assert latest["id"] == versions["data"][1]["id"] if len(versions["data"]) > 1 else versions["data"][0]["id"]


def test_workflow_runs_are_paged_through_filtered_and_read(server: SandboxServer) -> None:
    client = sdk(server)
    rows = all_rows(client.workflow_runs, sort_by="createdAt", sort_dir="asc")
    assert sorted(row.id for row in rows) == sorted(run.id for run in workflow_runs(server.workspace))
    assert [row.created_at for row in rows] == sorted(row.created_at for row in rows)
    failed = all_rows(client.workflow_runs, status="FAILED")
    assert {row.status.value for row in failed} == {"FAILED"}
    assert {row.batch_id for row in all_rows(client.workflow_runs, batch_id="batch_1")} == {"batch_1"}
    for row in rows[:5]:
        run = client.workflow_runs.retrieve(row.id)
        assert (run.id, run.status.value, run.workflow.id) == (row.id, row.status.value, row.workflow.id)
        if run.usage:
            assert sum(line.credits for line in run.usage.breakdown) == pytest.approx(run.usage.credits)


def test_versions_are_paged_through_newest_first_with_the_draft_before_all(server: SandboxServer) -> None:
    client = sdk(server)
    (invoices,) = (row for row in client.extractors.list(max_page_size=100).data if row.name == "Supplier Invoices")
    found, token = [], None
    while True:
        page = client.extractor_versions.list(invoices.id, max_page_size=1, next_page_token=token)
        found += page.data
        token = page.next_page_token
        if not token:
            break
    assert [version.version for version in found] == ["draft", "2.1", "2.0", "1.0"]
