"""A run has landed when each table holds what was written of it: what users, dlt and databases take away comes back."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dlt
import pytest
from dlt.pipeline.exceptions import PipelineStepFailed

from extend_source import extend_source
from extend_source.errors import InvalidSetting, RowsRefused
from extend_source.operations.erase import erase
from extend_source.operations.rebuild import rebuild
from extend_source.pipeline import storage
from extend_source.sandbox import SandboxServer
from extend_source.tables import TABLES
from extend_source.tables.history import HISTORY_TABLES
from extend_source.tables.objects import group_of
from extend_source.tables.parse_runs import PARSE_OUTPUT_TABLES
from tests.acceptance.conftest import MakeWarehouse
from tests.acceptance.scenes import fetched, make_open_warehouse
from tests.acceptance.small_world import (
    LINES,
    contents,
    delete_working_folder,
    drop_resources,
    execute,
    fill,
    invoice,
    refresh,
)
from tests.acceptance.warehouse import AnyWarehouse, Row, Warehouse

pytestmark = pytest.mark.thorough

make_warehouse = make_open_warehouse

RUNS = [*LINES, "dpr_4", "dpr_5"]
INVOICES = list(LINES)
ANY_INVOICE = "dpr_1, dpr_2 or dpr_3"
ONE_OF_EACH_FILE = ["dpr_1 or dpr_2", "dpr_3"]
TYPED = "extraction_invoices"
TYPED_LINES = "extraction_invoices__lines"


@pytest.fixture(scope="module")
def server() -> Iterator[SandboxServer]:
    """A stand-in with five runs, which do not change."""
    with SandboxServer(runs=0) as server:
        fill(server.workspace)
        yield server


@pytest.fixture(scope="module")
def undisturbed(server: SandboxServer, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Row]]:
    """What one sync, and nobody else, writes."""
    warehouse = Warehouse(server, tmp_path_factory.mktemp("undisturbed"))
    warehouse.sync()
    return contents(warehouse)


@pytest.fixture
def loaded(any_warehouse: AnyWarehouse) -> AnyWarehouse:
    """A warehouse that all runs have landed in."""
    any_warehouse.sync()
    any_warehouse.server.requests.reset()
    return any_warehouse


def assert_fetched(warehouse: AnyWarehouse, run_ids: list[str]) -> None:
    """Each of these runs was asked for once, and no other."""
    found = sorted(fetched(warehouse.server))
    assert len(found) == len(run_ids)
    assert all(run_id in wanted for run_id, wanted in zip(found, run_ids, strict=True)), found


@pytest.mark.slow
@pytest.mark.core
def test_rows_are_counted_with_their_owners(loaded: AnyWarehouse) -> None:
    counts = dict(loaded.query("select id, row_counts from processor_runs where id in ('dpr_1', 'dpr_4') order by id"))
    (files,) = loaded.query("select row_counts from files where id = 'file_1'")
    configs = dict(loaded.query("select processor_type, row_counts from run_configs"))

    assert counts == {
        "dpr_1": '{"credit_usage":1,"extraction_citations":1,"extraction_edits":1,"extraction_fields":4,'
        '"extraction_invoices":1,"extraction_invoices__lines":3,"output_insights":1,"processor_run_files":1,'
        '"processor_run_merged_processors":1,"schema_drift":1}',
        "dpr_4": '{"classifications":1}',
    }
    assert files == ('{"credit_usage":1,"file_contents":1,"file_pages":2,"file_sheets":1}',)
    assert configs["EXTRACT"] == '{"run_config_fields":4,"run_config_page_ranges":1}'


@pytest.mark.case("1.1")
@pytest.mark.parametrize("mode", ["drop_sources", "drop_resources", "drop_data"])
def test_a_refresh_of_dlt_fills_all_tables_again(
    mode: str, loaded: AnyWarehouse, undisturbed: dict[str, list[Row]]
) -> None:
    refresh(mode)(loaded)

    assert fetched(loaded.server) == RUNS[::-1]
    assert contents(loaded) == undisturbed
    assert loaded.sync(reconcile=True, max_rechecks=0).requests == {"list_runs": 1}


@pytest.mark.case("1.1")
@pytest.mark.parametrize("mode", ["drop_resources", "drop_data"])
def test_a_refresh_of_some_tables_fills_these_again(
    mode: str, loaded: AnyWarehouse, undisturbed: dict[str, list[Row]]
) -> None:
    refresh(mode, "extraction_fields", "file_pages")(loaded)

    assert set(fetched(loaded.server)) == set(INVOICES)
    assert contents(loaded) == undisturbed


@pytest.mark.case("1.1")
def test_a_refreshing_pipeline_drops_once_a_sync(server: SandboxServer, tmp_path: Path) -> None:
    warehouse = Warehouse(server, tmp_path)
    warehouse.sync()
    warehouse.pipeline.refresh = "drop_sources"

    result = warehouse.sync(package_runs=2)

    assert (result.fetched, len(result.load_ids), warehouse.count("processor_runs")) == (5, 3, 5)
    assert warehouse.pipeline.refresh == "drop_sources"


@pytest.mark.slow
@pytest.mark.core
@pytest.mark.case("1.1")
def test_what_was_erased_does_not_come_back_with_a_refresh(server: SandboxServer, tmp_path: Path) -> None:
    warehouse = Warehouse(server, tmp_path)
    warehouse.sync()
    erase(warehouse.pipeline, run_ids=["dpr_2"])
    with pytest.raises(Exception, match="refresh would drop the table erasures"):
        refresh("drop_sources", "processor_runs")(warehouse)

    refresh("drop_sources")(warehouse)

    assert warehouse.column("processor_runs", "id") == ["dpr_1", "dpr_3", "dpr_4", "dpr_5"]
    assert warehouse.column("erasures", "id") == ["dpr_2"]
    warehouse.execute("delete from erasures")
    with pytest.raises(
        InvalidSetting, match="erasures has lost 1 rows: runs or files that were erased would come back"
    ):
        warehouse.sync()


@pytest.mark.case("1.2")
@pytest.mark.parametrize(
    "override",
    [
        {"write_disposition": "replace"},
        {"write_disposition": "append"},
        {"write_disposition": "merge"},
        {"table_name": "mine"},
        {"primary_key": "id"},
    ],
)
def test_what_cannot_be_honoured_is_refused_before_the_first_request(
    override: dict[str, Any], server: SandboxServer, tmp_path: Path
) -> None:
    warehouse = Warehouse(server, tmp_path)
    server.requests.reset()
    name = next(iter(override))

    with pytest.raises(Exception, match=f"{name}=.* cannot be used with processor_runs. Leave it out"):
        warehouse.pipeline.run(extend_source(**warehouse.settings()), **override)

    assert server.requests.total == 0


@pytest.mark.core
@pytest.mark.case("1.2")
def test_a_hint_of_one_resource_and_a_resource_without_its_source_are_refused(
    server: SandboxServer, tmp_path: Path
) -> None:
    warehouse = Warehouse(server, tmp_path)
    server.requests.reset()
    source = extend_source(**warehouse.settings())
    source.files.apply_hints(write_disposition="append")

    with pytest.raises(Exception, match="write_disposition='append' cannot be used with files"):
        warehouse.pipeline.run(source)
    with pytest.raises(Exception, match=r"Run the source itself: extend_source\(\).with_resources"):
        dlt.pipeline("other", destination="duckdb").run(extend_source(**warehouse.settings()).files)

    assert server.requests.total == 0


@pytest.mark.core
@pytest.mark.case("1.2")
@pytest.mark.parametrize(
    ("override", "line"),
    [
        ({"loader_file_format": "jsonl"}, "loader_file_format='jsonl' cannot be used"),
        ({"schema_contract": "discard_value"}, "schema_contract='discard_value' cannot be used"),
        ({"schema_contract": {"columns": "discard_row"}}, "rows of runs would be missing"),
    ],
)
def test_formats_and_contracts_that_lose_rows_are_refused(
    override: dict[str, Any], line: str, server: SandboxServer, tmp_path: Path
) -> None:
    warehouse = Warehouse(server, tmp_path)
    server.requests.reset()

    with pytest.raises(Exception, match=line):
        warehouse.pipeline.run(extend_source(**warehouse.settings()), **override)

    assert server.requests.total == 0


@pytest.mark.case("1.8")
@pytest.mark.parametrize(("before", "after", "word"), [("false", "true", "on"), ("true", "false", "off")])
def test_ids_of_rows_that_are_switched_later_are_refused(
    before: str, after: str, word: str, server: SandboxServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse = Warehouse(server, tmp_path)
    monkeypatch.setenv("NORMALIZE__PARQUET_NORMALIZER__ADD_DLT_ID", before)
    warehouse.sync()
    monkeypatch.setenv("NORMALIZE__PARQUET_NORMALIZER__ADD_DLT_ID", after)

    with pytest.raises(InvalidSetting, match=f"ADD_DLT_ID was switched {word} since the table .* was made"):
        warehouse.sync()


@pytest.mark.case("1.3")
def test_a_limit_of_yields_is_refused_and_one_of_runs_is_kept(server: SandboxServer, tmp_path: Path) -> None:
    warehouse = Warehouse(server, tmp_path)
    source = extend_source(**warehouse.settings(max_runs=2))
    for limited in (source, source.files):
        with pytest.raises(InvalidSetting, match=r"add_limit cannot be used.* Set max_runs"):
            limited.add_limit(2)

    warehouse.pipeline.run(source)
    assert warehouse.column("processor_runs", "id") == ["dpr_4", "dpr_5"]

    result = warehouse.sync(max_runs=2)
    assert (result.fetched, result.stopped_by, result.watermark) == (2, "max_runs", None)
    assert warehouse.column("processor_runs", "id") == ["dpr_2", "dpr_3", "dpr_4", "dpr_5"]

    result = warehouse.sync(max_runs=2)
    assert (result.fetched, result.stopped_by, result.left) == (1, None, 0)


@pytest.mark.case("1.4")
@pytest.mark.parametrize(
    ("resource", "again"), [("extraction_fields", INVOICES), ("typed_tables", INVOICES), ("processor_runs", RUNS)]
)
def test_resources_that_dlt_has_dropped_come_back(
    resource: str, again: list[str], loaded: AnyWarehouse, undisturbed: dict[str, list[Row]]
) -> None:
    drop_resources(resource)(loaded)

    result = loaded.sync()

    assert_fetched(loaded, again)
    assert contents(loaded) == undisturbed
    assert result.complete
    assert loaded.sync(reconcile=True, max_rechecks=0).requests == {"list_runs": 1}


@pytest.mark.slow
@pytest.mark.core
@pytest.mark.case("1.4")
def test_rows_come_back_from_kept_payloads_without_a_request(
    any_warehouse: AnyWarehouse, undisturbed: dict[str, list[Row]]
) -> None:
    any_warehouse.sync(keep_raw=True)
    any_warehouse.server.requests.reset()
    drop_resources("extraction_fields", "splits")(any_warehouse)

    result = any_warehouse.sync(keep_raw=True)

    assert (result.restored, result.fetched, result.requests) == (4, 0, {"list_runs": 1})
    assert any_warehouse.rows("extraction_fields") != []
    fields = [{**row, "_dlt_load_id": None} for row in any_warehouse.rows("extraction_fields")]
    assert fields == [{**row, "_dlt_load_id": None} for row in undisturbed["extraction_fields"]]


@pytest.mark.case("1.5")
@pytest.mark.parametrize(
    ("damage", "again"),
    [
        ("drop table extraction_fields", INVOICES),
        ("drop table splits", ["dpr_5"]),
        ("drop table files", ONE_OF_EACH_FILE),
        ("drop table file_pages", ONE_OF_EACH_FILE),
        ("drop table run_configs", [ANY_INVOICE, "dpr_4", "dpr_5"]),
        ("drop table credit_usage", INVOICES),
        ("drop table schema_drift", INVOICES),
        ("drop table typed_columns", INVOICES),
        (f"drop table {TYPED_LINES}", ["dpr_1", "dpr_2"]),
        ("drop table processor_runs", RUNS),
        ("drop table processor_run_summaries", []),
        ("drop table sync_log", []),
        ("drop table replacements", []),
        ("drop table _dlt_loads", RUNS),
        ("alter table extraction_fields drop column value_text", INVOICES),
        ("alter table extraction_fields drop column path", INVOICES),
        ("alter table processor_runs drop column status", RUNS),
        ("alter table processor_run_summaries drop column summary_sha256", []),
        ("alter table processor_run_summaries drop column credits", []),
        ("alter table run_configs drop column rules", [ANY_INVOICE, "dpr_4", "dpr_5"]),
        ("drop table extend_staging.extraction_fields", []),
    ],
)
def test_tables_and_columns_that_someone_has_dropped_come_back(
    damage: str, again: list[str], loaded: AnyWarehouse, undisturbed: dict[str, list[Row]]
) -> None:
    execute(damage)(loaded)

    loaded.sync()

    assert_fetched(loaded, again)
    assert contents(loaded) == undisturbed
    # a load meets whole tables, those of dlt's staging included
    assert loaded.sync(run_ids=["dpr_1"], refresh=True).fetched == 1


@pytest.mark.case("1.6")
@pytest.mark.parametrize(
    ("damage", "again"),
    [
        ("delete from extraction_fields", INVOICES),
        ("delete from extraction_fields where run_id = 'dpr_1' and path = 'vendor'", ["dpr_1"]),
        ("delete from files", ONE_OF_EACH_FILE),
        ("delete from file_sheets where file_id = 'file_3'", ["dpr_3"]),
        ("delete from run_config_fields", [ANY_INVOICE]),
        ("delete from run_configs where processor_type = 'CLASSIFY'", ["dpr_4"]),
        ("delete from credit_usage where resource_type = 'processor_run'", INVOICES),
        ("delete from schema_drift", INVOICES),
        ("delete from typed_columns where column_name = 'sku'", ["dpr_1", "dpr_2"]),
        (f"delete from {TYPED}", INVOICES),
        ("delete from processor_runs where id = 'dpr_5'", ["dpr_5"]),
        ("delete from processor_run_summaries", []),
    ],
)
def test_a_reconcile_notices_rows_that_someone_has_deleted(
    damage: str, again: list[str], loaded: AnyWarehouse, undisturbed: dict[str, list[Row]]
) -> None:
    execute(damage)(loaded)

    result = loaded.sync(reconcile=True, max_rechecks=0)

    assert_fetched(loaded, again)
    assert result.complete
    assert contents(loaded) == undisturbed
    assert loaded.sync(reconcile=True, max_rechecks=0).requests == {"list_runs": 1}


def test_unknown_keys_that_someone_has_deleted_are_noticed_also_after_syncs_in_between(
    loaded: AnyWarehouse, undisturbed: dict[str, list[Row]]
) -> None:
    execute("delete from schema_drift")(loaded)

    loaded.sync()
    loaded.sync(run_ids=["dpr_4"], refresh=True)
    loaded.sync(reconcile=True, max_rechecks=0)

    assert contents(loaded) == undisturbed
    assert loaded.sync(reconcile=True, max_rechecks=0).requests == {"list_runs": 1}


def test_what_is_missing_is_remembered_over_a_budget(loaded: AnyWarehouse, undisturbed: dict[str, list[Row]]) -> None:
    execute("drop table extraction_fields")(loaded)

    first = loaded.sync(max_runs=1)
    delete_working_folder(loaded)
    second = loaded.on_another_machine().sync()

    assert (first.restored, first.stopped_by) == (1, "max_runs")
    assert (second.restored, second.stopped_by) == (2, None)
    assert contents(loaded) == undisturbed


@pytest.mark.case("1.5")
def test_what_the_sync_of_one_scope_notices_comes_back_in_all_scopes(
    loaded: AnyWarehouse, undisturbed: dict[str, list[Row]]
) -> None:
    scope = {"processor_ids": ["dp_invoices"]}
    loaded.sync(**scope)
    execute("drop table classifications")(loaded)
    execute("drop table processor_run_summaries")(loaded)

    loaded.sync(**scope)
    loaded.sync()
    loaded.sync(**scope)

    assert contents(loaded) == undisturbed


@pytest.mark.case("1.5")
@pytest.mark.parametrize("is_made", [False, True])
def test_a_kill_while_tables_are_made_again_loses_nothing(
    is_made: bool, loaded: AnyWarehouse, undisturbed: dict[str, list[Row]], monkeypatch: pytest.MonkeyPatch
) -> None:
    execute("drop table extraction_fields")(loaded)

    def make_and_die(*arguments: Any) -> None:
        if is_made:
            storage.make_again(*arguments)
        raise RuntimeError("killed")

    with monkeypatch.context() as patch:
        patch.setattr("extend_source.pipeline.presence.make_again", make_and_die)
        with pytest.raises(PipelineStepFailed, match="killed"):
            loaded.sync()
    loaded.sync()

    assert contents(loaded) == undisturbed


@pytest.mark.case("1.5")
def test_a_load_left_behind_meets_tables_that_are_made_again(
    loaded: AnyWarehouse, undisturbed: dict[str, list[Row]], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL, "dlt")
    loaded.execute("delete from splits")
    loaded.execute("alter table splits alter column stage type integer using 1")
    with pytest.raises(PipelineStepFailed):
        loaded.sync(run_ids=["dpr_5"], refresh=True)
    loaded.execute("alter table splits alter column stage type text")
    loaded.execute("drop table extraction_fields")

    loaded.sync()

    assert contents(loaded) == undisturbed


@pytest.mark.case("1.5")
def test_rows_of_a_run_that_is_gone_at_the_source_are_named_as_lost(
    empty_server: SandboxServer, make_warehouse: MakeWarehouse, caplog: pytest.LogCaptureFixture
) -> None:
    fill(empty_server.workspace)
    warehouse = make_warehouse(empty_server)
    warehouse.sync()
    empty_server.workspace.delete_run("dpr_1")
    warehouse.sync(reconcile=True, max_rechecks=0)
    warehouse.execute("drop table extraction_fields")

    result = warehouse.sync()

    assert "1 run gone at the source: rows that were lost in the destination cannot come back" in caplog.text
    assert (result.restored, {row["run_id"] for row in warehouse.rows("extraction_fields")}) == (2, {"dpr_2", "dpr_3"})


@pytest.mark.case("1.7")
def test_rows_that_the_destination_refuses_fail_the_sync_and_come_with_the_next(
    loaded: AnyWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOAD__RAISE_ON_FAILED_JOBS", "false")
    loaded.execute("delete from splits")
    loaded.execute("alter table splits alter column stage type integer using 1")

    with pytest.raises(RowsRefused, match="The destination refused rows of splits"):
        loaded.sync(run_ids=["dpr_5"], refresh=True)
    loaded.execute("alter table splits alter column stage type text")

    assert loaded.sync().fetched == 1
    assert loaded.column("splits", "split_id") == ["s1"]


@pytest.mark.case("1.7")
def test_rows_that_plain_dlt_has_left_out_come_with_its_next_run(
    loaded: AnyWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOAD__RAISE_ON_FAILED_JOBS", "false")
    loaded.execute("delete from splits")
    loaded.execute("alter table splits alter column stage type integer using 1")
    loaded.run(run_ids=["dpr_5"], refresh=True)
    loaded.execute("alter table splits alter column stage type text")

    loaded.run()

    assert loaded.column("splits", "split_id") == ["s1"]


@pytest.mark.slow
@pytest.mark.core
@pytest.mark.case("1.8")
def test_a_change_lands_where_dlt_gives_rows_ids(any_warehouse: AnyWarehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NORMALIZE__PARQUET_NORMALIZER__ADD_DLT_ID", "true")
    any_warehouse.sync()

    assert any_warehouse.sync(run_ids=["dpr_1"], refresh=True).fetched == 1
    assert any_warehouse.sync(reconcile=True, max_rechecks=0).fetched == 0
    assert len({row["_dlt_id"] for row in any_warehouse.rows("processor_runs")}) == 5


@pytest.mark.core
def test_every_table_has_rows_in_this_world(undisturbed: dict[str, list[Row]]) -> None:
    empty = {name for name, rows in undisturbed.items() if not rows}

    of_2026 = {"file_sections", "parse_run_summaries", "credit_attributions", "credit_charges"}
    of_parse_runs = {table.name for table in PARSE_OUTPUT_TABLES["words"]}
    of_others = {table.name for table in TABLES.values() if group_of(table) not in ("", "runs", "parsing")}
    on_request = {"raw_payloads", "webhook_events", "batch_runs", *(table.name for table in HISTORY_TABLES)}
    assert empty == {"erasures", "fetch_errors", "tombstones"} | on_request | of_2026 | of_parse_runs | of_others
    assert set(TABLES) - {"sync_log", "sync_log_objects", "replacements"} == set(undisturbed) - {TYPED, TYPED_LINES}


def test_an_invoice_without_lines_has_fewer_rows(undisturbed: dict[str, list[Row]]) -> None:
    counts = {run_id: sum(row["run_id"] == run_id for row in undisturbed["extraction_fields"]) for run_id in LINES}

    assert invoice("dpr_3", 0, "file_3")["output"]["value"]["lines"] == []
    assert counts == {"dpr_1": 4, "dpr_2": 2, "dpr_3": 2}


@pytest.mark.case("1.5")
def test_a_rebuild_and_an_erasure_make_dropped_tables_again(
    any_warehouse: AnyWarehouse, undisturbed: dict[str, list[Row]]
) -> None:
    any_warehouse.sync(keep_raw=True)
    any_warehouse.execute("drop table extraction_fields")
    any_warehouse.execute(f"drop table {TYPED_LINES}")

    rebuild(any_warehouse.pipeline)
    found = contents(any_warehouse)

    assert found["extraction_fields"] == undisturbed["extraction_fields"]
    assert found[TYPED_LINES] == undisturbed[TYPED_LINES]
    any_warehouse.execute("drop table erasures")
    any_warehouse.execute("drop table extraction_fields")
    erase(any_warehouse.pipeline, run_ids=["dpr_2"])
    any_warehouse.sync(keep_raw=True)
    assert any_warehouse.column("erasures", "id") == ["dpr_2"]
    rows = [row for row in undisturbed["extraction_fields"] if row["run_id"] != "dpr_2"]
    assert contents(any_warehouse)["extraction_fields"] == rows


def test_a_column_that_no_load_has_made_yet_is_none_that_is_gone(server: SandboxServer, tmp_path: Path) -> None:
    warehouse = Warehouse(server, tmp_path)
    warehouse.sync()
    schema = warehouse.pipeline.schemas["extend"]
    schema.update_table({"name": "processor_runs", "columns": {"later": {"name": "later", "data_type": "text"}}})
    warehouse.pipeline.schemas.save_schema(schema)  # as a load leaves it that was dropped before it made the column
    server.requests.reset()

    assert warehouse.sync().requests == {"list_runs": 1}
