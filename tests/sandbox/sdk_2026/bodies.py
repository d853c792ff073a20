"""Every body of API 2026-02-09 is what the vendor's SDK 1.20.0 declares, and survives a trip through it."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from extend_ai import types
from extend_ai.classifiers import ClassifiersListResponse
from extend_ai.classify_runs import ClassifyRunsListResponse
from extend_ai.extract_runs import ExtractRunsListResponse
from extend_ai.extractors import ExtractorsListResponse
from extend_ai.files import FilesListResponse
from extend_ai.parse_runs import ParseRunsListResponse
from extend_ai.processor_run import ProcessorRunGetResponse, ProcessorRunListResponse
from extend_ai.split_runs import SplitRunsListResponse
from extend_ai.splitters import SplittersListResponse

from extend_source.sandbox import Organization, Workspace

from ..in_process import InProcessClient
from ..sdk_shapes import instants, problems, through_sdk
from .busy import fill

MODELS = {
    "extract_runs": (ExtractRunsListResponse, types.ExtractRun),
    "classify_runs": (ClassifyRunsListResponse, types.ClassifyRun),
    "split_runs": (SplitRunsListResponse, types.SplitRun),
    "parse_runs": (ParseRunsListResponse, types.ParseRun),
    "files": (FilesListResponse, types.File),
    "extractors": (ExtractorsListResponse, types.Extractor),
    "classifiers": (ClassifiersListResponse, types.Classifier),
    "splitters": (SplittersListResponse, types.Splitter),
}
EVERYTHING = {"rawText": "true", "markdown": "true", "html": "true"}


CHECKED: dict[tuple[int, str], list[dict[str, Any]]] = {}
"""What `everything` has found, as it takes long."""


@pytest.fixture(scope="module")
def workspace() -> Workspace:
    busy = Workspace(seed=7, runs=60)
    fill(busy)
    return busy


def client_of(workspace: Workspace) -> InProcessClient:
    client = InProcessClient(Organization([workspace]))
    client.headers["x-extend-api-version"] = "2026-02-09"
    return client


def check(model: Any, body: dict[str, Any]) -> None:
    assert problems(model, body) == []
    assert through_sdk(model, body) == instants(body)


def everything(workspace: Workspace, path: str) -> list[dict[str, Any]]:
    """Return every object of a listing in full, having checked the listing and each of them."""
    if (id(workspace), path) in CHECKED:
        return CHECKED[id(workspace), path]
    client = client_of(workspace)
    listing, element = MODELS[path]
    body = client.get(f"/{path}", params={"maxPageSize": 1000}).json()
    check(listing, body)
    flags = EVERYTHING if path == "files" else {}
    full = [client.get(f"/{path}/{row['id']}", params=flags).json() for row in body["data"]]
    for each in full:
        check(element, each)
    CHECKED[id(workspace), path] = full
    return full


@pytest.mark.parametrize("path", ["extract_runs", "classify_runs", "split_runs"])
def test_runs(workspace: Workspace, path: str) -> None:
    type_ = {"extract_runs": "EXTRACT", "classify_runs": "CLASSIFY", "split_runs": "SPLITTER"}[path]
    expected = Counter(run.status for run in workspace.runs.values() if run.payload["type"] == type_)
    assert {"PENDING", "PROCESSING", "PROCESSED", "CANCELLED"} <= expected.keys()
    assert Counter(run["status"] for run in everything(workspace, path)) == expected


def test_the_workspace_has_runs_of_every_shape(workspace: Workspace) -> None:
    runs = everything(workspace, "extract_runs")
    assert Counter(len(run["files"]) for run in runs if run["files"]) == {2: 1, 3: 1, 5: 1}
    assert sum(run["extractor"] is None for run in runs) == 2
    assert {run["failureReason"] for run in runs} >= {None, "OUT_OF_CREDITS", "PRE_PROCESSING_FAILURE"}
    assert any("fields" in run["config"] and run["output"] for run in runs)
    cells = [
        citation["cellRange"]
        for run in runs
        if run["output"] and "schema" in run["config"]
        for entry in run["output"]["metadata"].values()
        for citation in entry.get("citations", ())
        if "cellRange" in citation
    ]
    assert len(cells) > 5
    assert sum(bool(run["edits"]) for run in runs) > 5


def test_parse_runs(workspace: Workspace) -> None:
    client = client_of(workspace)
    full = everything(workspace, "parse_runs")
    assert {parse["status"] for parse in full} == {"PROCESSING", "PROCESSED", "FAILED"}
    by_url = [client.get(f"/parse_runs/{parse['id']}", params={"responseType": "url"}).json() for parse in full]
    for parse in by_url:
        check(types.ParseRun, parse)
        assert parse["output"] is None
        assert (parse["outputUrl"] is not None) == (parse["status"] == "PROCESSED")
    del client.headers["authorization"]
    linked = [parse for parse in by_url if parse["outputUrl"]]
    own = [file for file in workspace.files.values() if file.parsed and "parentFileId" not in file.payload]
    assert len(linked) == len(own) > 40
    for parse in linked[:5]:
        check(types.ParseRunOutput, client.get(parse["outputUrl"]).json())


def test_blocks_and_details_of_every_kind_occur(workspace: Workspace) -> None:
    outputs = [parse["output"] for parse in everything(workspace, "parse_runs") if parse["output"]]
    blocks = [block for output in outputs for chunk in output["chunks"] for block in walked(chunk["blocks"])]
    declared = {kind.value for kind in types.BlockType if kind.name != "_UNKNOWN"}
    assert {block["type"] for block in blocks} == declared
    details = {
        *("text_details", "table_details", "table_cell_details", "figure_details"),
        *("barcode_details", "formula_details", "key_value_details"),
    }
    assert {block["details"].get("type") for block in blocks} == {*details, None}
    assert {chunk["type"] for output in outputs for chunk in output["chunks"]} == {"page", "section", "document"}
    assert any("formula" in block["details"] for block in blocks)
    assert any("sheet" in block["metadata"] for block in blocks)
    assert any("ocr" in output for output in outputs)
    assert any(output["metadata"] is None for output in outputs)


def walked(blocks: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for block in blocks:
        yield block
        yield from walked(block.get("children", []))


@pytest.mark.parametrize("path", ["extractors", "classifiers", "splitters", "files"])
def test_definitions_and_files(workspace: Workspace, path: str) -> None:
    found = everything(workspace, path)
    expected = {"extractors": 5, "classifiers": 1, "splitters": 1, "files": len(workspace.files)}
    assert len(found) == expected[path]


def test_runs_on_the_legacy_paths(workspace: Workspace) -> None:
    client = client_of(workspace)
    listing = client.get("/processor_runs", params={"maxPageSize": 1000}).json()
    check(ProcessorRunListResponse, listing)
    assert len(listing["processorRuns"]) == len(workspace.runs)
    for row in listing["processorRuns"]:
        check(ProcessorRunGetResponse, client.get(f"/processor_runs/{row['id']}").json())


def test_words_of_recent_parse_runs_say_how_they_are_turned() -> None:
    workspace = Workspace(seed=5, runs=30, now=datetime(2026, 11, 20, tzinfo=timezone.utc))
    words = [
        (parse["id"], word)
        for parse in everything(workspace, "parse_runs")
        if parse["output"] and "ocr" in parse["output"]
        for word in parse["output"]["ocr"]["words"]
    ]
    assert {"rotation" in word for _, word in words} == {True, False}


def test_usage_of_older_runs() -> None:
    workspace = Workspace(seed=1, runs=25)
    workspace.totals_since = workspace.now - timedelta(days=80)
    workspace.charges_since = workspace.now - timedelta(days=40)
    runs = [run for run in everything(workspace, "extract_runs") if run["usage"]]
    shapes = {
        ("totalCredits" in run["usage"], "charges" in run["usage"].get("breakdown", [{}])[-1]): run["createdAt"]
        for run in sorted(runs, key=lambda run: run["createdAt"], reverse=True)
    }
    assert list(shapes) == [(True, True), (True, False), (False, False)]


@pytest.mark.parametrize(
    ("path", "key", "found"),
    [
        ("extract_runs", "surprise", "$.surprise: unknown to ExtractRun"),
        ("parse_runs", "surprise", "$.surprise: unknown to ParseRun"),
        ("files", "usage", "$.usage: unknown to File"),
    ],
)
def test_a_planted_key_is_found(workspace: Workspace, path: str, key: str, found: str) -> None:
    broken = copy.deepcopy(everything(workspace, path)[0])
    broken[key] = {"credits": 1}
    assert problems(MODELS[path][1], broken) == [found]


def test_planted_values_are_found(workspace: Workspace) -> None:
    (parse, *_) = (each for each in everything(workspace, "parse_runs") if each["output"])
    broken = copy.deepcopy(parse)
    broken["status"] = "CANCELLED"
    broken["output"]["chunks"][0]["blocks"][0]["details"] = {"type": "text_details", "row": 1}
    broken["usage"] = {"credits": "3", "totalCredits": 3}
    assert [line.partition(" is not one of")[0] for line in problems(types.ParseRun, broken)] == [
        "$.status: 'CANCELLED'",
        "$.output.chunks[0].blocks[0].details.row: unknown to TextDetails",
        "$.usage.credits: '3' is not a float",
    ]
