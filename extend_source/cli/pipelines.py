"""The pipelines and runs that options name, and what this machine knows of its pipelines."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dlt
from dlt.common.pipeline import get_dlt_pipelines_dir
from dlt.common.runtime.collector import NULL_COLLECTOR

from extend_source.cli.options import NamedRuns, Place
from extend_source.config.settings import SECTION
from extend_source.error_codes import ErrorCode
from extend_source.errors import UsageError

if TYPE_CHECKING:
    from extend_source.cli.display.progress import DltStep


def pipeline_at(place: Place, step: DltStep | None = None) -> dlt.Pipeline:
    """Open a pipeline.

    Args:
        place: where its rows go.
        step: learns what dlt is doing; None: nobody does.

    Returns:
        The pipeline.

    Raises:
        UsageError: its name is none that dlt takes.
    """
    refuse_odd_name(place)
    return dlt.pipeline(
        place.pipeline_name,
        destination=place.destination,
        dataset_name=place.dataset,
        progress=step or NULL_COLLECTOR,
    )


def notes_of(folder: Path) -> dict[str, Any] | None:
    """Read what dlt has noted of a pipeline on this machine.

    Args:
        folder: the pipeline's folder.

    Returns:
        Its state; None: there is none that can be read.
    """
    try:
        notes = json.loads((folder / "state.json").read_bytes())
    except (OSError, ValueError):
        return None
    return notes if isinstance(notes, dict) else None


def is_new(place: Place) -> bool:
    """Tell whether this machine has no notes of a pipeline."""
    return notes_of(pipelines_folder() / place.pipeline_name) is None


def pipelines_in(folder: Path) -> list[str]:
    """Return the names of the pipelines of a folder that have loaded from Extend."""
    return sorted(
        path.name
        for path in (folder.iterdir() if folder.is_dir() else ())
        if path.is_dir() and SECTION in ((notes_of(path) or {}).get("schema_names") or ())
    )


def known_pipelines() -> list[str]:
    """Return the names of the pipelines that have loaded on this machine."""
    return pipelines_in(pipelines_folder())


def ids_of(named: NamedRuns, pipeline: dlt.Pipeline) -> list[str] | None:
    """Return the ids asked for; None: none were, which is not the same as a query without rows."""
    if not named.run_id and named.run_ids_file is None and named.run_ids_sql is None:
        return None
    from extend_source.operations.run_ids import run_ids_from_file, run_ids_from_sql  # most syncs name no runs

    ids = list(named.run_id or ())
    if named.run_ids_file is not None:
        ids += run_ids_from_file(named.run_ids_file)
    if named.run_ids_sql is not None:
        ids += run_ids_from_sql(pipeline, named.run_ids_sql)
    return ids


def refuse_odd_name(place: Place) -> None:
    """Refuse a name before a folder of it is made: until something is loaded, dlt takes it for that of a schema.

    Args:
        place: the pipeline; one that has loaded may have any name.

    Raises:
        UsageError: its name is none that dlt takes.
    """
    name = place.pipeline_name
    if is_new(place) and not (name.isascii() and name.isidentifier()):
        fitting = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_")
        example = f": try {fitting}" if fitting.isidentifier() else ""
        raise UsageError(
            f"{name!r} is not a name of a pipeline",
            f"Take letters, digits and _, a letter first{example}",
            error_code=ErrorCode.BAD_COMMAND,
        )


def pipelines_folder() -> Path:
    """Return the folder of all pipelines on this machine."""
    configured: Any = dlt.config.get("pipelines_dir")
    return Path(configured or get_dlt_pipelines_dir())
