"""Noting what a sync has seen of the lists, for the next one."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import dlt

from extend_source.config.settings import ExtendSettings
from extend_source.ingest.listings import definition_listings, floor_of
from extend_source.ingest.quiet_scan import described
from extend_source.ingest.session import SyncSession
from extend_source.pipeline.last_scan import (
    LastScan,
    files_of,
    state_of_files,
    sum_of_notes,
    sum_of_settings,
    write_last_scan,
)


def remember_scan(
    pipeline: dlt.Pipeline, settings: ExtendSettings, session: SyncSession, destination: str, load_id: str
) -> None:
    """Note what a sync has seen of the lists, if it was done with all of it.

    Args:
        pipeline: the pipeline, whose lock is held; nothing of ours has its destination open.
        settings: the settings of the source.
        session: the sync, which has ended well.
        destination: where the rows are.
        load_id: its last load.
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
            definitions={
                listing.name: (reached.lists_read[path].isoformat(), seen.definitions.get(listing.name))
                for listing in definition_listings(settings)
                if (path := listing.endpoint.list_path) in reached.lists_read
            },
        ),
    )
