"""Parse runs in full and in summary."""

from __future__ import annotations

from extend_source.sandbox.clock import rfc3339
from extend_source.sandbox.generation_2026.files import file_summary
from extend_source.sandbox.generation_2026.parsed_text import parse_output
from extend_source.sandbox.generation_2026.parses import Parse
from extend_source.sandbox.generation_2026.usage import parse_usage
from extend_source.sandbox.records import GivenParseRun, Json
from extend_source.sandbox.seeding import rng_for
from extend_source.sandbox.workspace import Workspace

_MESSAGES = {"OCR_ERROR": "No text could be read.", "CORRUPT_FILE": "The file is damaged."}


def parse_summary(workspace: Workspace, parse: Parse) -> Json:
    """Return a parse run as the listing shows it."""
    return {
        **_shared(parse),
        "usage": parse_usage(workspace, parse, full=False),
        "createdAt": parse.created_at,
        "updatedAt": parse.updated_at,
    }


def given_summary(parse_run: GivenParseRun) -> Json:
    """Return a parse run that was put there as the listing shows it."""
    payload, usage = parse_run.payload, parse_run.payload.get("usage")
    shown = {key: value for key, value in payload.items() if key not in ("output", "outputUrl", "config")}
    if isinstance(usage, dict):
        shown["usage"] = {key: value for key, value in usage.items() if key != "breakdown"}
    return {**shown, "createdAt": rfc3339(parse_run.created_at), "updatedAt": rfc3339(parse_run.updated_at)}


def full_parse(workspace: Workspace, parse: Parse, output_url: str | None = None) -> Json:
    """Return a parse run in full, which has no times.

    Args:
        workspace: Where the parse run is.
        parse: The parse run.
        output_url: Where its output is, to be named in place of the output itself.
    """
    processed = parse.status == "PROCESSED"
    return {
        **_shared(parse),
        "output": parse_output(parse) if processed and output_url is None else None,
        "outputUrl": output_url if processed else None,
        "config": parse.config,
        "usage": parse_usage(workspace, parse, full=True),
    }


def _shared(parse: Parse) -> Json:
    failed = parse.failure_reason
    return {
        "object": "parse_run",
        "id": parse.id,
        "batchId": None,
        "file": file_summary(parse.file.payload),
        "status": parse.status,
        "failureReason": failed,
        "failureMessage": _MESSAGES[failed] if failed else None,
        "metadata": None,
        "metrics": _metrics(parse) if parse.status == "PROCESSED" else None,
    }


def _metrics(parse: Parse) -> Json:
    milliseconds = rng_for("parse time", parse.file.id).randrange(4_000, 90_000) / 10
    return {"processingTimeMs": milliseconds, "pageCount": parse.file.pages}
