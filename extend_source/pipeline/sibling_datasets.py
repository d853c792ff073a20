"""The datasets that a migration makes beside a pipeline's own, in the same database: one to load into, one to keep."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dlt

from extend_source.api import CURRENT_VERSION
from extend_source.config.settings import API_VERSION, SECTION
from extend_source.pipeline.held_database import database_file

STAGED, BACKUP = CURRENT_VERSION.replace("-", "_"), API_VERSION.replace("-", "_")
"""What follows the name of the dataset: of the one that the new version is loaded into, and of the old rows."""


def dataset_name_of(pipeline: dlt.Pipeline, suffix: str = "") -> str:
    """Name a pipeline's dataset, or one beside it, as the destination has it: dlt writes some names otherwise."""
    schema: Any = SECTION if SECTION in pipeline.schema_names else None
    name = str(pipeline.sql_client(schema).dataset_name)
    return f"{name}_{suffix}" if suffix else name


def datasets_there(pipeline: dlt.Pipeline, *names: str) -> set[str]:
    """Tell which of some datasets exist, by their names in the destination."""
    with pipeline.sql_client(SECTION) as client:
        places = ", ".join(["%s"] * len(names))
        sql = f"SELECT schema_name FROM information_schema.schemata WHERE schema_name IN ({places})"
        return {row[0] for row in client.execute_sql(sql, *names) or ()}


def tables_in(pipeline: dlt.Pipeline, dataset: str) -> set[str]:
    """Name the tables of a dataset, dlt's own left out; one that does not exist has none."""
    with pipeline.sql_client(SECTION) as client:
        sql = "SELECT table_name FROM information_schema.tables WHERE table_schema = %s"
        return {row[0] for row in client.execute_sql(sql, dataset) or () if not row[0].startswith("_dlt")}


def sibling_folder(pipeline: dlt.Pipeline, suffix: str) -> Path:
    """Return the folder of dlt's notes of a sibling: within the pipeline's own, so that it goes with that."""
    return Path(pipeline.working_dir) / f"dataset_{suffix}"


def sibling_pipeline(pipeline: dlt.Pipeline, suffix: str) -> dlt.Pipeline:
    """Open a pipeline of the same name and database with the dataset beside the own one; it is dlt's active one then.

    Args:
        pipeline: the pipeline.
        suffix: which of the datasets.
    """
    file = database_file(pipeline)
    destination: Any = pipeline.destination if file is None else dlt.destinations.duckdb(str(file))
    sibling: dlt.Pipeline = dlt.pipeline(
        pipeline.pipeline_name,
        destination=destination,
        dataset_name=dataset_name_of(pipeline, suffix),
        pipelines_dir=str(sibling_folder(pipeline, suffix)),
        progress=pipeline.collector,
    )
    return sibling
