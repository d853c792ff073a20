"""Queries, each a file of SQL in DuckDB's dialect over plain table names, with a header that says what it shows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

import sqlglot
from sqlglot import exp

WRITTEN_IN = "duckdb"

Node = Any
"""A part of a parsed query: the common base of sqlglot's classes has another name in each of its versions."""

_HEADING = re.compile(r"-- (\w+): *(.*)")
_INCLUDE = re.compile(r"^-- include: (\w+)\n", re.MULTILINE)
"""A line in the place of what several queries begin with."""

_COLUMN = re.compile(r"--   (\w+): (.*)")
_MORE = "--   "


@dataclass(frozen=True)
class Query:
    """A query and what its header says of it.

    Attributes:
        name: the name of its file.
        title: what it shows, as a heading.
        grain: what a row stands for.
        empty: what it means that there are no rows.
        notes: what a reader must know to read it right.
        columns: what each column means.
        shown: the columns that people see first; the others are for machines.
        key: the columns that tell rows apart; none where the header does not say.
        sql: the SQL in DuckDB's dialect, header included.
        optional: the tables that it can do without; they are as good as empty then.
        newer: likewise, and nobody misses them unless there are runs of API 2026-02-09, which alone fill them.
    """

    name: str
    title: str
    grain: str
    empty: str
    notes: tuple[str, ...]
    columns: dict[str, str]
    shown: tuple[str, ...]
    key: tuple[str, ...]
    sql: str
    optional: tuple[str, ...] = ()
    newer: tuple[str, ...] = ()


@dataclass(frozen=True)
class QueryResult:
    """What a query found.

    Attributes:
        name: the query.
        title: what it shows.
        grain: what a row stands for.
        notes: what a reader must know to read it right.
        columns: the columns in order, and what each of them means.
        shown: the columns that people see first.
        rows: the rows, a value for each column: text, int, float, bool, a UTC time, or None for unknown.
        message: why there are no rows; None if there are some.
        sql: the SQL as it ran on the destination; None if a table is missing.
    """

    name: str
    title: str
    grain: str
    notes: tuple[str, ...]
    columns: dict[str, str]
    shown: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    message: str | None
    sql: str | None


def load_query(folder: str, name: str) -> Query:
    """Read a query.

    Args:
        folder: the folder beside this module.
        name: the name of the file, without ``.sql``.

    Returns:
        The query with what its header says.
    """
    sql = _INCLUDE.sub(lambda found: _text_of("parts", found[1]), _text_of(folder, name))
    said: dict[str, list[str]] = {}
    columns: dict[str, str] = {}
    heading = ""
    for line in sql.splitlines():
        if not line.startswith("--"):
            break
        found = _HEADING.fullmatch(line)
        if found:
            heading = found[1]
            said.setdefault(heading, []).append(found[2])
        elif heading == "columns" and (column := _COLUMN.fullmatch(line)):
            columns[column[1]] = column[2]
        else:
            said[heading][-1] += " " + line.removeprefix(_MORE)

    def names(of: str) -> tuple[str, ...]:
        return tuple(part.strip() for part in said[of][0].split(",")) if of in said else ()

    return Query(
        name=name,
        title=said["title"][0],
        grain=said["grain"][0],
        empty=said["empty"][0],
        notes=tuple(said.get("note", ())),
        columns=columns,
        shown=names("shown") or tuple(columns),
        key=names("key"),
        sql=sql,
        optional=names("optional"),
        newer=names("newer"),
    )


def _text_of(folder: str, name: str) -> str:
    return (files("extend_source.reports") / folder / f"{name}.sql").read_text("utf-8")


def parsed(sql: str) -> Node:
    """Parse a query as it is written here; the tree is the caller's own."""
    return _parsed(sql).copy()


@lru_cache(maxsize=64)  # models are built on again and again, and a copy takes a third of the time
def _parsed(sql: str) -> Node:
    return sqlglot.parse_one(sql, read=WRITTEN_IN)


def tables_of(tree: Node) -> list[str]:
    """Name the tables that a query reads, in order."""
    nested = {cte.alias for cte in tree.find_all(exp.CTE)}
    return sorted({table.name for table in tree.find_all(exp.Table)} - nested)
