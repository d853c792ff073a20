"""The generated part of the dbt package in ``dbt/``: sources, staging views, and the models of `reports/sql`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sqlglot import exp

from extend_source.reports.dbt import SOURCE, as_yaml, column_tests, dbt_sources, enabling, key_tests
from extend_source.reports.models import CREDIT_MODELS, DOCUMENT_MODELS, MODELS, load_model
from extend_source.reports.queries import parsed, tables_of
from extend_source.tables import TABLES
from extend_source.tables.contract import EXTRA, TableSchema

PACKAGE = Path(__file__).parents[2] / "dbt"

_DIALECT = "postgres"
"""What DuckDB reads as well."""

_MARK = "generated__"

_FOLDERS = {"documents": DOCUMENT_MODELS, "credits": CREDIT_MODELS}
"""The models by the folder of theirs, which has a file of properties of the same name."""


def files() -> dict[Path, str]:
    """Return what is generated, by the file that it goes to."""
    staged = [table for table in TABLES.values() if not (table.is_book or table.opt_in)]
    models = PACKAGE / "models"
    return {
        models / "sources.yml": dbt_sources(),
        models / "staging" / "staging.yml": as_yaml({"models": [_staging_properties(table) for table in staged]}),
        **{models / "staging" / f"{staging_name(table)}.sql": _staging_sql(table) for table in staged},
        **{models / folder / f"{name}.sql": _sql(name) for folder, names in _FOLDERS.items() for name in names},
        **{
            models / folder / f"{folder}.yml": as_yaml({"models": [_properties(name) for name in names]})
            for folder, names in _FOLDERS.items()
        },
    }


def write() -> None:
    """Write the generated files, and delete those that are no longer generated."""
    wanted = files()
    for folder in {path.parent for path in wanted}:
        folder.mkdir(parents=True, exist_ok=True)
        for path in folder.glob("*"):
            if folder.name != "models" and path not in wanted:
                path.unlink()
    for path, text in wanted.items():
        path.write_text(text, "utf-8")


def differing() -> list[Path]:
    """Name the files that are not what would be written, or that should not be there."""
    wanted = files()
    folders = {path.parent for path in wanted if path.parent.name != "models"}
    there = {path for folder in folders for path in folder.glob("*")}
    old = {path for path, text in wanted.items() if not path.exists() or path.read_text("utf-8") != text}
    return sorted(old | (there - wanted.keys()))


def staging_name(table: TableSchema) -> str:
    """Name the staging view of a table."""
    return f"stg_{SOURCE}__{table.name}"


def _staging_sql(table: TableSchema) -> str:
    names = ",\n".join(f"    {column.name}" for column in _staged_columns(table))
    return f"select\n{names}\nfrom {{{{ source('{SOURCE}', '{table.name}') }}}}\n"


def _staged_columns(table: TableSchema) -> list[Any]:
    """All columns but the source's own notes and what no column holds."""
    return [column for column in table.columns if column.name not in (EXTRA, "row_counts", "payload_sha256")]


def _staging_properties(table: TableSchema) -> dict[str, Any]:
    columns = [
        {"name": column.name, "description": column.description, **_tests(column_tests(table.key, column.name))}
        for column in _staged_columns(table)
    ]
    return {
        "name": staging_name(table),
        "description": f"One row per {table.grain}. {table.description}",
        **_config([table]),
        **key_tests(table.key),
        "columns": columns,
    }


def _properties(name: str) -> dict[str, Any]:
    model = load_model(name)
    columns = [
        {
            "name": column,
            "description": text,
            **_tests(column_tests(model.key, column, may_be_null="NULL" in text)),
        }
        for column, text in model.columns.items()
    ]
    description = " ".join([f"{model.title}: one row per {model.grain}.", *model.notes])
    read = [TABLES[table] for table in tables_of(parsed(model.sql)) if table in TABLES]
    config = _config(read)
    return {"name": name, "description": description, **config, **key_tests(model.key), "columns": columns}


def _config(tables: Iterable[TableSchema]) -> dict[str, Any]:
    """Say when dbt may build what reads some tables."""
    enabled = enabling(tables)
    return {"config": enabled} if enabled else {}


def _tests(tests: list[Any]) -> dict[str, Any]:
    return {"data_tests": tests} if tests else {}


def _sql(name: str) -> str:
    """Write a model over dbt's names of tables and models."""
    tree = parsed(load_model(name).sql)
    nested = {cte.alias for cte in tree.find_all(exp.CTE)}
    for table in [table for table in tree.find_all(exp.Table) if table.name not in nested]:
        renamed = exp.to_table(f"{_MARK}{table.name}")
        table.replace(exp.alias_(renamed, table.alias_or_name, table=True))
    sql = tree.sql(_DIALECT, pretty=True, comments=False)
    named = re.sub(rf"{_MARK}(\w+)", lambda found: _reference(found[1]), sql)
    return f"-- generated from extend_source/reports/sql/{name}.sql by `make docs-write`\n{named}\n"


def _reference(table: str) -> str:
    return f"{{{{ ref('{table}') }}}}" if table in MODELS else f"{{{{ source('{SOURCE}', '{table}') }}}}"
