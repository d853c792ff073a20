"""The source that dbt is given, and that the package in dbt/ is the one that the code writes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from docs.generator import dbt_package
from extend_source.reports.dbt import dbt_sources
from extend_source.sandbox import SandboxServer
from extend_source.tables import TABLES
from tests.acceptance.warehouse import Warehouse


def tables_of(text: str) -> dict[str, dict[str, Any]]:
    """The tables of a source by name."""
    (source,) = yaml.safe_load(text)["sources"]
    return {table["name"]: table for table in source["tables"]}


def column(table: dict[str, Any], name: str) -> dict[str, Any]:
    """A column of a table."""
    (found,) = [each for each in table["columns"] if each["name"] == name]
    return dict(found)


def test_the_package_is_what_the_code_writes() -> None:
    assert dbt_package.differing() == [], "run: make docs-write"


def test_a_changed_and_a_stray_file_of_the_package_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dbt_package, "PACKAGE", tmp_path)
    dbt_package.write()
    assert dbt_package.differing() == []
    written = [path.stem for path in (tmp_path / "models").rglob("*.sql")]
    assert len(written) == len(set(written)), "dbt takes no two models of one name"

    changed, stray = tmp_path / "models" / "credits" / "credit_ledger.sql", tmp_path / "models" / "staging" / "old.sql"
    changed.write_text(changed.read_text().replace("NOT c.credits", "c.credits") + "-- by hand\n")
    stray.write_text("select 1")
    assert dbt_package.differing() == sorted([changed, stray])


def test_keys_references_values_and_times_are_those_of_the_contract() -> None:
    tables = tables_of(dbt_sources())

    assert list(tables) == [table.name for table in TABLES.values() if not table.opt_in]
    assert column(tables["files"], "id") == {
        "name": "id",
        "description": "The file's id.",
        "data_tests": ["unique", "not_null"],
    }
    edits = tables["extraction_edits"]
    assert edits["data_tests"] == [
        {"dlt_source_extend.unique_together": {"arguments": {"columns": ["run_id", "path"]}}}
    ]
    assert column(edits, "run_id")["data_tests"] == [
        "not_null",
        {"relationships": {"arguments": {"to": "source('extend', 'processor_runs')", "field": "id"}}},
    ]
    assert column(edits, "change")["data_tests"] == [
        {"accepted_values": {"arguments": {"values": ["changed", "formatted", "added", "removed"]}}}
    ]
    (status,) = column(tables["processor_runs"], "status")["data_tests"]
    assert status["accepted_values"]["config"] == {"severity": "warn"}
    assert "data_tests" not in column(tables["splits"], "file_id")
    loaded_at = {name: table["config"].get("loaded_at_field") for name, table in tables.items()}
    assert loaded_at["processor_runs"] == loaded_at["sync_log"] == "fetched_at"
    assert (loaded_at["credit_usage"], loaded_at["processor_run_summaries"]) == ("observed_at", "listed_at")
    assert (loaded_at["fetch_errors"], loaded_at["erasures"]) == ("last_seen_at", "erased_at")
    assert (loaded_at["typed_columns"], loaded_at["splits"]) == ("recorded_at", None)
    assert [name for name, table in tables.items() if table["config"]["freshness"]] == ["sync_log"]


def test_what_is_not_loaded_by_default_is_read_where_a_variable_names_its_group() -> None:
    condition = "{{ 'evaluation' in var('extend_objects', []) }}"
    tables = tables_of(dbt_sources())

    assert tables["evaluation_sets"]["config"]["enabled"] == condition
    assert "enabled" not in tables["processor_runs"]["config"]
    built = {
        model["name"]: model.get("config", {}).get("enabled")
        for file in ("documents/documents.yml", "staging/staging.yml")
        for model in yaml.safe_load((dbt_package.PACKAGE / "models" / file).read_text("utf-8"))["models"]
    }
    assert built["evaluation_trend"] == built["stg_extend__evaluation_sets"] == condition
    assert built["documents"] is built["stg_extend__files"] is None


def test_every_value_that_a_column_may_have_is_in_its_description() -> None:
    told = [(column, value) for table in TABLES.values() for column in table.columns for value in column.values]

    assert len(told) > 60
    assert [(column.name, value) for column, value in told if not re.search(rf"\b{value}\b", column.description)] == []


@pytest.fixture(scope="module")
def landed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    """A few runs in DuckDB."""
    with SandboxServer(runs=40) as server:
        warehouse = Warehouse(server, tmp_path_factory.mktemp("landed"))
        warehouse.sync()
        yield warehouse


@pytest.mark.slow
def test_what_has_landed_is_the_source_of_a_pipeline(landed: Warehouse) -> None:
    text = dbt_sources(landed.pipeline)
    tables = tables_of(text)

    assert set(tables) == landed.tables()
    assert "raw_payloads" not in tables
    assert "schema: '{{ var(''extend_schema'', ''extend'') }}'" in text
    invoices = tables["extraction_supplier_invoices"]
    assert column(invoices, "run_id")["data_tests"][:2] == ["unique", "not_null"]
    own = {each["name"] for each in invoices["columns"]}
    assert own == {name for name in landed.rows("extraction_supplier_invoices")[0] if not name.startswith("_dlt")}
