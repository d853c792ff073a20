"""What is known of any payload: where it came from, and its sum."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from extend_source.tables.links import DOCUMENT_KEYS
from extend_source.text.json_codec import encode_json
from extend_source.text.redaction import without_download_link


@dataclass(frozen=True)
class Origin:
    """Where a payload came from.

    Attributes:
        api_version: the API version it was fetched with.
        workspace_id: the workspace named in the settings, or None.
        fetched_at: when it was fetched, UTC.
        created_at: when the run was created, UTC; only the listing says so, so None for a run fetched by id alone.
        updated_at: when the run changed last, UTC; from the listing, too.
        loaded_tables: the tables that the load writes, as `selection_text` names them.
        payload_sha256: the payload's sum where it is known; None: it is worked out.
    """

    api_version: str
    workspace_id: str | None
    fetched_at: datetime
    created_at: datetime | None = None
    updated_at: datetime | None = None
    loaded_tables: str | None = None
    payload_sha256: str | None = None


def payload_sha256(run: dict[str, Any]) -> str:
    """Return the SHA-256 of a run's canonical JSON, in which the sums of its outputs and edits stand for them.

    Signed URLs, which are new in every answer, are left out, so that equal runs have equal sums.

    Args:
        run: the API's ProcessorRun object.

    Returns:
        The sum in lower-case hexadecimal.
    """
    files = run.get("files")
    if isinstance(files, list):
        run = {**run, "files": [without_download_link(file) for file in files]}
    sums: dict[int, str] = {}
    for key in DOCUMENT_KEYS.intersection(run):
        part = run[key]
        if isinstance(part, dict) and part:
            # the outputs of a run are mostly one object, whose sum stands for it
            if id(part) not in sums:
                sums[id(part)] = _sha256(part)
            run = {**run, key: sums[id(part)]}
    return _sha256(run)


def _sha256(value: Any) -> str:
    return hashlib.sha256(encode_json(value, sort_keys=True).encode()).hexdigest()
