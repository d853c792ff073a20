"""What a sync that is under way tells other processes: a small file beside the lock, with its counts."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

import dlt

from extend_source.ingest.progress import SyncProgress

SECONDS = 1.0
"""How often the counts are told."""

_STALE = timedelta(seconds=30)
"""A sync that has told nothing for this long was killed."""


@dataclass(frozen=True)
class SyncUnderWayStatus:
    """How far a sync under way is.

    Attributes:
        pid: its process.
        started_at: when it began, UTC.
        at: when it told this, UTC.
        mode: how the runs are found; empty until that is decided.
        listed: runs seen in the listing.
        wanted: runs to fetch, as far as is known.
        runs_done: runs whose request has ended, well or not.
        failed: runs that could not be loaded.
        requests: requests sent.
        loads: loads begun.
    """

    pid: int
    started_at: datetime
    at: datetime
    mode: str
    listed: int
    wanted: int
    runs_done: int
    failed: int
    requests: int
    loads: int


@contextmanager
def told(pipeline: dlt.Pipeline, progress: SyncProgress) -> Iterator[None]:
    """Tell other processes how far a sync is while the block runs.

    Args:
        pipeline: the pipeline, whose lock is held.
        progress: the counts of the sync.
    """
    path, started_at, ended = _path(pipeline), datetime.now(timezone.utc), threading.Event()

    def tell() -> None:
        while True:
            with suppress(OSError):  # a full disk must not end a sync
                _write(path, _status(progress, started_at))
            if ended.wait(SECONDS):
                return

    thread = threading.Thread(target=tell, name="extend-beacon", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        with suppress(OSError):
            path.unlink(missing_ok=True)


def sync_under_way(pipeline: dlt.Pipeline) -> SyncUnderWayStatus | None:
    """Return how far the sync of a pipeline is that is under way on this machine; None: there is none."""
    try:
        found = json.loads(_path(pipeline).read_bytes())
        found |= {name: datetime.fromisoformat(found[name]) for name in ("started_at", "at")}
        status = SyncUnderWayStatus(**found)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return status if datetime.now(timezone.utc) - status.at < _STALE else None


def _path(pipeline: dlt.Pipeline) -> Path:
    return Path(pipeline.pipelines_dir) / f"{pipeline.pipeline_name}.sync.progress"


def _status(progress: SyncProgress, started_at: datetime) -> SyncUnderWayStatus:
    return SyncUnderWayStatus(
        pid=os.getpid(),
        started_at=started_at,
        at=datetime.now(timezone.utc),
        mode=progress.mode,
        listed=progress.listed,
        wanted=progress.wanted,
        runs_done=progress.runs_done,
        failed=progress.failed,
        requests=progress.requests.requests,
        loads=progress.packages,
    )


def _write(path: Path, status: SyncUnderWayStatus) -> None:
    """Write it anew, so that no reader sees a half."""
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps(asdict(status), default=str))
    draft.replace(path)
