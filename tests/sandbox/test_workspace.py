"""The state: ageing runs, edits, deletions, and objects served exactly as given."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime, timedelta, timezone

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extend_source.sandbox import ConflictError, NotFoundError, Workspace
from extend_source.sandbox.queries import RunQuery
from tests.conftest import NOW

from .conftest import Connect


def status(workspace: Workspace, run_id: str) -> str:
    return str(workspace.summary(run_id)["status"])


def processed(workspace: Workspace, processor: str) -> str:
    """Return the first processed run of a processor that nobody has reviewed."""
    processor_id = workspace.processor(processor).id
    for run in workspace.runs.values():
        unreviewed = run.status == "PROCESSED" and not run.payload["reviewed"]
        if unreviewed and run.payload["processorId"] == processor_id:
            return run.id
    raise AssertionError(f"no processed run of {processor}")


def test_a_pending_run_becomes_processing_and_then_processed(workspace: Workspace) -> None:
    run_id = workspace.add_run()
    seen = []
    for _ in range(75):
        seen.append(status(workspace, run_id))
        workspace.advance(1)
    assert list(dict.fromkeys(seen)) == ["PENDING", "PROCESSING", "PROCESSED"]


def test_a_run_that_will_fail_says_why(workspace: Workspace) -> None:
    run_id = workspace.add_run(outcome="FAILED")
    workspace.advance(120)
    payload = workspace.run_payload(run_id)
    assert payload["status"] == "FAILED"
    assert payload["failureReason"] in payload["failureMessage"]
    assert payload["output"] == {}


def test_the_clock_decides_and_not_the_size_of_its_steps() -> None:
    one, many = Workspace(seed=9, runs=100), Workspace(seed=9, runs=100)
    one.advance(90)
    for _ in range(90):
        many.advance(1)
    assert [one.run_payload(id_) for id_ in one.run_ids()] == [many.run_payload(id_) for id_ in many.run_ids()]
    assert [one.summary(id_) for id_ in one.run_ids()] == [many.summary(id_) for id_ in many.run_ids()]


def test_all_runs_in_flight_come_to_an_end() -> None:
    workspace = Workspace(seed=7, runs=500)
    before = Counter(run.status for run in workspace.runs.values())
    assert before["PENDING"] + before["PROCESSING"] >= 10
    workspace.advance(120)
    after = Counter(run.status for run in workspace.runs.values())
    assert set(after) == {"PROCESSED", "FAILED", "CANCELLED"}


def test_the_update_time_is_the_moment_of_the_last_change(workspace: Workspace) -> None:
    run_id = workspace.add_run()
    assert workspace.summary(run_id)["updatedAt"] == "2026-02-02T09:00:00Z"
    workspace.advance(3600)
    ended = datetime.fromisoformat(workspace.summary(run_id)["updatedAt"].replace("Z", "+00:00"))
    assert timedelta(seconds=3) <= ended - NOW <= timedelta(seconds=72)


def test_time_does_not_run_backwards(workspace: Workspace) -> None:
    with pytest.raises(ValueError, match="cannot go back"):
        workspace.advance(-1)


def test_the_output_of_an_unfinished_run_is_as_chosen() -> None:
    for choice, expected in (("empty", {}), ("null", None), ("absent", "no key")):
        workspace = Workspace(runs=0, unfinished_output=choice)
        run_id = workspace.add_run()
        assert workspace.run_payload(run_id).get("output", "no key") == expected
        workspace.advance(120)
        assert set(workspace.run_payload(run_id)["output"]) == {"value", "metadata"}


def test_an_edit_switches_the_output_and_keeps_the_first_one(workspace: Workspace) -> None:
    run_id = processed(workspace, "invoices")
    before = workspace.run_payload(run_id)["output"]
    old_name = before["value"]["vendor"]["name"]
    workspace.edit_run(run_id, {"vendor.name": "Supplier 999"})
    after = workspace.run_payload(run_id)
    assert (after["reviewed"], after["edited"]) == (True, True)
    assert after["initialOutput"] == before
    assert after["output"] == after["reviewedOutput"]
    assert after["output"]["value"]["vendor"]["name"] == "Supplier 999"
    edit = after["edits"]["vendor.name"]
    assert (edit["originalValue"], edit["editedValue"]) == (old_name, "Supplier 999")


def test_a_second_edit_keeps_the_first_original_value(workspace: Workspace) -> None:
    run_id = processed(workspace, "invoices")
    original = workspace.run_payload(run_id)["output"]["value"]["vendor"]["name"]
    workspace.edit_run(run_id, {"vendor.name": "first"})
    workspace.edit_run(run_id, {"vendor.name": "second"})
    edit = workspace.run_payload(run_id)["edits"]["vendor.name"]
    assert (edit["originalValue"], edit["editedValue"]) == (original, "second")


def test_an_edit_moves_the_update_time_and_a_silent_one_does_not(workspace: Workspace) -> None:
    run_id = processed(workspace, "invoices")
    before = workspace.summary(run_id)
    workspace.advance(60)
    workspace.edit_run(run_id, {"vendor.name": "silent"}, touch_updated_at=False)
    assert workspace.summary(run_id) == before
    assert workspace.run_payload(run_id)["output"]["value"]["vendor"]["name"] == "silent"
    workspace.edit_run(run_id, {"vendor.name": "loud"})
    assert workspace.summary(run_id)["updatedAt"] == "2026-02-02T09:01:00Z"


def test_two_edits_at_one_instant_have_two_update_times(workspace: Workspace) -> None:
    run_id = workspace.add_run(status="PROCESSED", updated_at=workspace.now)
    times = [workspace.summary(run_id)["updatedAt"]]
    for _ in range(2):
        workspace.edit_run(run_id)
        times.append(workspace.summary(run_id)["updatedAt"])
    assert times == ["2026-02-02T09:00:00Z", "2026-02-02T09:00:00.001Z", "2026-02-02T09:00:00.002Z"]


def test_a_review_without_changes_is_reviewed_and_not_edited(workspace: Workspace) -> None:
    run_id = processed(workspace, "contracts")
    assert workspace.edit_run(run_id, {}) == {}
    payload = workspace.run_payload(run_id)
    assert (payload["reviewed"], payload["edited"], payload["edits"]) == (True, False, {})
    assert payload["initialOutput"] == payload["reviewedOutput"] == payload["output"]


def test_runs_of_every_type_can_be_corrected(workspace: Workspace) -> None:
    classified, split, claim = (processed(workspace, key) for key in ("classifier", "splitter", "claims"))
    workspace.edit_run(classified, {"type": "other"})
    workspace.edit_run(split, {"splits[0].identifier": "corrected"})
    workspace.edit_run(claim, {"Claim Number": "CL-1"})
    assert workspace.run_payload(classified)["output"]["id"] == "cls_other"
    assert workspace.run_payload(split)["output"]["splits"][0]["identifier"] == "corrected"
    assert workspace.run_payload(claim)["output"]["Claim Number"]["value"] == "CL-1"


@pytest.mark.parametrize("unfinished", ["PENDING", "PROCESSING", "FAILED", "CANCELLED"])
def test_only_a_processed_run_can_be_edited(workspace: Workspace, unfinished: str) -> None:
    with pytest.raises(ConflictError):
        workspace.edit_run(workspace.add_run(status=unfinished))


def test_a_path_that_does_not_exist_cannot_be_edited(workspace: Workspace) -> None:
    run_id = processed(workspace, "invoices")
    before = workspace.run_payload(run_id)["output"]
    with pytest.raises(KeyError, match=r"no\.such\.path"):
        workspace.edit_run(run_id, {"no.such.path": 1})
    assert workspace.run_payload(run_id)["output"] == before


def test_only_a_processing_run_can_be_cancelled(workspace: Workspace) -> None:
    run_id = workspace.add_run(status="PROCESSING")
    workspace.cancel_run(run_id)
    workspace.advance(600)
    assert status(workspace, run_id) == "CANCELLED"
    with pytest.raises(ConflictError, match="this one is CANCELLED"):
        workspace.cancel_run(run_id)


def test_a_deleted_run_is_gone_until_it_is_restored(connect: Connect, workspace: Workspace) -> None:
    client, run_id = connect(), workspace.run_ids()[3]
    before = workspace.summary(run_id)
    assert client.delete(f"/processor_runs/{run_id}").json()["documentProcessorRunId"] == run_id
    assert client.get(f"/processor_runs/{run_id}").status_code == 404
    assert client.delete(f"/processor_runs/{run_id}").status_code == 404
    assert run_id not in workspace.run_ids()
    workspace.restore_run(run_id)
    assert workspace.summary(run_id) == before
    assert client.get(f"/processor_runs/{run_id}").status_code == 200


def test_a_run_that_was_never_deleted_cannot_be_restored(workspace: Workspace) -> None:
    with pytest.raises(NotFoundError):
        workspace.restore_run(workspace.run_ids()[0])


def test_a_deleted_file_is_gone_and_no_longer_embedded(connect: Connect, workspace: Workspace) -> None:
    client, run_id = connect(), workspace.run_ids()[0]
    file_id = workspace.run_payload(run_id)["files"][0]["id"]
    assert client.delete(f"/files/{file_id}").json()["fileId"] == file_id
    assert client.get(f"/files/{file_id}").status_code == 404
    assert workspace.run_payload(run_id)["files"] == []


def test_a_late_run_is_neither_listed_nor_found_before_its_time(workspace: Workspace) -> None:
    created = workspace.now
    run_id = workspace.add_run(status="PROCESSED", visible_at=created + timedelta(seconds=30))
    assert run_id not in workspace.run_ids()
    with pytest.raises(NotFoundError):
        workspace.run_payload(run_id)
    workspace.advance(30)
    assert run_id in workspace.run_ids()
    assert workspace.summary(run_id)["updatedAt"] == "2026-02-02T09:00:00Z"


def test_a_rename_shows_on_past_runs_only_if_asked(workspace: Workspace) -> None:
    run_id = processed(workspace, "invoices")
    before = workspace.summary(run_id)
    workspace.set_processor_name("invoices", "Bills", rename_past_runs=False)
    assert workspace.summary(run_id) == before
    assert workspace.run_payload(workspace.add_run())["processorName"] == "Bills"
    workspace.set_processor_name("invoices", "Invoices 2")
    assert workspace.summary(run_id) == {**before, "processorName": "Invoices 2"}
    assert workspace.run_payload(run_id)["processorName"] == "Invoices 2"


def test_a_published_version_is_used_by_the_runs_that_follow(workspace: Workspace) -> None:
    before = workspace.add_run(status="PROCESSED")
    schema = {"type": "object", "properties": {"extra": {"type": ["string", "null"]}}, "required": ["extra"]}
    version_id = workspace.publish_version("invoices", {"type": "EXTRACT", "schema": schema})
    payload = workspace.run_payload(workspace.add_run(status="PROCESSED"))
    assert payload["processorVersionId"] == version_id != workspace.run_payload(before)["processorVersionId"]
    assert list(payload["output"]["value"]) == ["extra"]
    assert payload["usage"] == {"credits": 6}


def test_a_version_of_another_type_is_refused(workspace: Workspace) -> None:
    with pytest.raises(ValueError, match="of type EXTRACT"):
        workspace.publish_version("invoices", {"type": "CLASSIFY", "classifications": []})


def test_a_given_run_is_served_byte_for_byte(connect: Connect, workspace: Workspace) -> None:
    raw = (
        b'{ "id":"dpr_raw", "status" : "PROCESSED", "huge": 123456789012345678901234567890, "e":1.50e1,"a":"\\u00e9" }'
    )
    moment = datetime(2026, 1, 5, 12, 30, tzinfo=timezone.utc)
    assert workspace.put_run(raw, created_at=moment) == "dpr_raw"
    assert connect().get("/processor_runs/dpr_raw").content == b'{"success":true,"processorRun":' + raw + b"}"
    assert workspace.summary("dpr_raw") == {
        "id": "dpr_raw",
        "status": "PROCESSED",
        "createdAt": "2026-01-05T12:30:00Z",
        "updatedAt": "2026-01-05T12:30:00Z",
    }


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
PLAIN = Workspace(runs=0)


KEYS = st.text() | st.sampled_from(["files", "usage", "status", "metadata"])


@settings(deadline=None)  # a busy machine is no failure
@given(st.dictionaries(KEYS, JSON_VALUES, max_size=5))
def test_any_json_object_can_be_served_as_a_run(payload: dict[str, object]) -> None:
    given_run = {**payload, "id": "dpr_any"}
    PLAIN.put_run(given_run)
    assert PLAIN.run_payload("dpr_any") == given_run
    assert PLAIN.credit_account().runs_without_usage <= 1
    assert [run.id for run in PLAIN.list_runs(RunQuery(file_name_contains=""), "updatedAt", "asc")] in (
        [],
        ["dpr_any"],
    )


def test_a_given_file_is_served_as_it_is(connect: Connect, workspace: Workspace) -> None:
    file = {"object": "file", "id": "file_given", "name": "x", "metadata": {}, "contents": {"rawText": None}}
    workspace.put_file(file)
    assert connect().get("/files/file_given?markdown=true").json() == {"success": True, "file": file}


def test_runs_on_one_file_embed_the_same_file_and_the_same_credits() -> None:
    workspace = Workspace(seed=7, runs=300)
    uses = Counter(file_id for run in workspace.runs.values() for file_id in run.file_ids)
    shared = next(file_id for file_id, times in uses.most_common() if "usage" in workspace.files[file_id].payload)
    assert uses[shared] >= 2
    embedded = []
    for run in workspace.runs.values():
        if shared in run.file_ids:
            file = workspace.run_payload(run.id)["files"][0]
            embedded.append({key: value for key, value in file.items() if key != "presignedUrl"})
    assert embedded == [embedded[0]] * uses[shared]


def test_a_signed_link_is_new_in_every_answer(workspace: Workspace) -> None:
    run_id = workspace.run_ids()[0]
    links = {workspace.run_payload(run_id)["files"][0]["presignedUrl"] for _ in range(3)}
    assert len(links) == 3
    assert all("X-Amz-Signature=sandbox-presigned-canary-" in link for link in links)


def test_contents_are_embedded_only_on_request() -> None:
    for embed in (False, True):
        workspace = Workspace(seed=7, runs=20, embed_contents=embed)
        files = [file for run_id in workspace.run_ids() for file in workspace.run_payload(run_id)["files"]]
        assert {"contents" in file for file in files} == {embed}


def test_a_file_has_the_contents_its_flags_ask_for(connect: Connect) -> None:
    workspace = Workspace(seed=7, runs=150)
    by_type = {file.payload.get("type"): file.id for file in workspace.files.values()}

    def keys(file_type: str, **flags: bool) -> tuple[list[str], list[str]]:
        contents = workspace.file_payload(by_type[file_type], **flags).get("contents", {})
        parts = contents.get("pages") or contents.get("sheets") or [{}]
        return sorted(contents), sorted(parts[0])

    assert keys("PDF") == ([], [])
    assert keys("PDF", raw_text=True) == (
        ["pages", "rawText"],
        ["pageHeight", "pageNumber", "pageWidth", "rawText"],
    )
    assert keys("PDF", markdown=True)[0] == ["markdown", "pages"]
    assert keys("DOCX", html=True) == (["pages"], ["html", "pageNumber"])
    assert keys("EXCEL", raw_text=True) == (["rawText", "sheets"], ["rawText", "sheetName"])
    assert keys("TXT", raw_text=True) == (["rawText"], [])


def test_the_text_of_a_body_is_plain_json(workspace: Workspace) -> None:
    for run_id in workspace.run_ids():
        assert json.loads(workspace.run_body(run_id))["id"] == run_id


def test_a_run_can_be_changed_while_it_is_served(server) -> None:
    run_id = server.workspace.add_run()
    url = f"{server.base_url}/processor_runs/{run_id}"
    headers = {"Authorization": "Bearer sk_sandbox", "x-extend-api-version": "2025-04-21"}
    seen = []
    for _ in range(2):
        seen.append(httpx.get(url, headers=headers).json()["processorRun"]["status"])
        server.workspace.advance(120)
    assert seen == ["PENDING", "PROCESSED"]
