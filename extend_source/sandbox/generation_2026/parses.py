"""Parse runs: 2025-04-21 knows them only as credits on a file, here each parsed file has one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from extend_source.sandbox.clock import USAGE_SINCE, rfc3339
from extend_source.sandbox.credits import credits_of
from extend_source.sandbox.generation_2026.configs import complete_parse_config
from extend_source.sandbox.generation_2026.kinds import KIND_OF, run_id, with_prefix
from extend_source.sandbox.records import FileRecord, Json, RunRecord
from extend_source.sandbox.seeding import chance, rng_for
from extend_source.sandbox.workspace import NotFoundError, Workspace

SOURCES = ("API", "STUDIO", "WORKFLOW_RUN", "ADMIN", "BATCH_PARSER_RUN", "EDIT_RUN", "DOCUMENT_PROCESSOR_RUN")
"""The values the ``source`` filter of parse runs accepts."""
STATUSES = ("PENDING", "PROCESSING", "PROCESSED", "FAILED")
"""The values the ``status`` filter of parse runs accepts."""

_FAILURES = {"PARSING_ERROR": "OCR_ERROR", "FAILED_TO_PROCESS_FILE": "CORRUPT_FILE"}
"""Why a parse failed, by the failure of the run that wanted it; after others there was no parse."""

_OCR_SHARE = 0.25


@dataclass(frozen=True)
class Parse:
    """The parse run of a file.

    Attributes:
        file: The file.
        status: PROCESSING, PROCESSED or FAILED.
        failure_reason: Why it failed.
        creator: The run that had the file parsed; None for a file that no run has read.
        created_at: When it was created, as the API writes it.
        updated_at: When its status was reached, likewise.
        credits: What it cost; None where nothing is reported.
    """

    file: FileRecord
    status: str
    failure_reason: str | None
    creator: RunRecord | None
    created_at: str
    updated_at: str
    credits: Decimal | None

    @property
    def id(self) -> str:
        """Its id: that of the file with another prefix."""
        return with_prefix(self.file.id, "file", "pr")

    @property
    def config(self) -> Json:
        """Its configuration, with every default filled in."""
        config = (self.creator.payload.get("config") if self.creator else None) or {}
        return complete_parse_config(config, chance(rng_for("parse", self.file.id), _OCR_SHARE))

    def source(self, workspace: Workspace) -> tuple[str, str | None]:
        """Return what created it, a kind and an id; seen in no body, only filtered by."""
        if self.creator is None:
            return "API", None
        if self.creator.source == "WORKFLOW_RUN":
            return "WORKFLOW_RUN", self.creator.source_id
        kind = KIND_OF.get(str(self.creator.payload.get("type")))
        return "DOCUMENT_PROCESSOR_RUN", (
            run_id(kind, self.creator.id, same_suffix=workspace.same_id_suffixes) if kind else self.creator.id
        )

    @property
    def sort_key(self) -> tuple[datetime, str]:
        """What parse runs are ordered by."""
        try:
            return datetime.fromisoformat(self.created_at.replace("Z", "+00:00")), self.id
        except ValueError:  # a file that a test put there without times
            return USAGE_SINCE, self.id


def parse_of(file: FileRecord) -> Parse | None:
    """Return the parse run of a file, None where it has none of its own (yet)."""
    cost, creator = credits_of(file.payload), file.first_reader
    if cost is None and file.payload.get("parentFileId"):
        return None  # read with the packet that it was cut out of
    status, reason = _status(file, cost is not None)
    if status is None:
        return None
    uploaded = str(file.payload.get("createdAt"))
    created = rfc3339(creator.created_at) if creator else uploaded
    updated = str(file.payload.get("updatedAt"))
    if updated == uploaded or status != "PROCESSED":
        updated = rfc3339(creator.updated_at) if creator and status == "FAILED" else created
    return Parse(file, status, reason, creator, created, updated, cost)


def _status(file: FileRecord, has_credits: bool) -> tuple[str | None, str | None]:
    """Return the status of a file's parse run and why it failed; no status where there is no parse run."""
    creator = file.first_reader
    if has_credits or file.parsed:
        return "PROCESSED", None
    if creator is None:
        return None, None
    if creator.status == "PROCESSING":
        return "PROCESSING", None
    reason = _FAILURES.get(str(creator.payload.get("failureReason")))
    return ("FAILED", reason) if reason else (None, None)


def parses_read_by(workspace: Workspace, run: RunRecord) -> list[Parse]:
    """Return the parse runs whose text a run reads, in order of its files: of a file, or of what it was cut out of."""
    if run.status == "PENDING":
        return []
    parses = (_inherited(workspace, file_id) for file_id in _file_ids(run))
    return [parse for parse in parses if parse is not None]


def parses_created_by(workspace: Workspace, run: RunRecord) -> list[Parse]:
    """Return the parse runs that a run had made; one that reads a file after another run made none."""
    read = parses_read_by(workspace, run)
    return [parse for parse in read if parse.creator is not None and parse.creator.id == run.id]


def parse_runs(workspace: Workspace) -> Iterator[Parse]:
    """Yield all parse runs that follow from files."""
    for file in workspace.files.values():
        parse = parse_of(file)
        if parse is not None and _is_there(workspace, parse.id):
            yield parse


def parse_run(workspace: Workspace, parse_id: str) -> Parse:
    """Return one parse run.

    Raises:
        NotFoundError: No such parse run.
    """
    file = workspace.files.get(with_prefix(parse_id, "pr", "file"))
    parse = parse_of(file) if file else None
    if parse is None or parse.id != parse_id or not _is_there(workspace, parse_id):
        raise NotFoundError(parse_id)
    return parse


def _is_there(workspace: Workspace, parse_id: str) -> bool:
    """Say whether a parse run is shown as it follows from its file."""
    return parse_id not in workspace.deleted_parse_runs and parse_id not in workspace.given_parse_runs


def _file_ids(run: RunRecord) -> list[str]:
    if run.raw is None:
        return run.file_ids
    files = run.payload.get("files")
    return [str(file.get("id")) for file in files if isinstance(file, dict)] if isinstance(files, list) else []


def _inherited(workspace: Workspace, file_id: str) -> Parse | None:
    seen: set[str] = set()
    while file_id in workspace.files and file_id not in seen:
        seen.add(file_id)
        file = workspace.files[file_id]
        parse = parse_of(file)
        if parse is not None:
            return parse
        file_id = str(file.payload.get("parentFileId"))
    return None
