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
    "workflow_run": "workflow_run",
}
"""What the runs land as that events of a type are about, by the first word of the type."""

_STEP_EVENTS = "workflow_run.step_run."
"""How the types of events begin that are about a step: its run lands with the workflow run, and not by its id."""

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
    about = event_type.partition(".")[0]
    # API 2025-04-21 sends the whole workflow run with these (SDK 0.2.0, webhook_event)
    is_of_step = event_type.startswith(_STEP_EVENTS) and kind != "workflow_run"
    resource_type = None if is_of_step or object_id is None else _RUNS.get(about)
    named = (object_id,) if resource_type is not None and object_id is not None else ()
    run_ids = dict.fromkeys((*named, *_children(about, payload)))
    return WebhookEvent(
        event_id, event_type, str(kind) if is_known else None, object_id, resource_type, tuple(run_ids), received_at
    )


def _children(about: str, payload: dict[str, Any]) -> Iterator[str]:
    """Yield the runs in a workflow run, or in the run of one of its steps; never what a customer's own JSON names.

    A workflow run brings its runs along, so that they are asked for only where it could not be had.
    """
    if about != "workflow_run":
        return
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
