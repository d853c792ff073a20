"""Runs that fill forms, their templates, and runs that find the fields of forms."""

from __future__ import annotations

from collections.abc import Iterator

from extend_source.sandbox.clock import rfc3339
from extend_source.sandbox.generation_2026.files import file_summary
from extend_source.sandbox.generation_2026.kept_objects import (
    Collection,
    by_file_name,
    by_name,
    by_source,
    equals,
    moments,
    sample_files,
    timed,
)
from extend_source.sandbox.records import Json, KeptObject
from extend_source.sandbox.rendering import file_link
from extend_source.sandbox.seeding import make_id, rng_for
from extend_source.sandbox.workspace import Workspace

STATUSES = ("PROCESSING", "PROCESSED", "FAILED")
SOURCES = ("API", "STUDIO", "ADMIN")

_ENDED_AS = ("PROCESSED", "PROCESSED", "FAILED", "PROCESSED", "PROCESSING")
_SAMPLES = 7
_SCHEMA: Json = {
    "type": "object",
    "properties": {
        "full_name": {
            "type": "string",
            "description": "The applicant's name.",
            "extend_edit:field_type": "text",
            "extend_edit:page_index": 0,
        },
        "is_resident": {"type": "boolean", "extend_edit:field_type": "checkbox", "extend_edit:page_index": 0},
    },
    "required": ["full_name"],
}
_OPTIONS: Json = {"tableParsingEnabled": True, "radioEnumsEnabled": False, "nativeFieldsOnly": False}
_SPENT: Json = {"processingTimeMs": 4210.5, "pageCount": 2, "fieldCount": 2}
_COUNTED: Json = {"fieldsDetectedCount": 2, "fieldsAnnotatedCount": 2}
_FOUND_IN: Json = {"fieldDetectionTimeMs": 1200.0, "fieldAnnotationTimeMs": 800.25}


def _edit_runs(workspace: Workspace) -> Iterator[KeptObject]:
    for number, file in enumerate(sample_files(workspace, _SAMPLES)):
        created, updated = moments(workspace, number)
        payload = _run(workspace, "edit_run", "edr", number, file)
        done = payload["status"] == "PROCESSED"
        edited_id = make_id("file", rng_for(workspace.seed, "edited file", number))
        edited = {"id": edited_id, "presignedUrl": file_link(edited_id, f"filled-{number}.pdf")}
        payload["config"] = {
            "schema": _SCHEMA,
            "instructions": "Write dates in full.",
            "advancedOptions": {**_OPTIONS, "flattenPdf": True},
        }
        values = {"full_name": f"Sandbox Person {number}", "is_resident": number % 2 == 0}
        payload["output"] = {"editedFile": edited, "filledValues": values} if done else None
        payload["metrics"] = {**_SPENT, **_COUNTED, **_FOUND_IN, "fieldFillingTimeMs": 640.0} if done else None
        yield KeptObject(payload, created, updated, source=SOURCES[number % len(SOURCES)])


def _form_detection_runs(workspace: Workspace) -> Iterator[KeptObject]:
    for number, file in enumerate(sample_files(workspace, 3)):
        created, updated = moments(workspace, number)
        payload = _run(workspace, "form_detection_run", "sgr", number, file)
        done = payload["status"] == "PROCESSED"
        payload["config"] = {"inputSchema": _SCHEMA, "advancedOptions": _OPTIONS}
        mapping = {
            "matches": [{"inputPath": "full_name", "formFieldKey": "full_name"}],
            "unmatchedInputPaths": ["is_resident"],
            "unusedFormFieldKeys": [],
        }
        output = {"schema": _SCHEMA, "annotatedSchema": _SCHEMA, "mappingResult": mapping}
        payload["output"] = output if done else None
        payload["metrics"] = {**_SPENT, **_COUNTED, **_FOUND_IN} if done else None
        yield KeptObject(payload, created, updated)


def _run(workspace: Workspace, kind: str, prefix: str, number: int, file: Json) -> Json:
    """What runs of both kinds have; the order of keys is no promise."""
    status = _ENDED_AS[number % len(_ENDED_AS)]
    run_id = make_id(prefix, rng_for(workspace.seed, kind, number))
    line = {"object": kind, "id": run_id, "credits": 2}
    return {
        "object": kind,
        "id": run_id,
        "file": file_summary(file),
        "status": status,
        "failureReason": "INTERNAL_ERROR" if status == "FAILED" else None,
        "failureMessage": "The form could not be read." if status == "FAILED" else None,
        "usage": {"credits": 2, "totalCredits": 2, "breakdown": [line]} if status == "PROCESSED" else None,
    }


def _edit_templates(workspace: Workspace) -> Iterator[KeptObject]:
    for number, file in enumerate(sample_files(workspace, 2)):
        created, updated = moments(workspace, 20 + number)
        payload = {
            "object": "edit_template",
            "id": make_id("edt", rng_for(workspace.seed, "edit template", number)),
            "name": f"Application form {number + 1}",
            "description": "As sent to new suppliers." if number == 0 else "",
            "file": file_summary(file),
            "config": {"schema": _SCHEMA, "advancedOptions": _OPTIONS},
            "schemaConfig": {"instructions": "Leave signatures out.", "advancedOptions": _OPTIONS},
            "createdAt": rfc3339(created),
            "updatedAt": rfc3339(updated),
        }
        yield KeptObject(payload, created, updated)


def _run_summary(kept: KeptObject) -> Json:
    left = {key: value for key, value in kept.payload.items() if key not in ("config", "output")}
    if left.get("usage"):
        left["usage"] = {key: value for key, value in left["usage"].items() if key != "breakdown"}
    return timed(left, kept)


def _template_summary(kept: KeptObject) -> Json:
    return {key: value for key, value in kept.payload.items() if key not in ("config", "schemaConfig")}


EDIT_RUNS = Collection(
    "edit_runs",
    "edit_run",
    _edit_runs,
    filters={"status": equals("status"), "source": by_source, "fileNameContains": by_file_name},
    choices={"status": STATUSES, "source": SOURCES},
    summary=_run_summary,
)
EDIT_TEMPLATES = Collection(
    "edit_templates", "edit_template", _edit_templates, filters={"nameContains": by_name}, summary=_template_summary
)
FORM_DETECTION_RUNS = Collection("form_detection_runs", "form_detection_run", _form_detection_runs, is_listed=False)
