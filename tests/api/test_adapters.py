"""Payloads of API 2026-02-09: what becomes of them before anything else is done with them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from extend_source.api.endpoints import CURRENT_VERSION, endpoints_for, lists_of
from extend_source.text.json_codec import MemberDecoder, decode_json

SAMPLES = Path(__file__).parent.parent / "samples" / CURRENT_VERSION


def sample(name: str) -> Any:
    return decode_json((SAMPLES / f"{name}.json").read_bytes())


def canonical(name: str) -> dict[str, Any]:
    payload = sample(name)
    return endpoints_for(CURRENT_VERSION, "processor_run", payload["id"])[0].adapt(payload)


def test_a_run_says_its_type_processor_and_version_as_in_2025() -> None:
    run = canonical("extract_runs.get")

    said = {key: run[key] for key in ("type", "processorId", "processorName", "processorVersionId", "processorVersion")}
    assert said == {
        "type": "EXTRACT",
        "processorId": "ex_DefAAAAAAAAAAAAAAAA1",
        "processorName": "Invoice extractor",
        "processorVersionId": "exv_Ver1x0AAAAAAAAAA1",
        "processorVersion": "1.0",
    }
    assert run["config"]["type"] == "EXTRACT"
    assert run["config"]["parser"] == sample("extract_runs.get")["config"]["parseConfig"]
    assert "parseConfig" not in run["config"]
    assert run["url"] == "https://dashboard.extend.ai/runs/exr_RunAAAAAAAAAAAAAAAA1"


def test_what_is_said_of_a_processor_stands_in_one_place() -> None:
    run = canonical("extract_runs.get")

    assert run["extractor"].keys() == {"object", "createdAt", "updatedAt"}
    assert run["extractorVersion"].keys() == {"object", "description", "extractorId", "createdAt", "createdBy"}
    assert json.dumps(run, default=str).count("Invoice extractor") == 1


def test_the_page_of_a_citation_stands_beside_its_text() -> None:
    citations = canonical("extract_runs.get")["output"]["metadata"]["total.amount"]["citations"]

    assert [(each["page"], str(each["pageWidth"]), each["pageHeight"]) for each in citations] == [(1, "595.3", 842)]


def test_an_inline_config_has_no_processor_and_several_files_stay_several() -> None:
    run = canonical("extract_runs.get.multifile")

    assert "processorId" not in run
    assert [file["id"] for file in run["files"]] == ["file_InvoiceAAAAAAAAAAAA1", "file_ReceiptAAAAAAAAAAAA1"]


def test_a_run_whose_file_could_not_be_taken_in_has_none() -> None:
    run = canonical("extract_runs.get.failed")

    assert (run["files"], run["output"], run["status"]) == ([], None, "FAILED")


def test_no_address_of_a_person_is_left() -> None:
    run = sample("extract_runs.get")
    run["extractorVersion"]["createdBy"] = {"type": "user", "email": "somebody@example.com"}

    adapted = endpoints_for(CURRENT_VERSION, "processor_run", run["id"])[0].adapt(run)

    assert adapted["extractorVersion"]["createdBy"] == {"type": "user"}


@pytest.mark.parametrize("place", ["extractor", "extractorVersion"])
def test_what_is_new_of_a_processor_is_seen(place: str) -> None:
    run = sample("extract_runs.get")
    run[place]["owner"] = {"team": "claims"}

    adapted = endpoints_for(CURRENT_VERSION, "processor_run", run["id"])[0].adapt(run)

    assert adapted[f"{place}News"] == {"owner": {"team": "claims"}}


def test_what_is_new_of_a_cited_page_is_seen() -> None:
    run = sample("extract_runs.get")
    run["output"]["metadata"] = {"total": {"citations": [{"page": {"number": 1, "rotation": 90}}]}}

    adapted = endpoints_for(CURRENT_VERSION, "processor_run", run["id"])[0].adapt(run)

    assert adapted["output"]["metadata"]["total"]["citations"] == [{"page": 1, "pageNews": {"rotation": 90}}]


def test_a_config_that_many_runs_share_is_made_canonical_once() -> None:
    endpoint = endpoints_for(CURRENT_VERSION, "processor_run", "exr_1")[0]
    decoder = MemberDecoder("config", convert=endpoint.adapt_shared)
    body = (SAMPLES / "extract_runs.get.json").read_bytes()

    first, second = (endpoint.adapt(decoder.decode_object(body)) for _ in range(2))

    assert first["config"] is second["config"]
    assert first["config"]["parser"]["engine"] == "parse_performance"


def test_a_row_of_the_list_says_what_2025_says_and_what_a_review_did() -> None:
    extracts, _, _ = lists_of(CURRENT_VERSION, "processor_run")
    row = sample("extract_runs.list")["data"][0]

    assert extracts.adapt_summary(row) == {
        "id": "exr_RunAAAAAAAAAAAAAAAA1",
        "status": "PROCESSED",
        "type": "EXTRACT",
        "processorId": "ex_DefAAAAAAAAAAAAAAAA1",
        "processorName": "Invoice extractor",
        "processorVersionId": "exv_Ver1x0AAAAAAAAAA1",
        "processorVersion": "1.0",
        "reviewed": True,
        "edited": True,
        "usage": {"credits": 16, "totalCredits": 25},
        "createdAt": "2026-10-12T08:15:03.120Z",
        "updatedAt": "2026-10-13T14:02:10.000Z",
    }


@pytest.mark.parametrize("odd", [None, [], "text", 7, {}])
@pytest.mark.parametrize("member", sorted(sample("extract_runs.get").keys() - {"id"}))
def test_odd_members_are_left_to_what_comes_after(member: str, odd: Any) -> None:
    run = sample("extract_runs.get")
    run[member] = odd

    adapted = endpoints_for(CURRENT_VERSION, "processor_run", run["id"])[0].adapt(run)

    assert adapted["id"] == run["id"]
    assert json.dumps(adapted, default=str)


@pytest.mark.parametrize(
    ("object_id", "run_type", "paths"),
    [
        ("clr_1", None, ["/classify_runs", "/extract_runs", "/split_runs", "/processor_runs"]),
        ("dpr_1", None, ["/processor_runs", "/extract_runs", "/classify_runs", "/split_runs"]),
        ("of one's own", None, ["/extract_runs", "/classify_runs", "/split_runs", "/processor_runs"]),
        ("of one's own", "SPLITTER", ["/split_runs"]),
    ],
)
def test_an_id_is_asked_for_where_it_looks_to_be_from_and_then_elsewhere(
    object_id: str, run_type: str | None, paths: list[str]
) -> None:
    endpoints = endpoints_for(CURRENT_VERSION, "processor_run", object_id, run_type)

    assert [each.get_path.removesuffix("/{id}") for each in endpoints] == paths


def test_a_parse_run_is_left_without_any_link() -> None:
    block = {"details": {"type": "figure_details", "imageUrl": "https://files.test/1.png?sig=0"}}
    output = {"chunks": [{"blocks": [{"details": {}, "children": [block]}, {"details": {"imageUrl": None}}]}]}
    file = {"id": "file_1", "presignedUrl": "https://files.test/1.pdf?sig=0"}
    run = {"id": "pr_1", "file": file, "output": output, "outputUrl": "https://files.test/1.json?sig=0", "config": {}}

    adapted = endpoints_for(CURRENT_VERSION, "parse_run", "pr_1")[0].adapt(run)

    assert adapted == {
        "id": "pr_1",
        "file": {"id": "file_1"},
        "output": {
            "chunks": [
                {
                    "blocks": [
                        {"details": {}, "children": [{"details": {"type": "figure_details", "hasImage": True}}]},
                        {"details": {}},
                    ]
                }
            ]
        },
        "hasOutputUrl": True,
        "config": {"type": "PARSE", "parser": {}},
    }


def test_a_parser_run_of_2025_has_its_output_where_a_parse_run_has_it() -> None:
    run = {"object": "parser_run", "id": "parser_run_1", "fileId": "file_1", "chunks": [], "ocr": {"words": []}}
    light = {"object": "parser_run_status", "id": "parser_run_1", "status": "PROCESSING"}
    endpoint = endpoints_for("2025-04-21", "parse_run", "parser_run_1")[0]

    assert endpoint.adapt(run) == {
        "object": "parser_run",
        "id": "parser_run_1",
        "fileId": "file_1",
        "output": {"chunks": [], "ocr": {"words": []}},
    }
    assert endpoint.adapt(light) == light
