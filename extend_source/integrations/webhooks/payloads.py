"""What the body of an event says: which event, about what, and which runs to load (both SDKs, webhook_event).

Nothing of the payload is kept. It may be stale, of another version of the API, or a link: what it is about is fetched.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec

from extend_source.ingest.webhook_events import WebhookEvent

_LINK = "signed_data_url"
"""The object of a payload that is a link in the place of the object: it has the object's id, and is not followed."""

_RUNS = {
    "processor_run": "processor_run",
    "extract_run": "processor_run",
    "classify_run": "processor_run",
    "split_run": "processor_run",
    "parse_run": "parse_run",
    "parser_run": "parse_run",
    "edit_run": "edit_run",
    "form_detection_run": "form_detection_run",
    "batch_processor_run": "batch_run",
    "batch_parse_run": "batch_run",
}
"""What the runs land as that events of a type are about, by the first word of the type."""

_WORKFLOW_RUN = "workflow_run"
_LANDS_AS = {
    **_RUNS,
    "workflow": "workflow",
    "processor": "processor",
    "extractor": "processor",
    "classifier": "processor",
    "splitter": "processor",
}
"""The same of all objects; of those that are no runs the next sync by listing loads what has changed."""

_OF_A_STEP, _OF_A_VERSION = ".step_run.", ".version."

_STEP_RESULTS = ("extractRun", "classifyRun", "splitRun", "parseRun")
"""The members of a workflow step's result that hold a run in full (API 2026-02-09)."""

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,254}")
_TYPE = re.compile(r"[a-z][a-z0-9_.]{0,99}")


class UnreadableEventError(ValueError):
    """A body that is no event, although it was signed."""


def read_event(body: bytes, received_at: datetime) -> WebhookEvent:
    """Read an event.

    Args:
        body: the body, whose signature is right.
        received_at: when it arrived, UTC.

    Returns:
        The event; without an object's id where its payload names none that could be one.

    Raises:
        UnreadableEventError: it has no ``eventId`` or ``eventType``, or is no JSON.
    """
    try:
        told = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise UnreadableEventError("the body is no JSON") from None
    if not isinstance(told, dict):
        raise UnreadableEventError("the body is no JSON object")
    event_id, event_type = _id_of(told, "eventId"), told.get("eventType")
    if event_id is None:
        raise UnreadableEventError("it has no eventId")
    if not isinstance(event_type, str) or not _TYPE.fullmatch(event_type):
        raise UnreadableEventError("it has no eventType")
    payload = told.get("payload")
    payload = payload if isinstance(payload, dict) else {}
    kind, object_id = payload.get("object"), _id_of(payload, "id")
    is_known = isinstance(kind, str) and _TYPE.fullmatch(kind) and kind != _LINK
    resource_type = _lands_as(event_type, kind) if object_id is not None else None
    run_ids = dict.fromkeys(_runs_named(event_type, resource_type, object_id, payload))
    return WebhookEvent(
        event_id, event_type, str(kind) if is_known else None, object_id, resource_type, tuple(run_ids), received_at
    )


def _lands_as(event_type: str, kind: object) -> str | None:
    """Say what the object lands as that an event is about."""
    about = event_type.partition(".")[0]
    if about == _WORKFLOW_RUN:
        # an event of a step is about the step's run (API 2026-02-09), or about the workflow run (API 2025-04-21)
        return _WORKFLOW_RUN if _OF_A_STEP not in event_type or kind == _WORKFLOW_RUN else None
    lands_as = _LANDS_AS.get(about)
    return "processor_version" if lands_as == "processor" and _OF_A_VERSION in event_type else lands_as


def _runs_named(
    event_type: str, resource_type: str | None, object_id: str | None, payload: dict[str, Any]
) -> Iterator[str]:
    """Yield the runs, parse runs and workflow runs to load.

    A workflow run brings its runs along, so that they are asked for only where it could not be had.
    """
    about = event_type.partition(".")[0]
    if about in _RUNS and object_id is not None:
        yield object_id
    elif about == _WORKFLOW_RUN:
        if resource_type == _WORKFLOW_RUN and object_id is not None and _OF_A_STEP not in event_type:
            yield object_id  # it brings its runs whole; after a step it has not ended
        yield from _children(payload)


def _children(payload: dict[str, Any]) -> Iterator[str]:
    """Yield the runs in a workflow run, or in the run of one of its steps; never what a customer's own JSON names."""
    for run in _objects(payload.get("outputs")):  # API 2025-04-21
        yield from _ids_of(run)
    for step in (payload, *_objects(payload.get("stepRuns"))):
        result = step.get("result")
        if isinstance(result, dict):
            for member in _STEP_RESULTS:
                yield from _ids_of(result.get(member))


def _objects(value: Any) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _ids_of(run: Any) -> Iterator[str]:
    if isinstance(run, dict) and (run_id := _id_of(run, "id")) is not None:
        yield run_id


def _id_of(value: dict[str, Any], key: str) -> str | None:
    found = value.get(key)
    return found if isinstance(found, str) and _ID.fullmatch(found) else None
