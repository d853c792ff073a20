"""What ``explore`` does."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from extend_source.cli.exit_codes import FAILED, WRONG_USE, fail
from extend_source.config.installation import install_command
from extend_source.error_codes import ErrorCode
from extend_source.tables.schemas import PROCESSOR_RUNS

_FOUND = "select count(*) from duckdb_tables() where schema_name = ? and table_name = ?"


def explore(*, database: Path, dataset: str, port: int, browser: bool) -> None:
    """Serve the notebook on the loopback until it is stopped."""
    if find_spec("marimo") is None or find_spec("altair") is None:
        fail(WRONG_USE, ErrorCode.MISSING_PACKAGE, f"The notebook needs an extra. Run: {install_command('explore')}")
    _require(database, dataset)
    notebook = Path(__file__).parents[1] / "integrations" / "notebook.py"
    with TemporaryDirectory(prefix="extend-explore-") as folder:  # marimo keeps what it shows beside the notebook
        copy = shutil.copy(notebook, folder)
        serving = [sys.executable, "-m", "marimo", "run", copy, "--host", "127.0.0.1"]
        serving += [*(["--port", str(port)] if port else []), *([] if browser else ["--headless"])]
        of_notebook = ["--", "--database", str(database.resolve()), "--dataset", dataset]
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C, so that marimo ends as well
        try:
            code = subprocess.run([*serving, *of_notebook]).returncode  # noqa: S603
        except KeyboardInterrupt:  # marimo has got it as well, and has ended
            return
    if code > 0:
        fail(FAILED, ErrorCode.ENDED_AT_ONCE, "The notebook ended: what marimo says of it is above.")


def _require(database: Path, dataset: str) -> None:
    """Refuse a file that the notebook could not read."""
    if not database.is_file():
        advice = "Run extend-source demo first, or name a DuckDB file with --database"
        fail(WRONG_USE, ErrorCode.UNKNOWN_PIPELINE, f"There is no file {database}. {advice}.")
    try:
        with duckdb.connect(str(database), read_only=True) as connection:
            found = connection.execute(_FOUND, [dataset, PROCESSOR_RUNS.name]).fetchone()
    except duckdb.Error as error:
        said = str(error).splitlines()[0]
        fail(WRONG_USE, ErrorCode.UNKNOWN_PIPELINE, f"{database} cannot be read: {said}")
    if found != (1,):
        said = f"{database} has no dataset {dataset!r} that this source has loaded"
        fail(WRONG_USE, ErrorCode.UNKNOWN_PIPELINE, f"{said}. Name another with --dataset.")
