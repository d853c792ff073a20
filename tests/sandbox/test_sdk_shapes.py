"""Every payload the stand-in can produce is one the vendor's SDK declares, and survives a trip through it."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable
from typing import Any

import pytest
from extend_ai.file.types import FileGetResponse, FileListResponse
from extend_ai.parser_run.types import ParserRunGetResponse
from extend_ai.processor_run.types import ProcessorRunGetResponse, ProcessorRunListResponse
from extend_ai.types import File, ParserRun, ParserRunStatus, ProcessorRun, ProcessorRunSummary

from extend_source.sandbox import Workspace
from extend_source.sandbox.parser_runs import parser_run, parser_run_ids

from .in_process import InProcessClient
from .sdk_shapes import instants, problems, through_sdk

SEEDS = (1, 7, 2026)


def check_run(payload: dict[str, Any]) -> None:
    assert problems(ProcessorRun, payload) == []
    assert through_sdk(ProcessorRun, payload) == instants(payload)


@pytest.mark.parametrize("seed", SEEDS)
def test_every_run_of_a_seed_is_what_the_sdk_declares(seed: int) -> None:
    workspace = Workspace(seed=seed, runs=60)
    for run_id in workspace.run_ids():
        check_run(workspace.run_payload(run_id))


@pytest.mark.parametrize("seed", SEEDS)
def test_runs_stay_what_the_sdk_declares_when_they_age_are_edited_and_lose_files(seed: int) -> None:
    workspace = Workspace(seed=seed, runs=30, embed_contents=True)
    for status in ("PENDING", "PROCESSING", "FAILED", "CANCELLED"):
        workspace.add_run(processor="claims", status=status)
    for processor in workspace.processors:
        workspace.add_run(processor=processor)
    workspace.advance(86_400)
    workspace.delete_file(next(iter(workspace.files)))
    for run_id in workspace.run_ids():
        if workspace.runs[run_id].status == "PROCESSED":
            workspace.edit_run(run_id)
        check_run(workspace.run_payload(run_id))


@pytest.mark.parametrize("flags", list(itertools.product((False, True), repeat=3)))
def test_every_file_with_every_combination_of_flags_is_what_the_sdk_declares(
    flags: tuple[bool, bool, bool],
) -> None:
    workspace = Workspace(seed=7, runs=80)
    for file_id in workspace.files:
        payload = workspace.file_payload(file_id, raw_text=flags[0], markdown=flags[1], html=flags[2])
        assert problems(File, payload) == []
        assert through_sdk(File, payload) == instants(payload)


@pytest.mark.parametrize("seed", SEEDS)
def test_every_summary_is_what_the_sdk_declares(seed: int) -> None:
    workspace = Workspace(seed=seed, runs=200)
    for run_id in workspace.run_ids():
        summary = workspace.summary(run_id)
        assert problems(ProcessorRunSummary, summary) == []
        assert through_sdk(ProcessorRunSummary, summary) == instants(summary)


@pytest.mark.parametrize("seed", SEEDS)
def test_every_parser_run_is_what_the_sdk_declares(seed: int) -> None:
    workspace = Workspace(seed=seed, runs=60)
    for status in ("PROCESSING", *["FAILED"] * 20):
        workspace.add_run(processor="claims", status=status)
    kinds = set()
    for parser_run_id in parser_run_ids(workspace):
        payload = parser_run(workspace, parser_run_id)
        model = ParserRun if payload["object"] == "parser_run" else ParserRunStatus
        assert problems(model, payload) == []
        assert through_sdk(model, payload) == instants(payload)
        kinds.add((payload["object"], payload["status"]))
    assert kinds >= {("parser_run", "PROCESSED"), ("parser_run", "FAILED"), ("parser_run_status", "PROCESSING")}


def test_every_envelope_is_what_the_sdk_declares(client: InProcessClient, workspace: Workspace) -> None:
    run_id, file_id = workspace.run_ids()[0], next(iter(workspace.files))
    for model, path in (
        (ProcessorRunListResponse, "/processor_runs"),
        (ProcessorRunGetResponse, f"/processor_runs/{run_id}"),
        (ParserRunGetResponse, f"/parser_runs/{next(parser_run_ids(workspace))}"),
        (FileListResponse, "/files"),
        (FileGetResponse, f"/files/{file_id}?rawText=true"),
    ):
        assert problems(model, client.get(path).json()) == []


def set_at(*path: Any, value: Any = "planted") -> Callable[[dict[str, Any]], None]:
    def plant(payload: dict[str, Any]) -> None:
        target: Any = payload
        for step in path[:-1]:
            target = target[step]
        target[path[-1]] = value

    return plant


@pytest.mark.parametrize(
    ("plant", "found"),
    [
        (set_at("surprise"), "$.surprise: unknown to ProcessorRun"),
        (set_at("files", 0, "owner"), "$.files[0].owner: unknown to File"),
        (set_at("files", 0, "metadata", "pages"), "$.files[0].metadata.pages: unknown to FileMetadata"),
        (
            set_at("config", "advancedOptions", "speed"),
            "$.config.advancedOptions.speed: unknown to ExtractionAdvancedOptions",
        ),
        (
            set_at("output", "metadata", "total", value={"certainty": 1}),
            "$.output.metadata.total.certainty: unknown to JsonOutputMetadataValue",
        ),
        (set_at("usage", value={"credits": "3.5"}), "$.usage.credits: '3.5' is not a float"),
        (set_at("reviewed", value=1), "$.reviewed: 1 is not a bool"),
        (set_at("url", value=None), "$.url: None is not a str"),
        (
            set_at("files", 0, "createdAt", value="yesterday"),
            "$.files[0].createdAt: 'yesterday' is not a time",
        ),
    ],
)
def test_a_planted_difference_is_found(plant: Callable[[dict[str, Any]], None], found: str) -> None:
    workspace = Workspace(seed=7, runs=1)
    healthy = workspace.run_payload(workspace.run_ids()[0])
    assert problems(ProcessorRun, healthy) == []
    broken = copy.deepcopy(healthy)
    plant(broken)
    assert problems(ProcessorRun, broken) == [found]


def test_an_unknown_status_is_found() -> None:
    workspace = Workspace(seed=7, runs=1)
    payload = workspace.run_payload(workspace.run_ids()[0])
    payload["status"] = "PAUSED"
    assert [line.split(" is not")[0] for line in problems(ProcessorRun, payload)] == ["$.status: 'PAUSED'"]


def test_a_missing_field_is_found() -> None:
    workspace = Workspace(seed=7, runs=1)
    payload = workspace.run_payload(workspace.run_ids()[0])
    del payload["files"][0]["createdAt"]
    assert problems(ProcessorRun, payload) == ["$.files[0].createdAt: missing in File"]


def test_a_field_the_sdk_would_lose_is_seen_in_the_round_trip() -> None:
    workspace = Workspace(seed=7, runs=1)
    payload = workspace.run_payload(workspace.run_ids()[0])
    changed = copy.deepcopy(payload)
    changed["output"]["value"]["invoice_number"] = "other"
    assert through_sdk(ProcessorRun, changed) != instants(payload)
