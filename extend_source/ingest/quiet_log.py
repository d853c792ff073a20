"""The row that ``sync_log`` gets of a quiet sync now and then, after a brief look at the destination."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import dlt
from dlt.common import logger
from dlt.common.storages.load_package import create_load_id

from extend_source.config.settings import SECTION, ExtendSettings
from extend_source.ingest.listings import floor_of
from extend_source.ingest.progress import SyncProgress
from extend_source.ingest.state import Position, Scope, SyncState
from extend_source.ingest.sync_log import LoadLog, rows_text
from extend_source.ingest.worklist import Worklist
from extend_source.pipeline.brief_look import Expected, Row, log_if_settled
from extend_source.pipeline.last_scan import LastScan, state_of_files
from extend_source.tables.bookkeeping import SYNC_LOG, SYNC_LOG_OBJECTS


def logged_scan(
    pipeline: dlt.Pipeline, settings: ExtendSettings, progress: SyncProgress, scan: LastScan
) -> LastScan | None:
    """Look at the destination, and write the row if all is as the last sync has left it.

    Args:
        pipeline: the pipeline, whose lock is held.
        settings: the settings of the source.
        progress: the counts of the sync.
        scan: what is noted of the lists.

    Returns:
        What is to be noted now; None: not all is.
    """
    load_id = create_load_id()
    log = LoadLog(progress, load_id, load_id, since=scan.checked_at)
    objects = list(log.objects())
    written = {SYNC_LOG.name: 1, SYNC_LOG_OBJECTS.name: len(objects)}

    def rows() -> Iterator[Row]:
        worklist = Worklist("quiet", Scope(scan.scope), Position(scan.watermark))
        yield SYNC_LOG, log.entry(settings, worklist, scan.watermark, None) | {"rows_written": rows_text(written)}
        for row in objects:
            yield SYNC_LOG_OBJECTS, row

    try:
        erasures = SyncState(pipeline.state["sources"][SECTION]).rows("erasures")
        expected = Expected(scan.load_id, erasures, scan.landed, floor_of(settings, scan.watermark))
        if not log_if_settled(pipeline, settings, expected, load_id, rows()):
            return None
    except Exception as error:  # what it is, the sync that follows meets and says
        logger.info(f"The destination could not be looked at: {type(error).__name__}")
        return None
    progress.rows.update(written)
    files = state_of_files(path for path, *_ in scan.files)
    return replace(scan, load_id=load_id, logged_at=scan.checked_at, files=files)
