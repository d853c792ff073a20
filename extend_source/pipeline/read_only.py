"""Looking at a pipeline and its destination without changing either of them."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dlt
from dlt.common.configuration.container import Container
from dlt.common.pipeline import PipelineContext
from dlt.destinations import duckdb

from extend_source.config.settings import SECTION
from extend_source.pipeline.held_database import database_file
from extend_source.pipeline.landed import LandedData
from extend_source.pipeline.lock import only_sync
from extend_source.pipeline.schema_files import schemas_read_once

_LOGIN = re.compile(r"//[^/@]*@")

_NOTES = ("state.json", "schemas")
"""What dlt keeps of a pipeline on this machine, but for the loads."""


@contextmanager
def viewed(pipeline: dlt.Pipeline) -> Iterator[dlt.Pipeline]:
    """Make a copy of a pipeline to read with, its state restored from the destination as at the start of a run.

    Restoring may clear the folder of a pipeline, also one in which a sync is under way; so it is done to a copy of it.
    And a DuckDB file that does not exist stays so: reading would make one.

    Args:
        pipeline: the pipeline; the one that is active now is active again at the end.

    Yields:
        The copy, which is thrown away at the end.

    Raises:
        SyncUnderWay: the pipeline is being synced into a DuckDB file, which one process at a time can open.
        PipelineStepFailed: the destination cannot be read.
    """
    file = database_file(pipeline)
    if file is not None:
        with only_sync(pipeline):
            pass
    context = Container()[PipelineContext]
    active: Any = context.pipeline() if context.is_active() else None
    with tempfile.TemporaryDirectory(prefix="extend-view-") as folder:
        _copy_notes(Path(pipeline.working_dir), Path(folder) / pipeline.pipeline_name)
        nowhere = file is not None and not file.exists()
        destination = duckdb(str(Path(folder) / file.name)) if file and nowhere else pipeline.destination
        view = dlt.attach(pipeline.pipeline_name, folder, destination=destination)
        try:
            with schemas_read_once(view):
                if pipeline.config.restore_from_destination:
                    view.sync_destination()
                yield view
        finally:
            if view.is_active:
                view.deactivate()
            if active is not None:
                active.activate()


def _copy_notes(source: Path, target: Path) -> None:
    target.mkdir()
    for name in _NOTES:
        if (source / name).is_dir():
            shutil.copytree(source / name, target / name)
        elif (source / name).exists():
            shutil.copy(source / name, target / name)


def source_state(view: dlt.Pipeline) -> dict[str, Any]:
    """Return the source's part of the state of a pipeline that `viewed` gave; changing it has no effect."""
    state: Any = view.state.get("sources", {}).get(SECTION)
    return state if isinstance(state, dict) else {}


def viewed_data(view: dlt.Pipeline) -> LandedData:
    """Return what the destination of a pipeline that `viewed` gave holds."""
    return LandedData(view, SECTION, read_only=True)


def location(pipeline: dlt.Pipeline) -> str:
    """Name the destination and where it is, as dlt shows it: passwords are left out."""
    config: Any = pipeline.destination_client().config
    place = getattr(config, "bucket_url", None)
    if config.destination_type == "duckdb":
        place = f"duckdb:///{config.credentials.database}"  # dlt would import SQLAlchemy to write the same
    elif place is None:
        credentials = getattr(config, "credentials", None)
        place = getattr(credentials, "catalog", None) or credentials  # DuckLake's have no text of their own
    else:
        place = _LOGIN.sub("//", place)
    return " ".join(str(part) for part in (pipeline.destination.destination_name, place) if part)
