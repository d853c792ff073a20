"""What the last sync saw in the lists, and when the next thing falls due: a small file in the pipeline's folder.

By it a sync knows that nothing has changed without a look at the destination. Whatever works on the pipeline deletes it
first, and a sync writes it when all is done: what was killed, has failed or left something leaves none.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from pathlib import Path
from typing import Any

import dlt
from dlt.common.configuration import inject_section
from dlt.common.configuration.specs.config_section_context import ConfigSectionContext
from dlt.dataset.utils import get_destination_client_initial_config

from extend_source.config.settings import SECTION

_NOTE = "extend_last_scan.json"
_TIMES = ("checked_at", "logged_at", "due_at", "watermark")
_FILE_DATABASES = ("duckdb", "sqlite")


@dataclass(frozen=True)
class LastScan:
    """What a sync has left behind that was done with all it found.

    Attributes:
        settings: a sum of the settings, the versions and the destination; another one says nothing of this one.
        notes: a sum of what dlt keeps of the pipeline on this machine.
        files: what the system says of the destination's files and folders, where it is on this machine; else nothing.
        pages: for each list the sums of the pages that the next scan reads.
        listed: how many objects these pages have, by their type.
        landed: how many of them the destination must have; of runs those that the next scan compares.
        scope: what the watermark holds for.
        load_id: the last load of ours that has ended.
        destination: where the rows are, without any password.
        dataset: the dataset (schema) they are in.
        watermark: all changes up to here are loaded, UTC.
        checked_at: when the lists were last found to be so, UTC.
        logged_at: when ``sync_log`` last got a row.
        due_at: when the whole listing is to be compared again; None: only on demand.
        definitions: of each list that is read now and then when that was done last, UTC as text, and the sum of its
            first page; None: not known.
    """

    settings: str
    notes: str
    files: list[list[Any]]
    pages: dict[str, list[str]]
    listed: dict[str, int]
    landed: dict[str, int]
    scope: dict[str, Any]
    load_id: str
    destination: str
    dataset: str
    watermark: datetime | None
    checked_at: datetime
    logged_at: datetime
    due_at: datetime | None
    definitions: dict[str, tuple[str, str | None]] = field(default_factory=dict)


def read_last_scan(pipeline: dlt.Pipeline) -> LastScan | None:
    """Return what the last sync of a pipeline has left; None: nothing, or nothing that can be read."""
    try:
        total, text = _path(pipeline).read_text().split("\n", 1)
        if total != _sum_of(text):
            return None
        found = json.loads(text)
        times = {name: None if found[name] is None else datetime.fromisoformat(found[name]) for name in _TIMES}
        return LastScan(**{**{each.name: found[each.name] for each in fields(LastScan)}, **times})
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_last_scan(pipeline: dlt.Pipeline, scan: LastScan) -> None:
    """Keep what a sync has seen; where that fails, the next sync is no quiet one."""
    path = _path(pipeline)
    draft = path.with_suffix(".draft")
    text = json.dumps(asdict(scan), default=datetime.isoformat)
    with suppress(OSError):
        draft.write_text(f"{_sum_of(text)}\n{text}")
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
        and scan.files == state_of_files(path for path, *_ in scan.files)
        and not pipeline.has_pending_data
    )


def sum_of_settings(pipeline: dlt.Pipeline, settings: Mapping[str, Any]) -> str:
    """Sum up what a sync goes by: its settings, and the destination, without opening that."""
    config = _config(pipeline)
    place: Any = getattr(config, "bucket_url", None) or getattr(config, "credentials", None)
    if _database_kind(config) is not None:
        place = place.database  # its path tells it; dlt would import SQLAlchemy to write its URL
    described = {
        **settings,
        "pipeline": pipeline.pipeline_name,
        "dataset": pipeline.dataset_name,
        "destination": [pipeline.destination.destination_type, pipeline.destination.destination_name, str(place)],
        "staging": None if pipeline.staging is None else pipeline.staging.destination_type,
    }
    return _sum_of(json.dumps(described, sort_keys=True, default=str))


def sum_of_notes(pipeline: dlt.Pipeline) -> str:
    """Sum up dlt's own notes of a pipeline: its state and its schemas, which every command of dlt changes."""
    folder, total = Path(pipeline.working_dir), hashlib.sha256()
    with suppress(OSError):
        for path in (folder / "state.json", *sorted((folder / "schemas").iterdir())):
            content = path.read_bytes()
            total.update(f"{path.name} {len(content)} ".encode() + content)
    return total.hexdigest()


def state_of_files(paths: Iterable[str]) -> list[list[Any]]:
    """Say of files and folders what any change to them changes."""
    found = []
    for path in paths:
        try:
            state = os.stat(path)
            found.append([path, state.st_ino, state.st_size, state.st_mtime_ns])
        except OSError:
            found.append([path, None, None, None])
    return found


def files_of(pipeline: dlt.Pipeline) -> list[str] | None:
    """Name the files and folders that a change to the destination changes.

    Args:
        pipeline: the pipeline, which has loaded something.

    Returns:
        Their paths; none where it is not on this machine; None: it goes with its process, and what it held says nothing
        to the next one.
    """
    client: Any = pipeline.destination_client(SECTION)
    config = client.config
    if getattr(config, "is_local_filesystem", False):
        folder = Path(client.dataset_path)
        return [str(folder), *sorted(str(each) for each in folder.iterdir() if each.is_dir())]
    kind = _database_kind(config)
    if kind is None:
        return []
    database = Path(str(config.credentials.database or "")).absolute()
    dataset = config.normalize_dataset_name(client.schema)
    if kind == "sqlite" and dataset != "main":  # dlt keeps each dataset in a file of its own
        database = database.with_name(f"{database.stem}__{dataset}{database.suffix}")
    if not database.is_file():
        return None
    return [f"{database}{ending}" for ending in ("", ".wal", "-wal", "-journal")]


def _database_kind(config: Any) -> str | None:
    """Name the kind of a database that is a file."""
    credentials = getattr(config, "credentials", None)
    drivers = (str(config.destination_type), str(getattr(credentials, "drivername", "")))
    return next((kind for kind in _FILE_DATABASES for driver in drivers if driver.startswith(kind)), None)


def _config(pipeline: dlt.Pipeline) -> Any:
    """Resolve where a destination is, as the pipeline does, without making what connects to it."""
    destination: Any = pipeline.destination
    section = ConfigSectionContext(
        pipeline_name=pipeline.pipeline_name, sections=(), merge_style=ConfigSectionContext.prefer_existing
    )
    with inject_section(section):
        return destination.configuration(get_destination_client_initial_config(destination, pipeline.dataset_name))


def _sum_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _path(pipeline: dlt.Pipeline) -> Path:
    return Path(pipeline.working_dir) / _NOTE
