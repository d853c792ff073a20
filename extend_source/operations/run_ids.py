"""Ids of runs from a file, from standard input, or from a query on the destination."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import dlt
from dlt.common.destination.exceptions import DestinationUndefinedEntity, SqlClientNotAvailable
from dlt.destinations.exceptions import DatabaseException

from extend_source.config.settings import SECTION
from extend_source.error_codes import ErrorCode
from extend_source.errors import UsageError
from extend_source.pipeline.landed import LandedData
from extend_source.pipeline.read_only import viewed
from extend_source.pipeline.write_mode import reading_current_rows, supersedes
from extend_source.tables import TABLES

STANDARD_INPUT = "-"
ID_COLUMNS = ("id", "run_id")

_SEPARATORS = ",;\t"
_COMMENT = "#"


def run_ids_from_file(path: str | Path) -> list[str]:
    """Read ids from a file.

    Args:
        path: a text file with one id a line, where blank lines and those that start with ``#`` do not count; or a CSV
            file whose first line names a column ``id`` or ``run_id``. ``-`` stands for standard input.

    Returns:
        The ids in order.

    Raises:
        UsageError: the file cannot be read, or has no ids.
    """
    name = "Standard input" if str(path) == STANDARD_INPUT else f"{str(path)!r}"
    try:
        # the signature at the beginning is what spreadsheets write
        data = sys.stdin.buffer.read() if str(path) == STANDARD_INPUT else Path(path).read_bytes()
        ids = list(_ids(name, data.decode("utf-8-sig").splitlines()))
    except OSError as error:
        raise UsageError(
            f"{name} cannot be read: {error.strerror or error}", "Check the path", error_code=ErrorCode.BAD_RUN_IDS
        ) from None
    except (UnicodeDecodeError, csv.Error):
        raise UsageError(
            f"{name} is not a text file in UTF-8", "Save it as text, one id a line", error_code=ErrorCode.BAD_RUN_IDS
        ) from None
    if not ids:
        raise UsageError(
            f"{name} has no run ids",
            "Write one id a line, or a CSV with a column run_id",
            error_code=ErrorCode.BAD_RUN_IDS,
        )
    return ids


def _ids(name: str, lines: Iterable[str]) -> Iterator[str]:
    wanted = (line for line in lines if line.strip() and not line.lstrip().startswith(_COMMENT))
    first = next(wanted, "")
    separator = next((mark for mark in _SEPARATORS if mark in first), ",")
    header = [cell.strip().lower() for cell in next(csv.reader([first], delimiter=separator), [])]
    column = next((header.index(name) for name in ID_COLUMNS if name in header), None)
    if column is None and len(header) > 1:
        raise UsageError(
            f"{name} has the columns {', '.join(header)}",
            "Call the one with the ids id or run_id",
            error_code=ErrorCode.BAD_RUN_IDS,
        )
    if column is None:
        yield from (line.strip() for line in (first, *wanted) if line.strip())
        return
    for row in csv.reader(wanted, delimiter=separator):
        if len(row) > column and row[column].strip():
            yield row[column].strip()


def run_ids_from_sql(pipeline: dlt.Pipeline, sql: str) -> list[str]:
    """Read ids from the destination of a pipeline.

    Args:
        pipeline: the pipeline.
        sql: a query; its first column has the ids, and NULLs do not count. Tables need no schema before their names.

    Returns:
        The ids in order.

    Raises:
        UsageError: the query cannot be run, or returns something other than ids.
        PipelineStepFailed: the destination cannot be read.
    """
    with viewed(pipeline) as view:
        try:
            with view.sql_client() as client:
                if supersedes(view):
                    tables = [*TABLES.values(), *LandedData(view, SECTION).typed_tables()]
                    sql = reading_current_rows(sql, client.dataset_name, tables)
                with client.execute_query(sql) as cursor:
                    values = [row[0] for row in cursor.fetchall() if row[0] is not None]
        except (DatabaseException, DestinationUndefinedEntity) as error:
            raise UsageError(
                f"The query failed: {_first_line(error)}", "Check the SQL", error_code=ErrorCode.BAD_RUN_IDS
            ) from None
        except SqlClientNotAvailable:
            name = pipeline.destination.destination_name
            raise UsageError(
                f"The destination {name} takes no SQL",
                "Give a file of ids instead",
                error_code=ErrorCode.UNFIT_DESTINATION,
            ) from None
    return [_id(value) for value in values]


def _id(value: Any) -> str:
    if not isinstance(value, str):
        raise UsageError(
            f"The query's first column has {str(value)[:40]!r}, which is no run id",
            "Select the ids",
            error_code=ErrorCode.BAD_RUN_IDS,
        )
    return value


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
