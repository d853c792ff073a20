"""What destinations do differently, as far as this source must know of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args
from weakref import WeakKeyDictionary

import dlt

Layout = Literal["bigquery", "snowflake", "databricks", "redshift"]
"""The destinations that keep rows of one owner together, if they are told so when a table is made."""

Replacement = Literal["delete-insert", "supersede"]
"""``delete-insert``: the rows are exactly the current ones; ``supersede``: the current ones are found by a query."""


@dataclass(frozen=True)
class DestinationTraits:
    """What a destination is like.

    Attributes:
        kind: its type, as dlt calls it: ``duckdb``, ``postgres``; empty where a pipeline has no destination.
        replacement: how a load can replace the rows of earlier ones; None: it cannot.
        json_type: dlt's data type of columns that hold JSON text. ``text`` where dlt would write the text into a JSON
            column as one JSON string, its quotes escaped (its SQLAlchemy destination, dlt 1.31).
        has_references: dlt may know which columns refer to which tables. Not on Databricks, where it can make foreign
            keys of them, and then needs the tables made in their order.
        has_pages: a row must fit a page.
        layout: how rows of one owner are kept together; None: they are not.
    """

    kind: str
    replacement: Replacement | None = None
    json_type: Literal["json", "text"] = "json"
    has_references: bool = True
    has_pages: bool = False
    layout: Layout | None = None


_KNOWN: WeakKeyDictionary[Any, DestinationTraits] = WeakKeyDictionary()
"""By destination: dlt resolves its whole configuration to say what one can do."""


def traits_of(pipeline: dlt.Pipeline) -> DestinationTraits:
    """Say what the destination of a pipeline is like.

    Args:
        pipeline: the pipeline; it may have no destination.
    """
    destination: Any = pipeline.destination
    if destination is None:
        return DestinationTraits("")
    found = _KNOWN.get(destination)
    if found is None:
        found = _KNOWN[destination] = _traits(destination)
    return found


def _traits(destination: Any) -> DestinationTraits:
    kind, can = destination.destination_type.rpartition(".")[2], destination.capabilities()
    # dlt reads rows of files back through DuckDB, so that what is current can be asked for
    otherwise: Replacement | None = "supersede" if kind == "filesystem" else None
    return DestinationTraits(
        kind,
        replacement="delete-insert" if "delete-insert" in (can.supported_merge_strategies or ()) else otherwise,
        json_type="text" if kind == "sqlalchemy" else "json",
        has_references=kind != "databricks",
        has_pages=kind == "postgres",
        layout=kind if kind in get_args(Layout) else None,
    )
