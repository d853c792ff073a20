"""What the last sync saw in the lists, and when the next thing falls due: a small file in the pipeline's folder.

By it a sync knows that nothing has changed without a look at the destination. Whatever works on the pipeline deletes it
first, and a sync writes it when all is done: what was killed, has failed or left something leaves none.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any

import dlt
from dlt.dataset.utils import get_destination_client_initial_config

_NOTE = "extend_last_scan.json"
_TIMES = ("checked_at", "logged_at", "due_at", "watermark")
_FILE_DATABASES = ("duckdb", "sqlite")


@dataclass(frozen=True)
class LastScan:
    """What a sync has left behind that was done with all it found.

    Attributes:
        settings: a sum of the settings, the versions and the destination; another one says nothing of this one.
        notes: a sum of what dlt keeps of the pipeline on this machine.
        files: what the system says of the files of the destination, where it is a file; else nothing.
        pages: for each list the sums of the pages that the next scan reads.
        listed: how many objects these pages have, by their type.
        scope: what the watermark holds for.
        load_id: the last load of ours that has ended.
        destination: where the rows are, without any password.
        watermark: all changes up to here are loaded, UTC.
        checked_at: when the lists were last found to be so, UTC.
        logged_at: when ``sync_log`` last got a row.
        due_at: when the whole listing is to be compared again; None: only on demand.
    """

    settings: str
    notes: str
    files: list[list[Any]]
    pages: dict[str, list[str]]
    listed: dict[str, int]
    scope: dict[str, Any]
    load_id: str
    destination: str
    watermark: datetime | None
    checked_at: datetime
    logged_at: datetime
    due_at: datetime | None


def read_last_scan(pipeline: dlt.Pipeline) -> LastScan | None:
    """Return what the last sync of a pipeline has left; None: nothing, or nothing that can be read."""
    try:
        found = json.loads(_path(pipeline).read_bytes())
        times = {name: None if found[name] is None else datetime.fromisoformat(found[name]) for name in _TIMES}
        return LastScan(**{**{each.name: found[each.name] for each in fields(LastScan)}, **times})
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_last_scan(pipeline: dlt.Pipeline, scan: LastScan) -> None:
    """Keep what a sync has seen; where that fails, the next sync is no quiet one."""
    path = _path(pipeline)
    draft = path.with_suffix(".draft")
    with suppress(OSError):
        draft.write_text(json.dumps(asdict(scan), default=datetime.isoformat))
        draft.replace(path)  # so that no reader sees a half


def forget_last_scan(pipeline: dlt.Pipeline) -> None:
    """Have the next sync look at the destination."""
    with suppress(FileNotFoundError):
        _path(pipeline).unlink()


def is_still_true(scan: LastScan, pipeline: dlt.Pipeline, settings: Mapping[str, Any], now: datetime) -> bool:
    """Tell whether what can be known without a request or a statement is as it was.

    Args:
        scan: what the last sync has left.
        pipeline: the pipeline.
        settings: all that the sync goes by, by name.
        now: the time, UTC.
    """
    return (
        scan.checked_at <= now
        and (scan.due_at is None or now < scan.due_at)
        and scan.notes == sum_of_notes(pipeline)
        and scan.settings == sum_of_settings(pipeline, settings)
        and scan.files == state_of_files(pipeline)
        and not pipeline.has_pending_data
    )


def sum_of_settings(pipeline: dlt.Pipeline, settings: Mapping[str, Any]) -> str:
    """Sum up what a sync goes by: its settings, and the destination, without opening that."""
    config = _config(pipeline)
    place: Any = getattr(config, "bucket_url", None) or getattr(config, "credentials", None)
    described = {
        **settings,
        "pipeline": pipeline.pipeline_name,
        "dataset": pipeline.dataset_name,
        "destination": [pipeline.destination.destination_type, pipeline.destination.destination_name, str(place)],
        "staging": None if pipeline.staging is None else pipeline.staging.destination_type,
    }
    return hashlib.sha256(json.dumps(described, sort_keys=True, default=str).encode()).hexdigest()


def sum_of_notes(pipeline: dlt.Pipeline) -> str:
    """Sum up dlt's own notes of a pipeline: its state and its schemas, which every command of dlt changes."""
    folder, total = Path(pipeline.working_dir), hashlib.sha256()
    with suppress(OSError):
        for path in (folder / "state.json", *sorted((folder / "schemas").iterdir())):
            content = path.read_bytes()
            total.update(f"{path.name} {len(content)} ".encode() + content)
    return total.hexdigest()


def state_of_files(pipeline: dlt.Pipeline) -> list[list[Any]]:
    """Say of the files of a destination what any change to them changes; none where it is no file of this machine."""
    found = []
    for path in _files(pipeline):
        try:
            state = os.stat(path)
            found.append([path.name, state.st_ino, state.st_size, state.st_mtime_ns])
        except OSError:
            found.append([path.name, None, None, None])
    return found


def can_be_lost_unseen(pipeline: dlt.Pipeline) -> bool:
    """Tell whether a destination goes with its process: what it held says nothing to the next one."""
    return _database_kind(_config(pipeline)) is not None and not _files(pipeline)


def _files(pipeline: dlt.Pipeline) -> list[Path]:
    config = _config(pipeline)
    if getattr(config, "is_local_filesystem", False):
        folder = Path(config.make_local_path(config.bucket_url)) / str(pipeline.dataset_name)
        return [folder, folder / "_dlt_loads"]
    database = str(getattr(getattr(config, "credentials", None), "database", None) or "")
    if _database_kind(config) is None or not database or database.startswith(":"):
        return []
    return [Path(database), *(Path(database + ending) for ending in (".wal", "-wal", "-journal"))]


def _database_kind(config: Any) -> str | None:
    """Name the kind of a database that is a file."""
    credentials = getattr(config, "credentials", None)
    drivers = (str(config.destination_type), str(getattr(credentials, "drivername", "")))
    return next((kind for kind in _FILE_DATABASES for driver in drivers if driver.startswith(kind)), None)


def _config(pipeline: dlt.Pipeline) -> Any:
    """Resolve where a destination is, without making what connects to it."""
    destination: Any = pipeline.destination
    return destination.configuration(get_destination_client_initial_config(destination, pipeline.dataset_name))


def _path(pipeline: dlt.Pipeline) -> Path:
    return Path(pipeline.working_dir) / _NOTE
