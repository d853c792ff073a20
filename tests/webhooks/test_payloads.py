"""What is read of an event: its id, its type, what it is about, and the runs to load; in both versions of the API."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any

import pytest

from extend_source.integrations.webhooks.payloads import UnreadableEventError, read_event

NOON = datetime(2026, 2, 2, 12, tzinfo=timezone.utc)


def read(event_type: str, payload: Any, **others: Any) -> tuple[str | None, str | None, str | None, tuple[str, ...]]:
    """Read an event; return what it is about, and the runs."""
    body = json.dumps({"eventId": "evt_1", "eventType": event_type, "payload": payload, **others}).encode()
    event = read_event(body, NOON)
    assert (event.event_id, event.event_type, event.received_at) == ("evt_1", event_type, NOON)
    return event.object, event.object_id, event.resource_type, event.run_ids


@pytest.mark.parametrize(
    ("event_type", "object_name", "run_id", "resource_type"),
    [
        ("processor_run.processed", "document_processor_run", "dpr_1", "processor_run"),
        ("processor_run.failed", "document_processor_run", "dpr_1", "processor_run"),
        ("parser_run.processed", "parser_run_status", "parser_run_1", "parse_run"),
        ("extract_run.processed", "extract_run", "exr_1", "processor_run"),
        ("classify_run.failed", "classify_run", "clr_1", "processor_run"),
        ("split_run.processed", "split_run", "splr_1", "processor_run"),
        ("parse_run.processed", "parse_run_status", "pr_1", "parse_run"),
        ("edit_run.processed", "edit_run", "edr_1", "edit_run"),
        ("form_detection_run.failed", "form_detection_run", "sgr_1", "form_detection_run"),
    ],
)
def test_an_event_about_a_run_names_that(event_type: str, object_name: str, run_id: str, resource_type: str):
    payload = {"object": object_name, "id": run_id, "output": {"value": {"id": "dpr_of_the_document"}}}
    assert read(event_type, payload) == (object_name, run_id, resource_type, (run_id,))


def test_a_payload_by_link_is_known_by_its_id_alone():
    link = "https://bucket.example/payload?X-Amz-Signature=secret"
    payload = {"object": "signed_data_url", "data": link, "id": "exr_1", "metadata": {"a": "b"}}
    assert read("extract_run.processed", payload) == (None, "exr_1", "processor_run", ("exr_1",))
    del payload["id"]
    assert read("extract_run.processed", payload) == (None, None, None, ())


def test_a_workflow_run_of_2025_names_itself_and_the_runs_that_it_has_in_full():
    outputs = [{"object": "document_processor_run", "id": "dpr_2"}, {"id": "dpr_1"}, {"id": "dpr_2"}]
    steps = [{"id": "s_1", "output": {"extractRun": {"id": "dpr_of_the_customers_json"}}}]
    payload = {"object": "workflow_run", "id": "workflow_run_1", "outputs": outputs, "stepRuns": steps}
    about = ("workflow_run", "workflow_run_1", "workflow_run")
    assert read("workflow_run.completed", payload) == (*about, ("workflow_run_1", "dpr_2", "dpr_1"))
    # it has not ended
    assert read("workflow_run.step_run.processed", payload) == (*about, ("dpr_2", "dpr_1"))


def test_a_workflow_run_of_2026_names_itself_and_the_runs_of_its_steps():
    steps = [
        {"stepType": "PARSE", "result": {"parseRun": {"id": "pr_1"}}},
        {"stepType": "EXTRACT", "result": {"extractRun": {"id": "exr_1"}}},
        {"stepType": "CLASSIFY", "result": {"classifyRun": {"id": "clr_1"}}},
        {"stepType": "SPLIT", "result": {"splitRun": {"id": "splr_1"}}},
        {"stepType": "ROUTER", "result": None},
        {"stepType": "EXTERNAL_DATA_VALIDATION", "result": {"response": {"data": {"extractRun": {"id": "exr_9"}}}}},
    ]
    payload = {"object": "workflow_run", "id": "workflow_run_1", "stepRuns": steps}
    runs = ("workflow_run_1", "pr_1", "exr_1", "clr_1", "splr_1")
    for event_type in ("workflow_run.completed", "workflow_run.needs_review", "workflow_run.cancelled"):
        assert read(event_type, payload) == ("workflow_run", "workflow_run_1", "workflow_run", runs)
    link = {"object": "signed_data_url", "data": "https://bucket.example/a", "id": "workflow_run_1"}
    assert read("workflow_run.completed", link) == (None, "workflow_run_1", "workflow_run", ("workflow_run_1",))
    step = {**link, "id": "wsr_1"}
    assert read("workflow_run.step_run.processed", step) == (None, "wsr_1", None, ())


def test_the_run_of_a_step_names_its_child():
    payload = {"object": "workflow_step_run", "id": "wsr_1", "result": {"extractRun": {"id": "exr_1"}}}
    assert read("workflow_run.step_run.processed", payload) == ("workflow_step_run", "wsr_1", None, ("exr_1",))


@pytest.mark.parametrize(
    ("event_type", "batch_id"),
    [
        ("batch_processor_run.processed", "bpr_1"),
        ("batch_processor_run.failed", "bpr_2"),
        ("batch_parse_run.failed", "bpar_1"),
    ],
)
def test_an_event_of_a_batch_names_the_batch(event_type: str, batch_id: str):
    payload = {"object": "batch_run", "id": batch_id, "status": "PROCESSED", "runCount": 3}
    assert read(event_type, payload) == ("batch_run", batch_id, "batch_run", (batch_id,))


@pytest.mark.parametrize(
    ("event_type", "payload", "resource_type"),
    [
        ("extractor.draft.updated", {"object": "extractor", "id": "ex_1"}, "processor"),
        ("extractor.version.published", {"object": "extractor_version", "id": "exv_1"}, "processor_version"),
        ("processor.deleted", {"object": "document_processor", "id": "dp_1"}, "processor"),
        ("workflow.deployed", {"object": "workflow", "id": "workflow_1"}, "workflow"),
        ("something.of.tomorrow", {"object": "something", "id": "so_1"}, None),
    ],
)
def test_what_has_no_runs_to_load_is_an_event_all_the_same(
    event_type: str, payload: dict[str, Any], resource_type: str | None
):
    assert read(event_type, payload) == (payload["object"], payload["id"], resource_type, ())


@pytest.mark.parametrize("payload", [None, [], "text", {}, {"id": 7}, {"id": ""}, {"id": "../files"}, {"id": "-x"}])
@pytest.mark.parametrize("event_type", ["extract_run.processed", "workflow_run.completed"])
def test_a_payload_without_an_id_that_could_be_one_names_nothing(event_type: str, payload: Any):
    assert read(event_type, payload) == (None, None, None, ())


@pytest.mark.parametrize("odd", [None, 7, "text", {"a": 1}, [None, 7, "text", {"id": None}, {"id": "a b"}, {}]])
def test_odd_members_of_a_workflow_run_name_nothing(odd: Any):
    payload = {"id": "workflow_run_1", "outputs": odd, "stepRuns": odd, "result": odd}
    assert read("workflow_run.completed", payload)[3] == ("workflow_run_1",)
    assert read("workflow_run.completed", {"stepRuns": [{"result": {"extractRun": odd}}]})[3] == ()


def test_the_name_of_an_object_that_is_no_name_is_left_out():
    assert read("something.of.tomorrow", {"object": "a\x1b[31m", "id": "so_1"}) == (None, "so_1", None, ())


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"[]",
        b"[" * 100_000,
        b'"text"',
        b"\xff\xfe",
        b"{}",
        b'{"eventId": "evt_1"}',
        b'{"eventId": "", "eventType": "a.b"}',
        b'{"eventId": 7, "eventType": "a.b"}',
        b'{"eventId": "evt_1", "eventType": "A B"}',
        b'{"eventId": "evt_1", "eventType": ""}',
        b'{"eventId": "evt 1", "eventType": "a.b"}',
        b'{"eventId": "' + b"e" * 256 + b'", "eventType": "a.b"}',
    ],
)
def test_what_is_no_event_is_refused(body: bytes):
    with pytest.raises(UnreadableEventError) as refused:
        read_event(body, NOON)
    assert len(str(refused.value)) < 40, "nothing of the body is told"
