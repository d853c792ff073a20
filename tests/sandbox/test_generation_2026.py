"""API 2026-02-09 shows the same workspace as 2025-04-21: other paths, bodies and ids."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from extend_source.sandbox import Options, RateLimit, Workspace

from .conftest import Connect
from .in_process import InProcessClient

RUNS = {"extract_runs": ("EXTRACT", "exr_"), "classify_runs": ("CLASSIFY", "clr_"), "split_runs": ("SPLITTER", "splr_")}
DEFINITIONS = {
    "extract_runs": ("extractor", "ex"),
    "classify_runs": ("classifier", "cl"),
    "split_runs": ("splitter", "spl"),
}


def rows(client: InProcessClient, path: str, **query: Any) -> list[dict[str, Any]]:
    """Return the elements of all pages."""
    found, token = [], None
    while True:
        params = {**query, "nextPageToken": token} if token else query
        response = client.get(f"/{path}", params=params)
        assert response.status_code == 200, response.text
        body = response.json()
        assert body["object"] == "list"
        found += body["data"]
        token = body.get("nextPageToken")
        if not token:
            return found


def ids(client: InProcessClient, path: str, **query: Any) -> list[str]:
    return [row["id"] for row in rows(client, path, **query)]


def new_id(old_id: str, prefix: str) -> str:
    return prefix + old_id.partition("_")[2]


def extraction(client: InProcessClient, old_id: str) -> dict[str, Any]:
    response = client.get(f"/extract_runs/{new_id(old_id, 'exr_')}")
    assert response.status_code == 200, response.text
    return response.json()


@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize("cursor", ["offset", "keyset"])
def test_the_pages_of_the_three_lists_hold_every_run_once(
    connect: Connect, workspace: Workspace, size: int, cursor: str
) -> None:
    client = connect(options=Options(cursor=cursor))
    client.headers["x-extend-api-version"] = "2026-02-09"
    for path, (type_, prefix) in RUNS.items():
        expected = [new_id(run.id, prefix) for run in workspace.runs.values() if run.payload["type"] == type_]
        assert sorted(ids(client, path, maxPageSize=size)) == sorted(expected)
    assert sorted(ids(client, "files", maxPageSize=size)) == sorted(workspace.files)
    by_creation = ids(client, "extract_runs", maxPageSize=size, sortBy="createdAt", sortDir="asc")
    created = {new_id(run.id, "exr_"): run.created_at for run in workspace.runs.values()}
    assert [created[id_] for id_ in by_creation] == sorted(created[id_] for id_ in by_creation)


def test_on_demand_ids_of_runs_share_no_suffix_and_lead_to_the_same_runs(
    newer: InProcessClient, workspace: Workspace
) -> None:
    workspace.same_id_suffixes = False
    old_id = next(run.id for run in workspace.runs.values() if run.payload["type"] == "EXTRACT")
    turned = "exr_" + old_id.removeprefix("dpr_")[::-1]

    assert turned in ids(newer, "extract_runs", maxPageSize=1000)
    assert newer.get(f"/extract_runs/{turned}").json()["id"] == turned
    assert newer.get(f"/processor_runs/{turned}").json()["processorRun"]["id"] == turned
    assert newer.get(f"/extract_runs/{new_id(old_id, 'exr_')}").status_code == 404


def test_ids_differ_by_their_prefix_alone(newer: InProcessClient, workspace: Workspace) -> None:
    for path, (_, prefix) in RUNS.items():
        name, short = DEFINITIONS[path]
        for run_id in ids(newer, path, maxPageSize=1000):
            old = workspace.run_payload(new_id(run_id, "dpr_"))
            run = newer.get(f"/{path}/{run_id}").json()
            assert run["id"] == new_id(old["id"], prefix)
            assert run["object"] == path[:-1]
            assert run[name]["id"] == new_id(old["processorId"], f"{short}_")
            assert run[f"{name}Version"]["id"] == new_id(old["processorVersionId"], f"{short}v_")
            assert run[f"{name}Version"][f"{name}Id"] == run[name]["id"]
            assert run[name]["name"] == old["processorName"]
            assert run["file"]["id"] == old["files"][0]["id"]
            assert run["dashboardUrl"] == f"https://dashboard.extend.ai/runs/{run_id}"
            assert (run["status"], run["reviewed"], run["edited"]) == (old["status"], old["reviewed"], old["edited"])
            assert run["metadata"] == old.get("metadata")


def test_a_run_is_found_under_its_own_path_and_id_only(newer: InProcessClient, workspace: Workspace) -> None:
    run_id = workspace.add_run(processor="classifier")
    assert newer.get(f"/classify_runs/{new_id(run_id, 'clr_')}").status_code == 200
    for path in (
        f"/extract_runs/{new_id(run_id, 'exr_')}",
        f"/extract_runs/{new_id(run_id, 'clr_')}",
        f"/classify_runs/{run_id}",
        f"/processor_runs/{run_id}",
        "/parse_runs/pr_none",
        "/extractors/cl_none",
        "/files/file_none",
        "/workflow_runs/workflow_run_none",
        "/nothing",
    ):
        answer = newer.get(path)
        assert answer.status_code == 404
        assert (answer.json()["code"], answer.json()["retryable"]) == ("NOT_FOUND", False)


def test_the_paths_of_one_version_are_unknown_to_the_other(client: InProcessClient) -> None:
    answer = client.get("/extract_runs")
    assert (answer.status_code, answer.json()) == (404, {"success": False, "error": "There is no GET /extract_runs."})


def test_a_run_is_not_shown_before_it_is_visible(newer: InProcessClient, workspace: Workspace) -> None:
    run_id = workspace.add_run(visible_at=workspace.now + timedelta(seconds=10))
    assert new_id(run_id, "exr_") not in ids(newer, "extract_runs", maxPageSize=1000)
    assert newer.get(f"/extract_runs/{new_id(run_id, 'exr_')}").status_code == 404
    workspace.advance(10)
    assert extraction(newer, run_id)["status"] == "PENDING"


def test_a_run_ages_is_reviewed_and_deleted_in_both_versions(newer: InProcessClient, workspace: Workspace) -> None:
    run_id = workspace.add_run()
    pending = extraction(newer, run_id)
    assert (pending["status"], pending["output"], pending["usage"], pending["parseRunId"]) == ("PENDING",) + (None,) * 3
    workspace.advance(3600)
    processed = extraction(newer, run_id)
    assert processed["output"]["value"] == workspace.run_payload(run_id)["output"]["value"]
    assert (processed["initialOutput"], processed["reviewedOutput"], processed["edits"]) == (None, None, None)
    workspace.edit_run(run_id, {"invoice_number": "4711"})
    edited = extraction(newer, run_id)
    assert edited["output"] == edited["reviewedOutput"]
    assert edited["output"]["value"]["invoice_number"] == "4711"
    assert edited["initialOutput"] == processed["output"]
    assert edited["edits"]["invoice_number"]["editedValue"] == "4711"
    assert edited["updatedAt"] == workspace.summary(run_id)["updatedAt"] > edited["createdAt"]
    workspace.delete_run(run_id)
    assert newer.get(f"/extract_runs/{new_id(run_id, 'exr_')}").status_code == 404


def test_each_filter_lets_only_its_runs_through(newer: InProcessClient, workspace: Workspace) -> None:
    claims = workspace.processor("claims").id
    runs = {new_id(run.id, "exr_"): run for run in workspace.runs.values() if run.payload["type"] == "EXTRACT"}

    def expected(test: Callable[[Any], bool]) -> list[str]:
        found = sorted(id_ for id_, run in runs.items() if test(run))
        assert 0 < len(found) < len(runs)
        return found

    def listed(**query: str) -> list[str]:
        return sorted(ids(newer, "extract_runs", **query))

    assert listed(status="FAILED") == expected(lambda run: run.status == "FAILED")
    extractor = new_id(claims, "ex_")
    assert listed(extractorId=extractor) == expected(lambda run: run.payload["processorId"] == claims)
    assert listed(extractorId=claims) == []
    assert listed(source="STUDIO") == expected(lambda run: run.source == "STUDIO")
    batched = next(run for run in runs.values() if run.source == "BATCH_PROCESSOR_RUN")
    assert listed(sourceId=batched.source_id) == [new_id(batched.id, "exr_")]
    assert listed(batchId=batched.source_id) == [new_id(batched.id, "exr_")]
    studio = next(run for run in runs.values() if run.source == "STUDIO")
    assert listed(batchId=studio.source_id) == []
    assert listed(batchId="bpr_unknown") == []
    name = str(workspace.files[batched.file_ids[0]].payload["name"])
    assert new_id(batched.id, "exr_") in listed(fileNameContains=name[1:12].upper())
    assert newer.get("/extract_runs", params={"status": "DONE"}).status_code == 400


def test_summaries_are_full_runs_less_what_is_large(newer: InProcessClient) -> None:
    for path, (type_, _) in RUNS.items():
        large = {"output", "initialOutput", "reviewedOutput", "config", *(["edits"] if type_ == "EXTRACT" else [])}
        for row in rows(newer, path, maxPageSize=1000):
            full = newer.get(f"/{path}/{row['id']}").json()
            assert full.keys() - row.keys() == large
            if row["usage"]:
                full["usage"].pop("breakdown")
            assert row == {key: value for key, value in full.items() if key not in large}


def test_configurations_lose_their_type_and_rename_their_parser(newer: InProcessClient, workspace: Workspace) -> None:
    run = extraction(newer, workspace.add_run(processor="invoices"))
    old = workspace.processor("invoices").versions[-1].config
    config = run["config"]
    assert (config["schema"], config["extractionRules"]) == (old["schema"], old["extractionRules"])
    assert config.keys() == {*old, "parseConfig"} - {"type", "parser"}
    parsing = config["parseConfig"]["advancedOptions"]
    assert "agenticOcrEnabled" in old["parser"]["advancedOptions"]
    assert "agenticOcrEnabled" not in parsing
    assert parsing["pageRanges"] == [{"start": 1, "end": 10}, {"start": 20, "end": 1000}]
    notes = extraction(newer, workspace.add_run(processor="delivery_notes"))["config"]["advancedOptions"]
    assert not {"documentKind", "keyDefinitions", "advancedFigureParsingEnabled", "fixedPageLimit"} & notes.keys()
    assert notes["pageRanges"] == [{"start": 1, "end": 3}, {"start": 1, "end": 9}]


def citations(run: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    metadata = run["output"]["metadata"]
    return [(path, citation) for path, entry in metadata.items() for citation in entry.get("citations", ())]


def test_pages_of_citations_are_objects(newer: InProcessClient, workspace: Workspace) -> None:
    run_id = workspace.add_run(status="PROCESSED")
    old = citations(workspace.run_payload(run_id))
    new = citations(extraction(newer, run_id))
    assert len(new) == len(old) > 10
    for (path, before), (same_path, after) in zip(old, new, strict=True):
        assert path == same_path
        assert after["page"] == {"number": before["page"], "width": before["pageWidth"], "height": before["pageHeight"]}
        assert (after["polygon"], after["referenceText"]) == (before["polygon"], before["referenceText"])
        assert after.keys() == {"page", "polygon", "referenceText"}


def test_citations_of_spreadsheets_name_cells(newer: InProcessClient, workspace: Workspace) -> None:
    found = []
    for _ in range(5):
        found += citations(extraction(newer, workspace.add_run(processor="price_lists", status="PROCESSED")))
    assert len(found) > 10
    for path, citation in found:
        assert citation.keys() == {"page", "referenceText", "cellRange"}
        assert citation["page"].keys() == {"number"}
        if path.startswith("rows["):
            row = int(path.partition("[")[2].rstrip("]")) + 2
            assert citation["cellRange"] == f"A{row}:F{row}"


def test_a_run_with_an_inline_configuration_has_no_extractor(newer: InProcessClient, workspace: Workspace) -> None:
    run_id = workspace.add_run(status="PROCESSED", inline=True)
    run = extraction(newer, run_id)
    assert (run["extractor"], run["extractorVersion"]) == (None, None)
    assert run["config"]["schema"] == workspace.run_payload(run_id)["config"]["schema"]
    assert run["id"] in ids(newer, "extract_runs", maxPageSize=1000)
    owner = new_id(workspace.processor("invoices").id, "ex_")
    assert run["id"] not in ids(newer, "extract_runs", extractorId=owner, maxPageSize=1000)


@pytest.mark.parametrize("number", [2, 3, 50])
def test_a_run_may_read_several_files(newer: InProcessClient, workspace: Workspace, number: int) -> None:
    run_id = workspace.add_run(status="PROCESSED", files=number)
    run = extraction(newer, run_id)
    old = workspace.run_payload(run_id)
    assert run["file"] is None
    file_ids = [file["id"] for file in run["files"]]
    assert file_ids == [file["id"] for file in old["files"]] == workspace.runs[run_id].file_ids
    assert len(set(file_ids)) == number
    assert {citation["fileId"] for _, citation in citations(run)} <= set(file_ids)
    assert len({citation["fileId"] for _, citation in citations(run)}) > 1
    assert run["parseRunId"] == new_id(file_ids[0], "pr_")
    # two pages a file, at 4 credits for the run and 2 for the parse
    assert (run["usage"]["credits"], run["usage"]["totalCredits"]) == (8 * number, 12 * number)
    assert [line["object"] for line in run["usage"]["breakdown"]] == ["parse_run"] * number + ["extract_run"]


@pytest.mark.parametrize(
    "arguments",
    [{"files": 0}, {"files": 51}, {"files": 2, "processor": "claims"}, {"files": 2, "processor": "splitter"}],
)
def test_other_numbers_of_files_are_refused(workspace: Workspace, arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="files is 1, or 2 to 50"):
        workspace.add_run(**arguments)


def test_such_runs_are_made_from_outside_as_well(newer: InProcessClient) -> None:
    made = newer.post("/_sandbox/runs", json={"inline": True, "files": 3, "status": "PROCESSED"})
    run = extraction(newer, made.json()["id"])
    assert (run["extractor"], len(run["files"])) == (None, 3)
    assert newer.post("/_sandbox/runs", json={"files": 51}).status_code == 400
    assert newer.post("/_sandbox/runs", json={"files": "many"}).status_code == 400


def test_a_file_that_never_arrived_or_was_deleted_is_null(newer: InProcessClient, workspace: Workspace) -> None:
    failed = [workspace.add_run(status="FAILED") for _ in range(10)]
    runs = [extraction(newer, run_id) for run_id in failed]
    assert {run["failureReason"] for run in runs if run["file"] is None} == {"PRE_PROCESSING_FAILURE"}
    assert sum(run["file"] is None for run in runs) == 1
    run_id = workspace.add_run(status="PROCESSED")
    workspace.delete_file(workspace.runs[run_id].file_ids[0])
    run = extraction(newer, run_id)
    assert (run["file"], run["files"], run["parseRunId"]) == (None, None, None)


def test_files_have_no_credits_and_contents_in_their_own_form(newer: InProcessClient, workspace: Workspace) -> None:
    file = next(file for file in workspace.files.values() if file.parsed and file.payload.get("type") == "PDF")
    old = workspace.file_payload(file.id, raw_text=True, markdown=True)
    plain = newer.get(f"/files/{file.id}").json()
    assert plain["contents"] is None
    assert "usage" not in plain
    assert plain["presignedUrl"].startswith(f"https://files.sandbox.invalid/{file.id}/")
    full = newer.get(f"/files/{file.id}?rawText=true&markdown=true").json()["contents"]
    assert full.keys() == {"rawText", "pages", "sections"}
    assert full["rawText"] == old["contents"]["rawText"]
    pages = [{key: value for key, value in page.items() if key != "rawText"} for page in old["contents"]["pages"]]
    assert full["pages"] == pages
    assert sum(section["endPageNumber"] - section["startPageNumber"] + 1 for section in full["sections"]) == len(pages)
    summary = next(row for row in rows(newer, "files", maxPageSize=1000) if row["id"] == file.id)
    assert summary == {key: value for key, value in plain.items() if key not in ("presignedUrl", "contents")}


def test_spreadsheets_have_sheets_and_what_is_not_parsed_has_no_contents(
    newer: InProcessClient, workspace: Workspace
) -> None:
    run_id = workspace.add_run(processor="price_lists")
    (file_id,) = workspace.runs[run_id].file_ids
    assert newer.get(f"/files/{file_id}?rawText=true").json()["contents"] is None
    workspace.advance(3600)
    contents = newer.get(f"/files/{file_id}?rawText=true").json()["contents"]
    assert (contents.keys(), contents["pages"]) == ({"pages", "sheets"}, [])
    assert [sheet["sheetName"] for sheet in contents["sheets"]] == ["Sheet 1", "Sheet 2"]


def test_definitions_have_a_draft_and_move_when_they_change(newer: InProcessClient, workspace: Workspace) -> None:
    for path, type_ in (("extractors", "EXTRACT"), ("classifiers", "CLASSIFY"), ("splitters", "SPLITTER")):
        expected = {p.id.partition("_")[2]: p.name for p in workspace.processors.values() if p.type == type_}
        listed = rows(newer, path, maxPageSize=2)
        assert {row["id"].partition("_")[2]: row["name"] for row in listed} == expected
        for row in listed:
            full = newer.get(f"/{path}/{row['id']}").json()
            assert full["draftVersion"].pop("version") == "draft"
            assert {**row, "draftVersion": full["draftVersion"]} == full
    notes = workspace.processor("delivery_notes")
    full = newer.get(f"/extractors/{new_id(notes.id, 'ex_')}").json()
    assert full["draftVersion"]["id"] == new_id(notes.versions[-1].id, "exv_")

    workspace.advance(60)
    workspace.set_processor_name("claims", "Claims of today")
    workspace.advance(60)
    workspace.publish_version("contracts", workspace.processor("contracts").versions[0].config)
    first, second, *_ = rows(newer, "extractors")
    assert [first["name"], second["name"]] == ["Contracts", "Claims of today"]
    assert datetime.fromisoformat(first["updatedAt"].replace("Z", "+00:00")) == workspace.now


def test_the_legacy_paths_keep_their_form_and_take_the_new_ids(newer: InProcessClient, workspace: Workspace) -> None:
    body = newer.get("/processor_runs", params={"maxPageSize": 1000}).json()
    prefixes = dict(RUNS.values())
    expected = {
        new_id(run.id, prefixes[run.payload["type"]]): workspace.summary(run.id) for run in workspace.runs.values()
    }
    assert body.keys() == {"success", "processorRuns"}
    assert len(body["processorRuns"]) == len(expected) == 40
    for row in body["processorRuns"]:
        old = expected[row["id"]]
        assert row["processorId"].partition("_")[2] == old["processorId"].partition("_")[2]
        assert {**row, **{key: old[key] for key in ("id", "processorId", "processorVersionId")}} == old

    claims = new_id(workspace.processor("claims").id, "ex_")
    named = newer.get("/processor_runs", params={"processorId": claims, "maxPageSize": 1000}).json()["processorRuns"]
    assert named
    assert {row["processorName"] for row in named} == {"Claims (legacy)"}

    run_id = workspace.add_run(status="PROCESSED")
    old = workspace.run_payload(run_id)
    run = newer.get(f"/processor_runs/{new_id(run_id, 'exr_')}").json()["processorRun"]
    assert (run["object"], run["type"], run["id"]) == ("document_processor_run", "EXTRACT", new_id(run_id, "exr_"))
    assert run["config"]["parser"]["engine"] == old["config"]["parser"]["engine"]
    assert [citation["page"] for _, citation in citations(run)] == [citation["page"] for _, citation in citations(old)]
    assert run["usage"] == old["usage"]
    assert "usage" not in run["files"][0]


def test_keys_limits_faults_and_the_log_work_under_the_new_paths(connect: Connect, workspace: Workspace) -> None:
    client = connect(rate_limit=RateLimit(2, algorithm="token_bucket"), clock=lambda: 5.0)
    client.headers["x-extend-api-version"] = "2026-02-09"
    refused = client.get("/extract_runs", headers={"Authorization": "Bearer sk_wrong"})
    assert (refused.status_code, refused.json()["code"]) == (401, "UNAUTHORIZED")
    assert [client.get("/extract_runs").status_code for _ in range(3)] == [200, 200, 429]
    limited = client.get("/split_runs")
    assert (limited.json()["code"], limited.json()["retryable"]) == ("RATE_LIMIT_EXCEEDED", True)
    assert client.organization.requests.counts == {"list_extract_runs": 4, "list_split_runs": 1}


@pytest.mark.parametrize("path", [*RUNS, "parse_runs", "files", "extractors"])
def test_a_wrong_id_is_a_healthy_body_of_another_object(connect: Connect, path: str) -> None:
    client = connect(faults=["wrong_id:1"])
    client.headers["x-extend-api-version"] = "2026-02-09"
    asked = ids(client, path)[0]
    answer = client.get(f"/{path}/{asked}")
    assert answer.status_code == 200
    assert answer.json()["id"] != asked
    assert answer.json()["id"].partition("_")[0] == asked.partition("_")[0]
    assert client.get(f"/{path}/nothing").status_code == 404


@pytest.mark.parametrize(
    ("fault", "hit", "spared"),
    [
        ("500:1@list", "/parse_runs", "/extractors/ex_none"),
        ("500:1@run", "/classify_runs/clr_none", "/classify_runs"),
        ("500:1@file", "/files/file_none", "/files"),
    ],
)
def test_faults_keep_to_their_endpoints(connect: Connect, fault: str, hit: str, spared: str) -> None:
    client = connect(faults=[fault])
    client.headers["x-extend-api-version"] = "2026-02-09"
    assert client.get(hit).json()["code"] == "INTERNAL_ERROR"
    assert client.get(spared).status_code in (200, 404)


def test_a_run_served_as_given_is_shown_as_far_as_it_can_be(newer: InProcessClient, workspace: Workspace) -> None:
    payload = workspace.run_payload(workspace.add_run(status="PROCESSED"))
    workspace.put_run({**payload, "id": "dpr_given", "processorId": "dp_gone", "processorName": "Gone"})
    workspace.put_run({"id": "dpr_odd", "type": "SUMMARISE"})
    run = newer.get("/extract_runs/exr_given").json()
    assert (run["extractor"]["id"], run["extractor"]["name"]) == ("ex_gone", "Gone")
    assert run["output"]["value"] == payload["output"]["value"]
    assert run["file"]["id"] == payload["files"][0]["id"]
    assert "exr_given" in ids(newer, "extract_runs", maxPageSize=1000)
    assert newer.get("/extract_runs/exr_odd").status_code == 404
    workspace.put_run({"id": "dpr_bare", "type": "EXTRACT", "config": None, "files": None, "usage": {"credits": 2}})
    bare = newer.get("/extract_runs/exr_bare").json()
    assert (bare["status"], bare["output"], bare["usage"], bare["file"], bare["config"]) == (None, None, None, None, {})
    workspace.put_file({"id": "file_bare", "name": "a.pdf", "usage": {"credits": 3.5}})
    assert newer.get("/files/file_bare").json() == {"id": "file_bare", "name": "a.pdf"}
    assert newer.get("/parse_runs/pr_bare").json()["usage"]["credits"] == 3.5
    assert "pr_bare" in ids(newer, "parse_runs", maxPageSize=1000)
