"""What the sample data contains: every shape the documentation knows, and amounts that add up."""

from __future__ import annotations

import json
from collections import Counter
from decimal import Decimal

import pytest

from extend_source.sandbox import Workspace
from extend_source.sandbox.configs import full_parser
from extend_source.sandbox.evidence import walk
from extend_source.sandbox.factory import FAILURE_REASONS
from extend_source.sandbox.processors import PROCESSOR_KEYS


@pytest.fixture(scope="module")
def workspace() -> Workspace:
    return Workspace(seed=7, runs=500)


@pytest.fixture(scope="module")
def payloads(workspace: Workspace) -> list[dict]:
    return [workspace.run_payload(run_id) for run_id in workspace.run_ids()]


@pytest.mark.parametrize("runs", [0, 1, 24, 25, 500])
def test_a_workspace_has_exactly_the_runs_asked_for(runs: int) -> None:
    assert len(Workspace(seed=3, runs=runs).run_ids()) == runs


def test_there_are_seven_processors_and_all_are_used(workspace: Workspace, payloads: list[dict]) -> None:
    assert len(PROCESSOR_KEYS) == 7
    used = {payload["processorId"] for payload in payloads}
    assert used == {processor.id for processor in workspace.processors.values()}


def test_every_version_of_every_processor_has_runs_with_a_config_of_its_own(
    workspace: Workspace, payloads: list[dict]
) -> None:
    configs: dict[str, set[str]] = {}
    for payload in payloads:
        configs.setdefault(payload["processorVersionId"], set()).add(json.dumps(payload["config"], sort_keys=True))
    for processor in workspace.processors.values():
        published = [json.dumps(version.config, sort_keys=True) for version in processor.versions]
        assert len(set(published)) == len(published) >= 2
        for version, config in zip(processor.versions, published, strict=True):
            assert config in configs[version.id]


def test_every_status_every_file_type_and_every_failure_code_occurs(workspace: Workspace, payloads: list[dict]) -> None:
    statuses = {payload["status"] for payload in payloads}
    assert statuses == {"PENDING", "PROCESSING", "PROCESSED", "FAILED", "CANCELLED"}
    file_types = {file["type"] for payload in payloads for file in payload["files"] if "type" in file}
    assert file_types == {"PDF", "DOCX", "EXCEL", "CSV", "IMG", "TXT"}
    assert {payload.get("failureReason") for payload in payloads} == {None, *FAILURE_REASONS}


def test_reviewed_runs_carry_both_outputs_and_the_others_neither(payloads: list[dict]) -> None:
    for payload in payloads:
        assert (payload.get("initialOutput") is not None) == payload["reviewed"]
        assert (payload.get("reviewedOutput") is not None) == payload["reviewed"]
        assert payload["edited"] == bool(payload["edits"])
        if payload["reviewed"]:
            assert payload["output"] == payload["reviewedOutput"]
    kinds = Counter((payload["reviewed"], payload["edited"]) for payload in payloads)
    assert min(kinds[True, True], kinds[True, False]) >= 10


def test_full_runs_have_no_timestamps_and_summaries_have(workspace: Workspace, payloads: list[dict]) -> None:
    assert not any({"createdAt", "updatedAt"} & set(payload) for payload in payloads)
    summaries = [workspace.summary(run_id) for run_id in workspace.run_ids()]
    assert all({"createdAt", "updatedAt"} <= set(summary) for summary in summaries)
    assert all("object" not in summary for summary in summaries)


def test_some_runs_share_an_update_time_or_a_creation_time(workspace: Workspace) -> None:
    created = Counter(workspace.summary(run_id)["createdAt"] for run_id in workspace.run_ids())
    assert sum(times > 1 for times in created.values()) >= 20


def test_usage_is_absent_before_october_2025(workspace: Workspace) -> None:
    summaries = [workspace.summary(run_id) for run_id in workspace.run_ids()]
    early = [summary for summary in summaries if summary["createdAt"] < "2025-10-07"]
    late = [s for s in summaries if s["createdAt"] >= "2025-10-07" and s["status"] == "PROCESSED"]
    assert len(early) >= 50
    assert not any("usage" in summary for summary in early)
    with_usage = sum("usage" in summary for summary in late)
    assert 0.9 * len(late) < with_usage < len(late)


def test_credits_are_decimals_without_rounding_noise(payloads: list[dict]) -> None:
    spent = {payload["usage"]["credits"] for payload in payloads if "usage" in payload}
    assert any(isinstance(value, float) for value in spent)
    assert all(Decimal(str(value)).as_tuple().exponent >= -2 for value in spent)


def test_children_of_a_splitter_point_to_their_parent_and_are_extracted(payloads: list[dict]) -> None:
    splits = {
        split["fileId"]: (payload["files"][0]["id"], split)
        for payload in payloads
        if payload["type"] == "SPLITTER"
        for split in payload["output"].get("splits", [])
    }
    children = [file for payload in payloads for file in payload["files"] if "parentFileId" in file]
    assert len(children) >= 15
    for child in children:
        parent_id, split = splits[child["id"]]
        assert child["parentFileId"] == parent_id
        parent_split = child["metadata"]["parentSplit"]
        assert (parent_split["startPage"], parent_split["endPage"]) == (split["startPage"], split["endPage"])
        assert child["metadata"]["pageCount"] == split["endPage"] - split["startPage"] + 1


def test_splits_cover_the_pages_without_gap_or_overlap(payloads: list[dict]) -> None:
    for payload in payloads:
        if payload["type"] == "SPLITTER" and payload["status"] == "PROCESSED":
            splits = payload["output"]["splits"]
            pages = [page for split in splits for page in range(split["startPage"], split["endPage"] + 1)]
            assert pages == list(range(1, payload["files"][0]["metadata"]["pageCount"] + 1))


def test_the_lines_of_an_unreviewed_invoice_add_up_to_its_total(workspace: Workspace, payloads: list[dict]) -> None:
    invoices, checked = workspace.processor("invoices").id, 0
    for payload in payloads:
        if payload["processorId"] != invoices or payload["status"] != "PROCESSED" or payload["reviewed"]:
            continue
        value = payload["output"]["value"]
        if value["line_items"]:
            amounts = [Decimal(str(line["amount"]["amount"])) for line in value["line_items"]]
            assert Decimal(str(value["total"]["amount"])) == sum(amounts)
            checked += 1
    assert checked >= 50


def test_every_metadata_path_leads_to_a_value(payloads: list[dict]) -> None:
    for payload in payloads:
        output = payload.get("initialOutput") or payload.get("output") or {}
        if payload["type"] == "EXTRACT" and "schema" in payload["config"] and output:
            assert set(output["metadata"]) <= {path for path, _ in walk(output["value"])}


def test_awkward_field_names_and_arrays_of_arrays_occur(workspace: Workspace, payloads: list[dict]) -> None:
    notes = workspace.processor("delivery_notes").id
    paths = {
        path
        for payload in payloads
        if payload["processorId"] == notes and payload["status"] == "PROCESSED"
        for path, _ in walk(payload["output"]["value"])
    }
    assert {
        "total",
        "Total",
        "TOTAL",
        "items[0]",
        "net.weight",
        "Größe / Straße",
        'the "quoted" one',
    } <= paths
    assert "Measured Grid[0][0]" in paths


def test_a_legacy_output_uses_the_id_where_names_collide(workspace: Workspace, payloads: list[dict]) -> None:
    claims = workspace.processor("claims").id
    keys = [
        set(payload["output"])
        for payload in payloads
        if payload["processorId"] == claims and payload["status"] == "PROCESSED"
    ]
    assert any("Date" in names for names in keys)
    assert any({"field_09", "field_10", "value", "metadata"} <= names and "Date" not in names for names in keys)


def test_metadata_carries_usage_tags_and_may_be_null_empty_or_absent(payloads: list[dict]) -> None:
    kinds = {json.dumps(payload.get("metadata", "absent"))[:2] for payload in payloads}
    assert {"nu", "{}", '"a', '{"'} <= kinds
    tags = [payload["metadata"]["extend:usage_tags"] for payload in payloads if payload.get("metadata")]
    assert all(tag.replace("-", "").replace("_", "").isalnum() for group in tags for tag in group)


def test_some_extractions_come_from_merged_processors(payloads: list[dict]) -> None:
    merged = [payload for payload in payloads if payload["mergedProcessors"]]
    assert len(merged) >= 5
    assert all(len(payload["mergedProcessors"]) == 2 and payload["type"] == "EXTRACT" for payload in merged)


def test_the_full_parser_block_is_used_by_runs(payloads: list[dict]) -> None:
    assert any(payload["config"].get("parser") == full_parser() for payload in payloads)
