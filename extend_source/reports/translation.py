"""What a query becomes on a destination: its own SQL, over its own names of the tables."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from dlt.common.schema.typing import LOADS_TABLE_NAME
from sqlglot import exp

from extend_source.pipeline.write_mode import IN_ENDED_LOADS, current_rows
from extend_source.reports.queries import Node, parsed
from extend_source.tables import TABLES
from extend_source.tables.schemas import PROCESSOR_RUNS

_COLLATING = frozenset({"duckdb", "postgres"})
"""The dialects that take COLLATE "C", and replace all that a pattern finds only where they are told to.

Most others compare text byte by byte without it, and replace all.
"""


def portable(tree: Node, dialect: str) -> Node:
    """Leave out of a query what says to a dialect what it does anyway.

    Args:
        tree: the parsed query.
        dialect: the destination's SQL, as sqlglot calls it.
    """

    def plain(node: Node) -> Node:
        if isinstance(node, exp.Collate):
            return node.this
        if isinstance(node, exp.RegexpReplace):
            node.set("modifiers", None)
        return node

    return tree if dialect in _COLLATING else tree.transform(plain)


class Translation:
    """Writes queries for one dataset."""

    def __init__(self, client: Any, dialect: str, *, supersedes: bool) -> None:
        """Write for the dataset of a connection.

        Args:
            client: the connection, which makes the names of tables.
            dialect: the destination's SQL, as sqlglot calls it.
            supersedes: the tables have superseded rows beside the current ones, which alone are read.
        """
        self._client = client
        self._dialect = dialect
        self._supersedes = supersedes
        self.stand_ins: dict[str, str] = {}
        """The temporary tables that are read in the place of others, by the names of these."""

    def of(self, tree: Node, partial: Mapping[str, int] = MappingProxyType({})) -> str:
        """Write a query for the destination.

        Args:
            tree: the parsed query; it is changed.
            partial: what `loaded_tables` says of runs to leave out.
        """
        nested = {cte.alias for cte in tree.find_all(exp.CTE)}
        for table in [table for table in tree.find_all(exp.Table) if table.name not in nested]:
            table.replace(self._source(table, partial))
        tree = portable(tree, self._dialect)
        return str(tree.sql(self._dialect, pretty=True, comments=False))

    def _source(self, table: exp.Table, partial: Mapping[str, int]) -> Node:
        """What stands for a table: itself, or a selection from it without partial runs."""
        alias = table.alias_or_name
        if table.name in self.stand_ins:
            return exp.alias_(exp.to_table(self.stand_ins[table.name]), alias, table=True)
        own: Node = self.qualified(table.name)
        if self._supersedes and table.name in TABLES:
            ended = IN_ENDED_LOADS.replace(LOADS_TABLE_NAME, self.name_of(LOADS_TABLE_NAME))
            own = parsed(current_rows(TABLES[table.name], self.name_of(table.name), ended)).subquery(alias)
        if not partial or table.name != PROCESSOR_RUNS.name:
            return own if isinstance(own, exp.Subquery) else exp.alias_(own, alias, table=True)
        is_whole = exp.column("loaded_tables").isin(*partial).not_()
        selected = exp.select("*").from_(own).where(exp.or_(exp.column("loaded_tables").is_(exp.null()), is_whole))
        return selected.subquery(alias)

    def name_of(self, table: str) -> str:
        """Write the name of a table of the dataset as the destination does."""
        return self.qualified(table).sql(self._dialect)

    def qualified(self, table: str) -> exp.Table:
        """Name a table of the dataset as a part of a query."""
        parts = self._client.make_qualified_table_name_path(table, quote=False)
        names = [exp.to_identifier(part, quoted=True) for part in reversed(parts)]
        return exp.Table(**dict(zip(("this", "db", "catalog"), names, strict=False)))
