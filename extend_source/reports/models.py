"""The models: SQL that builds on tables and on other models, run on the fly or kept as views."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import dlt
from sqlglot import exp

from extend_source.api import CURRENT_VERSION
from extend_source.config.pricing import Price
from extend_source.ingest.resolution import resolved_settings
from extend_source.pipeline.lock import only_sync
from extend_source.pipeline.read_only import location
from extend_source.reports.queries import Query, load_query, parsed, tables_of
from extend_source.reports.runner import Description, QueryRunner
from extend_source.tables.contract import Column
from extend_source.tables.kinds import BOOLEAN, CREDITS, INTEGER, NUMBER, TIMESTAMP
from extend_source.tables.objects import TABLES
from extend_source.tables.schemas import PROCESSOR_RUNS

_FOLDER = "sql"

_TYPES = {
    CREDITS.name: "decimal(18, 6)",
    NUMBER.name: "double",
    INTEGER.name: "bigint",
    BOOLEAN.name: "boolean",
    TIMESTAMP.name: "timestamptz",
}
"""The types of columns in SQL, where it matters to a query over an empty table."""

DOCUMENT_MODELS = (
    "documents",
    "final_splits",
    "final_classifications",
    "edits",
    "field_quality",
    "workflow_funnel",
    "evaluation_trend",
)
"""The names of what people ask for first, each a file of ``reports/sql`` that builds on tables."""

CREDIT_MODELS = (
    "credit_ledger",
    "credits_daily",
    "credits_by_product",
    "credit_coverage",
    "credit_unit_costs",
    "credit_waste",
    "credit_anomalies",
    "credit_reconciliation",
)
"""The names of the credit models, each a file of ``reports/sql`` that builds on tables and earlier ones."""

MODELS = (*DOCUMENT_MODELS, *CREDIT_MODELS)
"""The names of all models."""


class MissingTables(Exception):  # noqa: N818 - nothing went wrong: they have not been loaded
    """A model builds on tables that have not landed.

    Attributes:
        tables: their names.
    """

    def __init__(self, tables: list[str]) -> None:
        super().__init__(f"not loaded yet: {', '.join(tables)}")
        self.tables = tables


@dataclass(frozen=True)
class ModelsResult:
    """The views that were made.

    Attributes:
        views: their names, with what a row stands for; those of documents come first.
        left_out: the models that lack tables, with the names of these.
        without: the views that do without tables, which have not landed; with the names of these.
        destination: where the views are, without any password.
        dataset: the dataset (schema) they are in.
    """

    views: dict[str, str]
    left_out: dict[str, list[str]]
    without: dict[str, list[str]]
    destination: str
    dataset: str


@cache
def load_model(name: str) -> Query:
    """Read a model."""
    return load_query(_FOLDER, name)


class Models:
    """The models over one connection."""

    def __init__(self, runner: QueryRunner, prices: Sequence[Price] = ()) -> None:
        """Use an open connection.

        Args:
            runner: runs queries over it.
            prices: the price book; with prices the models that have credits by day have money as well.
        """
        self._runner, self._prices = runner, prices
        self._computed: set[str] = set()
        self._is_newer: bool | None = None

    def compute_once(self, name: str) -> None:
        """Compute a model now for all queries that follow, where the destination can; else each computes it anew.

        Args:
            name: a model that builds on tables only.

        Raises:
            MissingTables: a table that it builds on has not landed.
        """
        # first: a query that fails for want of a table can take PostgreSQL's temporary tables with it
        self._runner.missing(_tables_of_all())
        if self._runner.compute_once(name, self.definition(name)):
            self._computed.add(name)

    def select(self, sql: str, optional: Collection[str] = ()) -> list[tuple[Any, ...]]:
        """Run a query over models and tables, without any views.

        Args:
            sql: the query, in DuckDB's SQL over plain names.
            optional: the tables of the query that it can do without.

        Returns:
            The rows as the destination gives them; credits are decimals.

        Raises:
            MissingTables: a table that it builds on has not landed.
        """
        tree = self._standing_in(parsed(sql), optional)
        wanted = _models_of([tree], self._computed)
        own = [(cte.alias, cte.this) for cte in tree.ctes]
        for place, (name, model) in enumerate([*((name, self._model(name)) for name in wanted), *own]):
            tree = tree.with_(name, as_=model, append=place > 0, copy=False)
        if missing := self._runner.missing(tables_of(tree)):
            raise MissingTables(missing)
        return [tuple(row) for row in self._runner.rows(self._runner.translation.of(tree))]

    def definition(self, name: str) -> str:
        """Write a model for the destination, over the views of the models that it builds on.

        Raises:
            MissingTables: a table that it builds on has not landed.
        """
        tree = self._model(name)
        built_on = {
            *tables_of(tree),
            *(table for model in _models_of([tree]) for table in tables_of(self._model(model))),
        }
        if missing := self._runner.missing(sorted(built_on.difference(MODELS))):
            raise MissingTables(missing)
        return self._runner.translation.of(tree)

    def lacking(self, name: str) -> list[str]:
        """Name the tables that have not landed and that a model does without."""
        model = load_model(name)
        missing = self._runner.missing(model.optional)
        newer = self._runner.missing(model.newer)
        return sorted([*missing, *newer]) if newer and self._has_newer_runs() else missing

    def _has_newer_runs(self) -> bool:
        if self._is_newer is None:
            counting = f"select count(*) from {PROCESSOR_RUNS.name} where api_version >= '{CURRENT_VERSION}'"
            self._is_newer = self.select(counting, optional=[PROCESSOR_RUNS.name])[0][0] > 0
        return self._is_newer

    def _model(self, name: str) -> Any:
        model = load_model(name)
        tree = self._standing_in(parsed(model.sql), (*model.optional, *model.newer))
        return (
            _with_prices(tree, self._prices) if self._prices and {"spent_on", "credits"} <= {*model.columns} else tree
        )

    def _standing_in(self, tree: Any, optional: Collection[str]) -> Any:
        """Put an empty table in place of each that a query can do without and that has not landed.

        Tables of an earlier version of this source get the columns that they lack, without values.
        """
        missing = set(self._runner.missing(optional)) if optional else set()
        for table in [table for table in tree.find_all(exp.Table) if table.name in TABLES]:
            schema = TABLES[table.name]
            lacking = [column for column in schema.columns if self._runner.lacks(table.name, column.name)]
            if table.name in missing:
                table.replace(parsed(f"select {_nothing(schema.columns)} where 1 = 0").subquery(table.alias_or_name))
            elif lacking:
                whole = parsed(f"select own.*, {_nothing(lacking)} from {table.name} as own")
                table.replace(whole.subquery(table.alias_or_name))
        return tree


def create_models(pipeline: dlt.Pipeline, prices: Sequence[Price] | None = None) -> ModelsResult:
    """Make the models views of the dataset, in place of those that are there, with comments where it can have them.

    Where others have built on the views, that stays. Run it again once tables have landed that were missing.

    Args:
        pipeline: the pipeline that has loaded the tables.
        prices: the price book; None: that of the settings.

    Returns:
        The views.

    Raises:
        UsageError: the destination takes no SQL, or cannot replace views that others have built on.
        SyncUnderWay: the pipeline is being synced.
    """
    book = resolved_settings(needs_key=False).price_book if prices is None else prices
    definitions: dict[str, str] = {}
    left_out: dict[str, list[str]] = {}
    with only_sync(pipeline), QueryRunner.on(pipeline) as runner:
        models = Models(runner, book)
        for name in MODELS:
            try:
                definitions[name] = models.definition(name)
            except MissingTables as missing:
                left_out[name] = missing.tables
        without = {name: tables for name in definitions if (tables := models.lacking(name))}
        runner.create_views(definitions)
        runner.describe_views({name: _described(load_model(name)) for name in definitions})
    views = {name: load_model(name).grain for name in definitions}
    return ModelsResult(views, left_out, without, location(pipeline), pipeline.dataset_name)


def _described(model: Query) -> Description:
    """What the header of a model says, as comments."""
    return Description(" ".join((f"One row per {model.grain}.", *model.notes)), model.columns)


@cache
def _tables_of_all() -> frozenset[str]:
    """The tables that the credit models build on."""
    return frozenset(table for name in CREDIT_MODELS for table in tables_of(parsed(load_model(name).sql))).difference(
        MODELS
    )


def _models_of(trees: Iterable[Any], computed: Collection[str] = ()) -> list[str]:
    """The models that queries build on, also by way of others, in an order in which they can be defined."""
    found: set[str] = set()
    open_trees = list(trees)
    while open_trees:
        new = set(tables_of(open_trees.pop())).intersection(MODELS).difference(found, computed)
        found |= new
        open_trees += [parsed(load_model(name).sql) for name in new]
    return [name for name in MODELS if name in found]


def _nothing(columns: Iterable[Column]) -> str:
    """Columns without a value."""
    return ", ".join(f"cast(null as {_TYPES.get(column.kind.name, 'varchar')}) as {column.name}" for column in columns)


def _with_prices(tree: Any, prices: Sequence[Price]) -> Any:
    """Add the price of the day and what the credits cost at it."""
    book = " union all ".join(
        f"select cast('{price.valid_from}' as date) as valid_from, cast({_day(price)} as date) as valid_to, "
        f"cast({price.credit_price:f} as decimal(18, 9)) as credit_price, {_quoted(price.currency)} as currency"
        for price in prices
    )
    priced = parsed(
        "select model.*, book.credit_price, book.currency,"
        " cast(cast(model.credits as decimal(28, 6)) * book.credit_price as decimal(38, 9)) as cost"
        f" from model left join ({book}) as book on model.spent_on >= book.valid_from"
        " and (book.valid_to is null or model.spent_on < book.valid_to)"
    )
    for table in [table for table in priced.find_all(exp.Table) if table.name == "model"]:
        table.replace(tree.subquery("model"))
    return priced


def _day(price: Price) -> str:
    return "null" if price.valid_to is None else f"'{price.valid_to}'"


def _quoted(text: str) -> str:
    return exp.Literal.string(text).sql("duckdb")
