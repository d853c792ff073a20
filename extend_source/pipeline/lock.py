"""One sync of a pipeline at a time: a lock file beside the pipeline's folder, which the system releases on a crash."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dlt
from fasteners import InterProcessLock

from extend_source.errors import SyncUnderWay
from extend_source.pipeline.last_scan import forget_last_scan
from extend_source.pipeline.mysql import use_long_texts
from extend_source.pipeline.postgres import keep_empty_texts
from extend_source.pipeline.schema_files import schemas_read_once

_held_here: set[Path] = set()
_guard = threading.Lock()


@contextmanager
def only_sync(pipeline: dlt.Pipeline) -> Iterator[None]:
    """Hold the lock of a pipeline.

    Args:
        pipeline: the pipeline.

    Raises:
        SyncUnderWay: another process, or another thread of this one, holds it.
    """
    path = Path(pipeline.pipelines_dir) / f"{pipeline.pipeline_name}.sync.lock"
    with _guard:
        # locks of files are the process's: a second thread would get the same one
        if path in _held_here:
            raise SyncUnderWay(f"This process is already syncing pipeline {pipeline.pipeline_name}")
        _held_here.add(path)
    try:
        lock = InterProcessLock(path)
        if not lock.acquire(blocking=False):
            raise SyncUnderWay(f"Pipeline {pipeline.pipeline_name} is being synced by another process{_owner(path)}")
        try:
            # in a file of its own: to close any descriptor of the locked one would give up the lock
            _owner_of(path).write_text(str(os.getpid()))
            yield
        finally:
            lock.release()
    finally:
        with _guard:
            _held_here.discard(path)


@contextmanager
def exclusive(pipeline: dlt.Pipeline) -> Iterator[None]:
    """Hold the lock of a pipeline in order to write: its destination takes our rows as they are within.

    Args:
        pipeline: the pipeline; it is dlt's active one then, as the source looks at the destination of that.

    Raises:
        SyncUnderWay: another process, or another thread of this one, holds the lock.
    """
    pipeline.activate()
    use_long_texts(pipeline)
    keep_empty_texts(pipeline)
    with only_sync(pipeline), schemas_read_once(pipeline):
        forget_last_scan(pipeline)
        yield


def _owner_of(path: Path) -> Path:
    return path.with_suffix(".pid")


def _owner(path: Path) -> str:
    try:
        return f" ({int(_owner_of(path).read_text())})"
    except (OSError, ValueError):
        return ""
