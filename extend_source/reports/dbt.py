"""What dbt is told of the tables: names, meanings, keys, references and times, as YAML generated from the contract."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import dlt
import yaml

from extend_source.config.groups import DEFAULT_GROUPS
from extend_source.config.settings import SECTION
from extend_source.errors import NothingLanded
from extend_source.pipeline.landed import LandedData
from extend_source.reports.runner import QueryRunner
from extend_source.tables.bookkeeping import SYNC_LOG
from extend_source.tables.contract import ANY_OBJECT, Column, TableSchema
from extend_source.tables.kinds import TIMESTAMP
from extend_source.tables.objects import TABLE_OF, TABLES, group_of
from extend_source.tables.typed.plans import schema_of

PACKAGE = "dlt_source_extend"
"""The name of the package in ``dbt/``, which has the test of keys of several columns."""

SOURCE = "extend"

_LOADED_AT = (
    "fetched_at",
    "listed_at",
    "observed_at",
    "recorded_at",
    "last_seen_at",
    "detected_at",
    "announced_at",
    "erased_at",
    "first_seen_at",
)
"""The columns that say when this source wrote a row, the best first. No two tables have all the same one."""

_FRESHNESS: dict[str, dict[str, Any]] = {
    SYNC_LOG.name: {
        "warn_after": {"count": 26, "period": "hour"},
        "error_after": {"count": 50, "period": "hour"},
    }
}
"""How old the newest row may be. Of the log alone, as other tables are old where nothing happens at Extend."""


def dbt_sources(pipeline: dlt.Pipeline | None = None) -> str:
    """Write the tables as a source for dbt, to be kept as ``models/sources.yml``.

    Args:
        pipeline: the pipeline that has loaded them: exactly the tables that have landed, typed ones among them. None:
            the tables that every pipeline has.

    Returns:
        YAML for dbt 1.11.

    Raises:
        UsageError: nothing has landed, or the destination takes no SQL.
    """
    dataset = "extend" if pipeline is None else pipeline.dataset_name
    tables = [table for table in TABLES.values() if not table.opt_in]
    if pipeline is not None:
        tables = _landed_tables(pipeline)
    names = frozenset(table.name for table in tables)
    source = {
        "name": SOURCE,
        "description": "What dlt-source-extend has loaded from Extend (extend.ai). Every table has _dlt_load_id.",
        "schema": f"{{{{ var('extend_schema', '{dataset}') }}}}",
        "tables": [_source_table(table, names, {} if pipeline else enabling([table])) for table in tables],
    }
    return as_yaml({"sources": [source]})


def _landed_tables(pipeline: dlt.Pipeline) -> list[TableSchema]:
    with QueryRunner.on(pipeline, simple=True) as runner:
        missing = set(runner.missing(TABLES))
        names = LandedData(pipeline, SECTION).typed_names()
        typed = [schema_of(table, names.columns_of(table.table_name)) for table in names.tables()]
        missing |= set(runner.missing(table.name for table in typed))
    landed = [table for table in (*TABLES.values(), *typed) if table.name not in missing]
    if not landed:
        raise NothingLanded("Nothing has landed yet")
    return landed


def as_yaml(document: Mapping[str, Any]) -> str:
    """Write YAML as people do: keys in their order, long texts in one line."""
    return str(yaml.safe_dump({"version": 2, **document}, sort_keys=False, width=1_000, allow_unicode=True))


def enabling(tables: Iterable[TableSchema]) -> dict[str, Any]:
    """Write when dbt may read some tables; nothing for those that are loaded by default.

    Args:
        tables: the tables, of which all are needed.

    Returns:
        The config, which goes by the variable ``extend_objects``: the groups that are loaded beside the default ones.
    """
    groups = sorted({group for table in tables if (group := group_of(table))}.difference(DEFAULT_GROUPS))
    conditions = " and ".join(f"'{group}' in var('extend_objects', [])" for group in groups)
    return {"enabled": f"{{{{ {conditions} }}}}"} if groups else {}


def _source_table(table: TableSchema, names: frozenset[str], enabled: Mapping[str, Any]) -> dict[str, Any]:
    loaded_at = loaded_at_of(table)
    config: dict[str, Any] = {**enabled, **({} if loaded_at is None else {"loaded_at_field": loaded_at})}
    config["freshness"] = _FRESHNESS.get(table.name)
    return {
        "name": table.name,
        "description": f"One row per {table.grain}. {table.description}",
        "config": config,
        **_enabled(key_tests(table.key), enabled),
        "columns": [_enabled(_source_column(column, table, names), enabled) for column in table.columns],
    }


def _enabled(tested: dict[str, Any], enabled: Mapping[str, Any]) -> dict[str, Any]:
    """Write that the tests of something run where it is read: dbt warns of those of what is not."""
    if not enabled or "data_tests" not in tested:
        return tested
    tests = [{test: {}} if isinstance(test, str) else test for test in tested["data_tests"]]
    return {
        **tested,
        "data_tests": [
            {name: {**said, "config": {**enabled, **said.get("config", {})}}}
            for test in tests
            for name, said in test.items()
        ],
    }


def loaded_at_of(table: TableSchema) -> str | None:
    """Name the column that says when a row was written; None: the table has none."""
    times = {column.name for column in table.columns if column.kind is TIMESTAMP}
    return next((name for name in _LOADED_AT if name in times), None)


def key_tests(key: Sequence[str]) -> dict[str, Any]:
    """Write the tests of a table's key: of several columns; that of one column stands with the column."""
    if len(key) < 2:
        return {}
    return {"data_tests": [{f"{PACKAGE}.unique_together": {"arguments": {"columns": list(key)}}}]}


def column_tests(key: Sequence[str], name: str, *, may_be_null: bool = False) -> list[Any]:
    """Write the tests of a column that belongs to the key; none of another one."""
    if name not in key:
        return []
    tests = [] if may_be_null else ["not_null"]
    return ["unique", *tests] if len(key) == 1 else [*tests]


def _source_column(column: Column, table: TableSchema, names: frozenset[str]) -> dict[str, Any]:
    tests = column_tests(table.key, column.name)
    if column.values:
        tests.append(_test("accepted_values", {"values": list(column.values)}, only_warn=column.api is not None))
    tests += _references(column, table, names)
    return {
        "name": column.name,
        "description": column.description,
        **({"data_tests": tests} if tests else {}),
    }


def _references(column: Column, table: TableSchema, names: frozenset[str]) -> Iterable[dict[str, Any]]:
    """Write the test that what a column names is there.

    The source's own books name what is not there yet, or any more. So do columns that their rows outlive: a file that
    was made of a split may be in no run, a parse run gone. Only configs are there as long as a run has them. Of several
    files of a row the first was given to it, and landed with it; what it made of that need not have.
    """
    owner = column.about or (column.references if column.references == "config" else None)
    target = TABLE_OF.get(owner or ANY_OBJECT)
    if table.is_book or target is None or target is table or target.name not in names:
        return
    if column.about is not None and column is not next(each for each in table.columns if each.about == column.about):
        return
    to = {"to": f"source('{SOURCE}', '{target.name}')", "field": target.key[0]}
    yield _test("relationships", to, only_warn=False)


def _test(name: str, arguments: dict[str, Any], *, only_warn: bool) -> dict[str, Any]:
    return {name: {"arguments": arguments, **({"config": {"severity": "warn"}} if only_warn else {})}}
