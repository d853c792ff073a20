"""Noting what a sync has seen of the lists, for the next one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta, timezone

import dlt

from extend_source.config.settings import ExtendSettings
from extend_source.ingest.listings import definition_listings, floor_of
from extend_source.ingest.quiet_scan import described
from extend_source.ingest.seen_lists import SeenLists
from extend_source.ingest.session import SyncSession
from extend_source.ingest.state import Position
from extend_source.pipeline.last_scan import (
    LastScan,
    files_of,
    is_still_true,
    read_last_scan,
    state_of_files,
    sum_of_notes,
    sum_of_settings,
    write_last_scan,
)


def remember_scan(
    pipeline: dlt.Pipeline,
    settings: ExtendSettings,
    session: SyncSession,
    destination: str,
    load_id: str,
    before: LastScan | None,
) -> None:
    """Note what a sync has seen of the lists, if it was done with all of it.

    Args:
        pipeline: the pipeline, whose lock is held; nothing of ours has its destination open.
        settings: the settings of the source.
        session: the sync, which has ended well.
        destination: where the rows are.
        load_id: its last load.
        before: what `scan_before` has said.
    """
    worklist, seen = session.worklist, session.seen
    failed = any(counts.failed for counts in session.progress.of.values())
    if (
        worklist is None
        or not worklist.complete
        or len(worklist)
        or failed
        or session.stopped_by is not None
        or not seen.is_settled
        or (files := files_of(pipeline)) is None
    ):
        return
    now, reached = datetime.now(timezone.utc), worklist.after
    due = timedelta(hours=settings.reconcile_hours)
    floor = floor_of(settings, reached.watermark)
    known = {} if before is None else before.definitions
    write_last_scan(
        pipeline,
        LastScan(
            settings=sum_of_settings(pipeline, described(settings)),
            notes=sum_of_notes(pipeline),
            files=state_of_files(files),
            pages=seen.pages(floor),
            listed=seen.listed(floor),
            landed=seen.landed(floor),
            scope=worklist.scope.description,
            load_id=load_id,
            destination=destination,
            dataset=pipeline.dataset_name,
            watermark=reached.watermark,
            checked_at=now,
            logged_at=now,
            due_at=reached.reconciled_at + due if due and reached.reconciled_at is not None else None,
            definitions=_definitions(settings, reached, seen, known),
        ),
    )


def scan_before(pipeline: dlt.Pipeline, settings: ExtendSettings) -> LastScan | None:
    """Return what the last sync has left, where nothing but the lists can have changed since; else None."""
    scan = read_last_scan(pipeline)
    is_true = scan is not None and is_still_true(scan, pipeline, described(settings), datetime.now(timezone.utc))
    return scan if is_true else None


def _definitions(
    settings: ExtendSettings, reached: Position, seen: SeenLists, known: Mapping[str, tuple[str, str | None]]
) -> dict[str, tuple[str, str | None]]:
    """Say of each list of definitions when it was read last, and what its first page was.

    A sync reads one of them: what is known of the others stays true, unless another machine has read them since.
    """
    found: dict[str, tuple[str, str | None]] = {}
    for listing in definition_listings(settings):
        read_at, name = reached.lists_read.get(listing.endpoint.list_path), listing.name
        if read_at is None:
            continue
        if name in known and name not in seen.definitions and datetime.fromisoformat(known[name][0]) >= read_at:
            found[name] = known[name]
        else:
            found[name] = (read_at.isoformat(), seen.definitions.get(name))
    return found
