"""Why a database cannot be opened is said in one line, the real reason first."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import dlt
import duckdb
import pytest
from dlt.destinations.exceptions import DestinationConnectionError

from extend_source import status, sync
from extend_source.cli.errors import explain
from extend_source.error_codes import ErrorCode
from extend_source.pipeline.connections import connection_failure

pytestmark = pytest.mark.case("5.3")

HOLDER = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print(flush=True); sys.stdin.read()"


def pipeline_of(file: Path) -> dlt.Pipeline:
    return dlt.pipeline("p", destination=dlt.destinations.duckdb(str(file)), dataset_name="d")


def explained(file: Path) -> set[tuple[int, str]]:
    """What status and sync say about a file."""
    said = set()
    for verb in (status, lambda pipeline: sync(pipeline, api_key="sk_test", base_url="http://127.0.0.1:9")):
        with pytest.raises(Exception, match=r"DuckDB|lock|bytes") as caught:
            verb(pipeline_of(file))
        said.add(explain(caught.value))
    return said


def test_a_reader_that_holds_the_file_is_named_by_its_process(tmp_path: Path) -> None:
    file = tmp_path / "held.duckdb"
    duckdb.connect(str(file)).close()
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert holder.stdout is not None
        holder.stdout.readline()
        ((code, line),) = explained(file)
    finally:
        holder.communicate()

    assert code == 1
    assert line.startswith(f"EXT-304: Process {holder.pid} (python")
    assert line.endswith(f") has the DuckDB file {file} open. Close it there, or wait, then run the command again.")


@pytest.mark.parametrize("content", [b"", b"no database" * 1000], ids=["empty", "text"])
def test_a_file_that_is_no_database_is_said_to_be_none(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "bad.duckdb"
    file.write_bytes(content)

    assert explained(file) == {
        (
            1,
            f'EXT-323: IO Error: The file "{file}" exists, but it is not a valid DuckDB database file. '
            "Put a sound copy in its place, or move it away and sync anew.",
        )
    }
    assert file.read_bytes() == content


def test_a_file_that_was_cut_off_is_said_to_be_damaged(tmp_path: Path) -> None:
    file = tmp_path / "cut.duckdb"
    with duckdb.connect(str(file)) as connection:
        connection.execute("create table t as select range i, i::varchar || 'abcdefgh' v from range(300000)")
    file.write_bytes(file.read_bytes()[:20_000])

    ((code, line),) = explained(file)

    assert code == 1
    assert line.startswith(f'EXT-323: IO Error: Could not read enough bytes from file "{file}"')
    assert line.endswith(". Put a sound copy in its place, or move it away and sync anew.")


def test_any_other_reason_comes_first_and_without_dlts_guesses() -> None:
    error = DestinationConnectionError("Client", "extend", "refused", OSError("connection refused\nby db.example"))

    assert connection_failure(error) == (
        ErrorCode.DESTINATION_UNREACHABLE,
        "connection refused by db.example. So there is no connection to the destination: check its address and "
        "credentials.",
    )
