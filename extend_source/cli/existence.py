"""Opening pipelines that exist: a wrong name is told from one that holds nothing."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dlt
from dlt.common.destination.exceptions import SqlClientNotAvailable
from dlt.destinations.exceptions import DestinationConnectionError

from extend_source.cli.options import Place
from extend_source.cli.pipelines import notes_of, pipeline_at, pipelines_folder, pipelines_in, refuse_odd_name
from extend_source.error_codes import ErrorCode
from extend_source.errors import UsageError
from extend_source.ingest.beacon import sync_under_way
from extend_source.pipeline.held_database import database_file, held_if_there
from extend_source.pipeline.pending import waiting_loads
from extend_source.pipeline.read_only import location, viewed
from extend_source.pipeline.schema_files import schemas_read_once

if TYPE_CHECKING:
    from extend_source.cli.display.progress import DltStep

_STAGING = "_staging"
_DUCKDB = "dlt.destinations.duckdb"
_MAX_NAMED = 10

_DATASETS = "select distinct table_schema from information_schema.tables where table_name = '_dlt_version'"
_PIPELINES = "select distinct pipeline_name from _dlt_pipeline_state"


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
    refuse_odd_name(place)
    with tempfile.TemporaryDirectory(prefix="extend-unknown-") as folder:
        pipeline = dlt.pipeline(
            place.pipeline_name,
            pipelines_dir=str(pipelines_folder()) if _is_noted(place) else folder,
            destination=place.destination,
            dataset_name=place.dataset,
        )
        with schemas_read_once(pipeline), _without_pandas(pipeline), ExitStack() as held:
            if not may_be_new:
                if sync_under_way(pipeline) is None:  # which may have lent the file, and will want it back
                    held.enter_context(held_if_there(pipeline))
                require_existing(pipeline, pipelines_folder())
            yield pipeline


@contextmanager
def _without_pandas(pipeline: dlt.Pipeline) -> Iterator[None]:
    """Keep DuckDB from importing pandas, which takes longer than to answer, to see that a bound value is not of it."""
    modules: dict[str, Any] = sys.modules
    if pipeline.destination.destination_type != _DUCKDB or "pandas" in modules:
        yield
        return
    modules["pandas"] = None
    try:
        yield
    finally:
        del modules["pandas"]


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


def _is_noted(place: Place) -> bool:
    """Tell whether dlt's notes are of this dataset: to open it with another one would change them."""
    notes = notes_of(pipelines_folder() / place.pipeline_name) or {}
    kind = str(notes.get("destination_type") or place.destination).rpartition(".")[2]
    return bool(notes) and (
        notes.get("dataset_name") in (None, place.dataset)
        and place.destination.rpartition(".")[2] in (kind, notes.get("destination_name"))
    )


def require_existing(pipeline: dlt.Pipeline, folder: Path) -> None:
    """Refuse a pipeline, or a dataset of it, that is not there.

    Args:
        pipeline: the pipeline, opened to look at it: it may be in a folder of its own.
        folder: the folder of all pipelines on this machine.

    Raises:
        UsageError: one line that names those that are there.
        PipelineStepFailed: the destination cannot be read.
    """
    notes = notes_of(folder / pipeline.pipeline_name)
    name, dataset = pipeline.pipeline_name, pipeline.dataset_name
    if Path(pipeline.pipelines_dir) == folder:  # noted here, with this destination and dataset
        if _may_be_empty(pipeline, notes) or _has_dataset(pipeline):
            return
        loaded = f"Pipeline {name!r} has loaded into dataset {dataset!r} of {location(pipeline)}"
        raise UsageError(
            f"{loaded}, which is not there any more",
            f"{_others('Datasets', _datasets(pipeline))}Run extend-source sync to load it anew",
            error_code=ErrorCode.UNKNOWN_PIPELINE,
        )
    # a DuckDB file bears the name of its pipeline: a copy of one may have been given another
    if _has_notes(pipeline) or (database_file(pipeline) is not None and _has_dataset(pipeline)):
        return
    place = location(pipeline)
    if notes is not None:
        text = f"Pipeline {name!r} has no dataset {dataset!r} in {place}: on this machine it loads into"
        kind = str(notes.get("destination_type")).rpartition(".")[2]
        named = [f"--destination {kind}"] if kind not in str(pipeline.destination.destination_type).split(".") else []
        if notes.get("dataset_name") != dataset or not named:
            named.append("--dataset")
        raise UsageError(
            f"{text} {notes.get('dataset_name')!r} of {kind}",
            f"{_others('Datasets', _datasets(pipeline))}Name it with {' and '.join(named)}",
            error_code=ErrorCode.UNKNOWN_PIPELINE,
        )
    known = _others("Pipelines on this machine", pipelines_in(folder))
    known += _others("Pipelines in that dataset", _names(pipeline, _PIPELINES))
    known += _others("Datasets", _datasets(pipeline))
    text = f"There is no pipeline {name!r} with a dataset {dataset!r} in {place}"
    raise UsageError(
        text,
        f"{known}{'Name one with --pipeline, or run' if known else 'Run'} extend-source sync first",
        error_code=ErrorCode.UNKNOWN_PIPELINE,
    )


def _may_be_empty(pipeline: dlt.Pipeline, notes: dict[str, Any] | None) -> bool:
    """Tell whether nothing has landed yet, which is no error."""
    if not (notes or {}).get("schema_names") or sync_under_way(pipeline) is not None:
        return True
    return pipeline.first_run and bool(waiting_loads(pipeline))


def _has_notes(pipeline: dlt.Pipeline) -> bool:
    """Tell whether the destination has dlt's notes of a pipeline, by which another machine carries on."""
    if not _is_file_there(pipeline):
        return False
    with viewed(pipeline) as view:
        schema: Any = view.default_schema_name
        return schema is not None


def _is_file_there(pipeline: dlt.Pipeline) -> bool:
    """Tell whether a DuckDB file exists, as to look into it would make one; of other destinations nothing is known."""
    file = database_file(pipeline)
    return file is None or file.exists()


def _has_dataset(pipeline: dlt.Pipeline) -> bool:
    if not _is_file_there(pipeline):
        return False
    try:
        with pipeline.sql_client() as client:
            return client.has_dataset()
    except (SqlClientNotAvailable, DestinationConnectionError):
        return True  # as far as is known: whoever reads it will say more


def _datasets(pipeline: dlt.Pipeline) -> list[str]:
    return [name for name in _names(pipeline, _DATASETS) if not name.endswith(_STAGING)]


def _names(pipeline: dlt.Pipeline, sql: str) -> list[str]:
    """Ask for names; what cannot be asked, for example of a dataset that is not there, has none."""
    if not _is_file_there(pipeline):
        return []
    try:
        with pipeline.sql_client() as client:
            return sorted(str(row[0]) for row in client.execute_sql(sql) or ())
    except Exception:
        return []


def _others(what: str, names: Iterable[str]) -> str:
    shown = list(names)
    more = f" and {len(shown) - _MAX_NAMED} more" if len(shown) > _MAX_NAMED else ""
    return f"{what}: {', '.join(shown[:_MAX_NAMED])}{more}. " if shown else ""
