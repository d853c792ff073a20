"""The pipelines that options name, and the runs of them."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dlt
from dlt.common.pipeline import get_dlt_pipelines_dir
from dlt.common.runtime.collector import NULL_COLLECTOR

from extend_source.cli.existence import notes_of, pipelines_in, require_existing
from extend_source.cli.options import NamedRuns, Place
from extend_source.error_codes import ErrorCode
from extend_source.errors import UsageError
from extend_source.operations.run_ids import run_ids_from_file, run_ids_from_sql

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
    _refuse_odd_name(place)
    return dlt.pipeline(
        place.pipeline_name,
        destination=place.destination,
        dataset_name=place.dataset,
        progress=step or NULL_COLLECTOR,
    )


@contextmanager
def viewed_pipeline(place: Place, *, may_be_new: bool = False) -> Iterator[dlt.Pipeline]:
    """Open a pipeline to look at it: one that this machine does not know yet leaves no trace on it.

    Args:
        place: where its rows are.
        may_be_new: it need not exist.

    Yields:
        The pipeline.

    Raises:
        UsageError: it does not exist, or its dataset does not; or its name is none that dlt takes.
    """
    _refuse_odd_name(place)
    with tempfile.TemporaryDirectory(prefix="extend-unknown-") as folder:
        pipeline = dlt.pipeline(
            place.pipeline_name,
            pipelines_dir=str(_pipelines_folder()) if _is_noted(place) else folder,
            destination=place.destination,
            dataset_name=place.dataset,
        )
        if not may_be_new:
            require_existing(pipeline, _pipelines_folder())
        yield pipeline


def existing_pipeline(place: Place, step: DltStep | None = None) -> dlt.Pipeline:
    """Open a pipeline to change what it has loaded.

    Args:
        place: where its rows are.
        step: learns what dlt is doing; None: nobody does.

    Returns:
        The pipeline.

    Raises:
        UsageError: it does not exist, or its dataset does not.
    """
    with viewed_pipeline(place):
        return pipeline_at(place, step)


def is_new(place: Place) -> bool:
    """Tell whether this machine has no notes of a pipeline."""
    return notes_of(_pipelines_folder() / place.pipeline_name) is None


def known_pipelines() -> list[str]:
    """Return the names of the pipelines that have loaded on this machine."""
    return pipelines_in(_pipelines_folder())


def ids_of(named: NamedRuns, pipeline: dlt.Pipeline) -> list[str] | None:
    """Return the ids asked for; None: none were, which is not the same as a query without rows."""
    if not named.run_id and named.run_ids_file is None and named.run_ids_sql is None:
        return None
    ids = list(named.run_id or ())
    if named.run_ids_file is not None:
        ids += run_ids_from_file(named.run_ids_file)
    if named.run_ids_sql is not None:
        ids += run_ids_from_sql(pipeline, named.run_ids_sql)
    return ids


def _refuse_odd_name(place: Place) -> None:
    """Refuse a name before a folder of it is made: until something is loaded, dlt takes it for that of a schema."""
    name = place.pipeline_name
    if is_new(place) and not (name.isascii() and name.isidentifier()):
        fitting = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_")
        example = f": try {fitting}" if fitting.isidentifier() else ""
        raise UsageError(
            f"{name!r} is not a name of a pipeline",
            f"Take letters, digits and _, a letter first{example}",
            error_code=ErrorCode.BAD_COMMAND,
        )


def _is_noted(place: Place) -> bool:
    """Tell whether dlt's notes are of this dataset: to open it with another one would change them."""
    notes = notes_of(_pipelines_folder() / place.pipeline_name) or {}
    kind = str(notes.get("destination_type") or place.destination).rpartition(".")[2]
    return bool(notes) and (
        notes.get("dataset_name") in (None, place.dataset)
        and place.destination.rpartition(".")[2] in (kind, notes.get("destination_name"))
    )


def _pipelines_folder() -> Path:
    configured: Any = dlt.config.get("pipelines_dir")
    return Path(configured or get_dlt_pipelines_dir())
