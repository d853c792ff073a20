"""The files of loads in a pipeline's working folder, which hold rows whatever became of the loads."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import dlt

_KEPT = frozenset(
    {"applied_schema_updates.json", "load_package_state.json", "package_completed.json", "schema.json", "schema.pickle"}
)
"""What dlt needs to list a load that has ended; no row is in these."""


def delete_load_files(pipeline: dlt.Pipeline) -> None:
    """Delete all rows from a pipeline's working folder, of which nothing may be pending any longer.

    That is: the files of all jobs, completed, failed or given up, with what databases said of them; loads that were
    left half extracted or half normalised; and the trace of the last run, whose errors can quote rows.

    Args:
        pipeline: the pipeline.
    """
    folder = Path(pipeline.working_dir)
    for file in _files_of_ended_loads(folder):
        file.unlink()
    for load in (*folder.glob("load/new/*"), *folder.glob("load/normalized/*"), *folder.glob("normalize/*/*")):
        if load.is_dir():
            shutil.rmtree(load)
    (folder / "trace.pickle").unlink(missing_ok=True)


def _files_of_ended_loads(folder: Path) -> Iterator[Path]:
    for load in folder.glob("load/loaded/*"):
        for path in sorted(load.rglob("*")):
            if path.is_file() and not (path.parent == load and path.name in _KEPT):
                yield path
