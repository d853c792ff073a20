"""How runs move through their statuses as the clock of the workspace moves."""

from __future__ import annotations

from collections.abc import MutableMapping
from datetime import datetime

from extend_source.sandbox.clock import rfc3339
from extend_source.sandbox.records import FileRecord, RunRecord, Transition, json_number


def settle(run: RunRecord, files: MutableMapping[str, FileRecord], now: datetime) -> bool:
    """Apply the transitions of a run that are due.

    Args:
        run: The run; changed in place.
        files: All files of the workspace; the run's own get their parse credits, a splitter's children join.
        now: The present instant.

    Returns:
        Whether anything changed.
    """
    due = [transition for transition in run.plan if transition.at <= now]
    run.plan = run.plan[len(due) :]
    for transition in due:
        apply_transition(run, files, transition)
    return bool(due)


def apply_transition(run: RunRecord, files: MutableMapping[str, FileRecord], transition: Transition) -> None:
    """Change a run as one transition says, whether or not it is due."""
    run.payload.update(transition.changes)
    run.updated_at = transition.at
    if transition.changes.get("status") == "PROCESSED":
        for file_id in run.file_ids:
            if file_id in files:
                _parse(files[file_id], transition)
    for file in transition.new_files:
        files.setdefault(file.id, file)


def _parse(file: FileRecord, transition: Transition) -> None:
    """Parse a file once and put the credits on it: later runs reuse the parse, and so do a splitter's children."""
    reused = file.parsed or file.verbatim or "parentFileId" in file.payload
    file.parsed = True
    if not reused and transition.parse_rate is not None:
        file.payload["usage"] = {"credits": json_number(file.pages * transition.parse_rate)}
        file.payload["updatedAt"] = rfc3339(transition.at)
