"""Parse runs of API 2026-02-09: one for each parsed file, with the credits that 2025-04-21 shows on the file."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from extend_source.sandbox import PRESIGNED_URL_CANARY, OddAnswer, Options, RateLimit, Workspace

from .conftest import Connect
from .in_process import InProcessClient
from .test_generation_2026 import RUNS, extraction, ids, new_id, rows


def parse(client: InProcessClient, parse_id: str, **query: str) -> dict[str, Any]:
    response = client.get(f"/parse_runs/{parse_id}", params=query)
    assert response.status_code == 200, response.text
    return response.json()


def exact(number: int | float) -> Decimal:
    return Decimal(str(number))


def ledger(client: InProcessClient) -> dict[tuple[str, str], Decimal]:
    """Return the credits of each object, from summaries as well as from every line of a breakdown."""
    found: dict[tuple[str, str], Decimal] = {}
    for path in (*RUNS, "parse_runs"):
        for row in rows(client, path, maxPageSize=1000):
            usage = client.get(f"/{path}/{row['id']}").json()["usage"]
            lines = [{**row, **row["usage"]}, *usage["breakdown"]] if row["usage"] else []
            for line in lines:
                key = (line["object"], line["id"])
                assert found.setdefault(key, exact(line["credits"])) == exact(line["credits"])
    return found


@pytest.mark.parametrize("seed", [1, 7, 2026])
def test_both_versions_tell_the_same_sum_of_credits(connect: Connect, seed: int) -> None:
    workspace = Workspace(seed=seed, runs=120, workspace_id="ws_other")
    for processor in ("invoices", "price_lists", "classifier", "splitter"):
        workspace.add_run(processor=processor, status="PROCESSED")
    workspace.add_run(files=4, inline=True, status="PROCESSED")
    workspace.settle_credits(workspace.run_ids()[-1], "12.345")
    client = connect(workspace)
    client.headers["x-extend-workspace-id"] = "ws_other"
    client.headers["Authorization"] = "Bearer sk_sandbox_org"
    client.headers["x-extend-api-version"] = "2026-02-09"
    found, account = ledger(client), workspace.credit_account()
    assert sum(found.values()) == account.total > 500
    files = {new_id(file_id, "pr_"): credits for file_id, credits in account.files.items()}
    assert {id_: credits for (name, id_), credits in found.items() if name == "parse_run"} == files
    runs = {run_id.partition("_")[2]: credits for run_id, credits in account.runs.items()}
    assert {id_.partition("_")[2]: credits for (name, id_), credits in found.items() if name != "parse_run"} == runs


def test_charges_add_up_to_lines_and_lines_to_totals(newer: InProcessClient, workspace: Workspace) -> None:
    workspace.settle_credits(workspace.add_run(status="PROCESSED"), "12.345")
    checked = 0
    for path in (*RUNS, "parse_runs"):
        for run_id in ids(newer, path, maxPageSize=1000):
            usage = newer.get(f"/{path}/{run_id}").json()["usage"]
            if usage:
                lines = usage["breakdown"]
                assert sum(exact(line["credits"]) for line in lines) == exact(usage["totalCredits"])
                assert next(line["credits"] for line in lines if line["id"] == run_id) == usage["credits"]
                for line in lines:
                    assert sum(exact(charge["credits"]) for charge in line["charges"]) == exact(line["credits"])
                checked += 1
    assert checked > 30


def test_the_first_run_of_a_file_causes_its_parse_and_later_ones_reuse_it(
    newer: InProcessClient, workspace: Workspace
) -> None:
    first = workspace.add_run(processor="invoices", status="PROCESSED")
    (file_id,) = workspace.runs[first].file_ids
    later = workspace.add_run(processor="contracts", status="PROCESSED", file_id=file_id)
    parse_id = new_id(file_id, "pr_")
    # two pages: 4 credits a page for each run, the review agent among them, and 2 for the parse
    assert extraction(newer, first)["usage"] == {
        "credits": 8,
        "totalCredits": 12,
        "breakdown": [
            {
                "object": "parse_run",
                "id": parse_id,
                "credits": 4,
                "charges": [{"product": "parse_performance", "unit": "page", "quantity": 2, "credits": 4}],
            },
            {
                "object": "extract_run",
                "id": new_id(first, "exr_"),
                "credits": 8,
                "charges": [
                    {"product": "extraction_performance", "unit": "page", "quantity": 2, "credits": 6},
                    {"product": "review_agent", "unit": "page", "quantity": 2, "credits": 2, "pages": [1, 2]},
                ],
            },
        ],
    }
    reused = extraction(newer, later)
    assert (reused["usage"]["credits"], reused["usage"]["totalCredits"]) == (8, 8)
    assert [line["object"] for line in reused["usage"]["breakdown"]] == ["extract_run"]
    assert extraction(newer, first)["parseRunId"] == reused["parseRunId"] == parse_id
    workspace.delete_run(first)
    assert extraction(newer, later)["usage"]["totalCredits"] == 8
    assert parse(newer, parse_id)["usage"]["credits"] == 4


def test_the_run_that_was_created_first_causes_the_parse_also_when_it_was_added_last(
    newer: InProcessClient, workspace: Workspace
) -> None:
    late = workspace.add_run(status="PROCESSED")
    (file_id,) = workspace.runs[late].file_ids
    earlier = workspace.runs[late].created_at.replace(year=2026, month=1)
    early = workspace.add_run(status="PROCESSED", file_id=file_id, created_at=earlier)
    assert extraction(newer, late)["usage"]["totalCredits"] == 8
    assert extraction(newer, early)["usage"]["totalCredits"] == 12


def test_parts_of_a_packet_are_read_with_it(newer: InProcessClient, workspace: Workspace) -> None:
    packet = workspace.add_run(processor="splitter", status="PROCESSED")
    split = newer.get(f"/split_runs/{new_id(packet, 'splr_')}").json()
    part = split["output"]["splits"][0]["fileId"]
    run = extraction(newer, workspace.add_run(status="PROCESSED", file_id=part))
    assert run["file"]["parentFileId"] == split["file"]["id"]
    assert run["parseRunId"] == split["parseRunId"] == new_id(split["file"]["id"], "pr_")
    assert run["usage"]["totalCredits"] == run["usage"]["credits"]
    assert newer.get(f"/parse_runs/{new_id(part, 'pr_')}").status_code == 404


def test_a_parse_run_is_under_way_or_fails_with_its_run(newer: InProcessClient, workspace: Workspace) -> None:
    running = extraction(newer, workspace.add_run(status="PROCESSING"))
    found = parse(newer, running["parseRunId"])
    assert (found["status"], found["output"], found["usage"], found["metrics"]) == ("PROCESSING", None, None, None)
    failed = [extraction(newer, workspace.add_run(status="FAILED")) for _ in range(10)]
    reasons = {
        run["failureReason"]: parse(newer, run["parseRunId"])["failureReason"] for run in failed if run["parseRunId"]
    }
    assert reasons == {"PARSING_ERROR": "OCR_ERROR", "FAILED_TO_PROCESS_FILE": "CORRUPT_FILE"}
    pending = extraction(newer, workspace.add_run())
    assert pending["parseRunId"] is None
    assert new_id(pending["file"]["id"], "pr_") not in ids(newer, "parse_runs", maxPageSize=1000)


@pytest.mark.parametrize("size", [1, 9, 1000])
@pytest.mark.parametrize("cursor", ["offset", "keyset"])
def test_parse_runs_come_newest_first_and_each_once(
    connect: Connect, workspace: Workspace, size: int, cursor: str
) -> None:
    client = connect(options=Options(cursor=cursor))
    client.headers["x-extend-api-version"] = "2026-02-09"
    found = rows(client, "parse_runs", maxPageSize=size)
    assert len({row["id"] for row in found}) == len(found) > 15
    parsed = {file.id for file in workspace.files.values() if file.parsed and "parentFileId" not in file.payload}
    assert {row["file"]["id"] for row in found if row["status"] == "PROCESSED"} == parsed
    times = [row["createdAt"] for row in found]
    assert times == sorted(times, reverse=True)
    assert all(row["updatedAt"] >= row["createdAt"] for row in found)
    assert [row["id"] for row in rows(client, "parse_runs", sortDir="asc", maxPageSize=size)] == [
        row["id"] for row in found
    ]


def test_each_filter_lets_only_its_parse_runs_through(newer: InProcessClient, workspace: Workspace) -> None:
    all_rows = rows(newer, "parse_runs", maxPageSize=1000)
    by_workflow = set(ids(newer, "parse_runs", source="WORKFLOW_RUN", maxPageSize=1000))
    files = {new_id(run.file_ids[0], "pr_"): run for run in reversed(workspace.runs.values()) if run.file_ids}
    expected = {row["id"] for row in all_rows if files[row["id"]].source == "WORKFLOW_RUN"}
    assert by_workflow == expected != set()
    causing = next(files[row["id"]] for row in all_rows if files[row["id"]].source == "API")
    prefix = dict(RUNS.values())[causing.payload["type"]]
    caused = ids(newer, "parse_runs", source="DOCUMENT_PROCESSOR_RUN", sourceId=new_id(causing.id, prefix))
    assert caused == [new_id(causing.file_ids[0], "pr_")]
    name = all_rows[0]["file"]["name"]
    assert all_rows[0]["id"] in ids(newer, "parse_runs", fileNameContains=name[1:].upper())
    assert ids(newer, "parse_runs", batchId="bpar_unknown") == []
    running = extraction(newer, workspace.add_run(status="PROCESSING"))["parseRunId"]
    assert running in ids(newer, "parse_runs", status="PROCESSING")
    assert ids(newer, "parse_runs", status="PENDING") == []
    assert newer.get("/parse_runs?status=CANCELLED").status_code == 400
    assert newer.get("/parse_runs?source=BATCH_PROCESSOR_RUN").status_code == 400


def test_summaries_are_full_parse_runs_with_times(newer: InProcessClient) -> None:
    for row in rows(newer, "parse_runs", maxPageSize=1000):
        full = parse(newer, row["id"])
        assert full.keys() - row.keys() == {"output", "outputUrl", "config"}
        assert row.keys() - full.keys() == {"createdAt", "updatedAt"}
        if row["usage"]:
            full["usage"].pop("breakdown")
        assert {key: row[key] for key in row.keys() & full.keys()} == {
            key: full[key] for key in row.keys() & full.keys()
        }


def walked(blocks: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for block in blocks:
        yield block
        yield from walked(block.get("children", []))


def test_chunks_and_blocks_follow_the_file_and_the_configuration(newer: InProcessClient, workspace: Workspace) -> None:
    expected = {"invoices": ("section", 1), "contracts": ("document", 1), "delivery_notes": ("page", 2)}
    for processor, (kind, number) in expected.items():
        run = extraction(newer, workspace.add_run(processor=processor, status="PROCESSED"))
        found = parse(newer, run["parseRunId"])
        config, chunks = found["config"], found["output"]["chunks"]
        asked = run["config"]["parseConfig"]
        assert config["engine"] == asked["engine"]
        assert config["target"] == asked.get("target", "markdown")
        assert [chunk["type"] for chunk in chunks] == [kind] * number
        assert [chunk["metadata"]["pageRange"]["end"] for chunk in chunks][-1] == 2
        line = workspace.file_payload(found["file"]["id"], raw_text=True)["contents"]["pages"][0]["rawText"]
        assert line.partition("\n")[2] in [block["content"] for block in chunks[0]["blocks"]]
        children = [block for block in walked(chunks[0]["blocks"]) if "parentBlockId" in block]
        assert bool(children) == config["blockOptions"]["tables"]["cellBlocksEnabled"] == (processor != "invoices")
        assert found["metrics"]["pageCount"] == 2


def test_cells_of_a_spreadsheet_have_references_and_no_page(newer: InProcessClient, workspace: Workspace) -> None:
    run = extraction(newer, workspace.add_run(processor="price_lists", status="PROCESSED"))
    chunks = parse(newer, run["parseRunId"])["output"]["chunks"]
    assert [block["content"] for chunk in chunks for block in chunk["blocks"] if block["type"] == "heading"] == [
        "Sheet 1",
        "Sheet 2",
    ]
    blocks = [block for chunk in chunks for block in walked(chunk["blocks"])]
    assert {block["metadata"]["sheet"]["index"] for block in blocks} == {0, 1}
    assert not any("page" in block["metadata"] for block in blocks)
    cells = [block["details"] for block in blocks if block["type"] == "table_cell"]
    assert [cell["cellReference"] for cell in cells[:3]] == ["A3", "B3", "A4"]


def test_words_and_lines_come_only_where_the_configuration_asks_for_them(
    newer: InProcessClient, workspace: Workspace
) -> None:
    with_words = 0
    for parse_id in ids(newer, "parse_runs", status="PROCESSED", maxPageSize=1000):
        found = parse(newer, parse_id)
        asked = found["config"]["advancedOptions"]["returnOcr"]
        assert ("ocr" in found["output"]) == any(asked.values())
        assert asked["words"] == asked["lines"]
        if asked["words"]:
            blocks = {block["id"]: block["content"] for chunk in found["output"]["chunks"] for block in chunk["blocks"]}
            ocr = found["output"]["ocr"]
            assert all(word["content"] in blocks[word["blockId"]] for word in ocr["words"])
            assert len(ocr["words"]) > len(ocr["lines"]) > 1
            with_words += 1
    assert 1 < with_words < 20


def linked(client: InProcessClient, parse_id: str) -> str:
    found = parse(client, parse_id, responseType="url")
    assert found["output"] is None
    return str(found["outputUrl"])


def test_a_signed_link_needs_no_key_and_is_not_counted(connect: Connect) -> None:
    time = [1000.0]
    client = connect(rate_limit=RateLimit(3, algorithm="token_bucket"), clock=lambda: time[0])
    client.headers["x-extend-api-version"] = "2026-02-09"
    parse_id = ids(client, "parse_runs", status="PROCESSED", maxPageSize=1000)[0]
    link = linked(client, parse_id)
    del client.headers["authorization"]
    del client.headers["x-extend-api-version"]
    answers = [client.get(link) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200] * 5
    client.headers.update({"Authorization": "Bearer sk_sandbox", "x-extend-api-version": "2026-02-09"})
    time[0] += 1
    output = parse(client, parse_id)["output"]
    assert [chunk["content"] for chunk in answers[0].json()["chunks"]] == [c["content"] for c in output["chunks"]]
    assert answers[0].json().keys() == output.keys()
    log = client.organization.requests
    assert log.counts == {"list_parse_runs": 1, "get_parse_run": 2, "download": 5}
    assert PRESIGNED_URL_CANARY in link
    assert not any(entry.query for entry in log.of("download"))
    assert log.busiest_second() <= 3


def test_a_signed_link_expires_and_takes_no_key(connect: Connect, workspace: Workspace) -> None:
    time = [1000.0]
    client = connect(clock=lambda: time[0])
    client.headers["x-extend-api-version"] = "2026-02-09"
    first, second = ids(client, "parse_runs", status="PROCESSED")[:2]
    link = linked(client, first)
    assert client.get(link).status_code == 400  # with the key, which storage services refuse
    del client.headers["authorization"]
    assert client.get(link.replace(first, second)).status_code == 403
    assert client.get(link[:-4]).status_code == 403
    assert client.get(link.replace("ws_sandbox", "ws_none")).status_code == 403
    time[0] += 900
    assert client.get(link).status_code == 200
    time[0] += 1
    assert client.get(link).status_code == 403
    time[0] -= 1
    workspace.delete_file(new_id(first, "file_"))
    assert client.get(link).status_code == 404


def test_a_download_may_go_wrong_like_any_other_answer(newer: InProcessClient) -> None:
    link = linked(newer, ids(newer, "parse_runs", status="PROCESSED", maxPageSize=1000)[0])
    newer.organization.instead = lambda entry: OddAnswer(503, b"busy") if entry.route == "download" else None
    assert (newer.get(link).status_code, newer.get(link).text) == (503, "busy")
    assert newer.get("/parse_runs").status_code == 200


def test_only_two_response_types_are_known(newer: InProcessClient) -> None:
    parse_id = ids(newer, "parse_runs")[0]
    assert parse(newer, parse_id, responseType="json")["outputUrl"] is None
    assert newer.get(f"/parse_runs/{parse_id}?responseType=inline").status_code == 400


def test_older_runs_tell_less_about_their_credits(newer: InProcessClient, workspace: Workspace) -> None:
    run_id = workspace.add_run(status="PROCESSED")
    workspace.advance(1)
    workspace.charges_since = workspace.now
    usage = extraction(newer, run_id)["usage"]
    assert [line.keys() for line in usage["breakdown"]] == [{"object", "id", "credits"}] * 2
    workspace.totals_since = workspace.now
    assert extraction(newer, run_id)["usage"] == {"credits": 8}
    assert rows(newer, "extract_runs")[0]["usage"] == {"credits": 8}
