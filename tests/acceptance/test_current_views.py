"""The views for readers: a load that is cut off between two tables shows no run of which it has replaced a part."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest
from dlt.destinations.exceptions import DatabaseTransientException
from dlt.destinations.job_client_impl import SqlLoadJob
from dlt.pipeline.exceptions import PipelineStepFailed

from extend_source import create_current_views, erase
from extend_source.config.groups import GROUPS
from extend_source.errors import UsageError
from extend_source.reports.current import view_of
from extend_source.sandbox import SandboxServer
from extend_source.tables import TABLES
from tests.acceptance.conftest import MakeWarehouse
from tests.acceptance.scenes import fetched, make_open_warehouse, small_server
from tests.acceptance.shell import run_shell
from tests.acceptance.test_shell import settings
from tests.acceptance.warehouse import AnyWarehouse

pytestmark = pytest.mark.thorough

make_warehouse = make_open_warehouse
server = small_server

RUNS = {"dpr_a": 1, "dpr_b": 2}
"""The runs of the small workspace, and what each has read as the total."""


def put_run(
    server: SandboxServer, run_id: str, total: int | None, status: str = "PROCESSED", file: str | None = None
) -> None:
    """Serve a run; without a total its output is empty."""
    schema = {"type": "object", "properties": {"total": {"type": "integer"}}}
    output = {"value": {} if total is None else {"total": total}, "metadata": {}}
    config = {"type": "EXTRACT", "schema": schema}
    run = {"id": run_id, "type": "EXTRACT", "status": status, "processorId": "dp_totals", "config": config}
    server.workspace.advance(60)
    files = [] if file is None else [{"object": "file", "id": file, "name": "a.pdf"}]
    server.workspace.put_run({**run, "output": output, "files": files}, created_at=server.workspace.now)


def totals(warehouse: AnyWarehouse, suffix: str) -> dict[str, Any]:
    """What readers see: each run, and the total among its fields, None if it has none."""
    with warehouse.reading():
        fields = warehouse.query(f"select run_id, value_number from extraction_fields{suffix} where path = 'total'")
        found = dict(fields)
        return {run_id: found.get(run_id) for (run_id,) in warehouse.query(f"select id from processor_runs{suffix}")}


@pytest.fixture
def viewed(
    empty_server: SandboxServer, make_warehouse: MakeWarehouse, caplog: pytest.LogCaptureFixture
) -> AnyWarehouse:
    """A warehouse with two runs and the views."""
    caplog.set_level(logging.CRITICAL, "dlt")
    warehouse = make_warehouse(empty_server)
    for run_id, total in RUNS.items():
        put_run(empty_server, run_id, total)
    warehouse.sync()
    create_current_views(warehouse.pipeline)
    empty_server.requests.reset()
    return warehouse


def cut_off(warehouse: AnyWarehouse, table: str, **arguments: Any) -> None:
    """Sync with a fault placed in the loader: one table is never replaced, and the load ends with the others replaced."""
    replace = SqlLoadJob.run

    def replace_unless_refused(job: SqlLoadJob) -> None:
        if job.job_file_info().table_name == table:
            raise DatabaseTransientException(ConnectionError(f"lost while replacing {table}"))
        replace(job)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SqlLoadJob, "run", replace_unless_refused)
        with pytest.raises(PipelineStepFailed):
            warehouse.sync(**arguments)


@pytest.mark.slow
@pytest.mark.core
@pytest.mark.parametrize("refused", ["processor_runs", "extraction_fields"])
def test_a_run_of_which_a_part_is_replaced_is_not_shown_until_it_is_whole(viewed: AnyWarehouse, refused: str) -> None:
    put_run(viewed.server, "dpr_a", None, "FAILED")

    cut_off(viewed, refused)
    mixed, shown = totals(viewed, ""), totals(viewed, "_current")
    viewed.sync()

    assert mixed["dpr_a"] == (None if refused == "processor_runs" else 1)
    assert shown == {"dpr_b": 2}
    assert totals(viewed, "_current") == {"dpr_a": None, "dpr_b": 2}


def test_what_a_lost_load_has_replaced_in_part_is_fetched_again_by_another_machine(viewed: AnyWarehouse) -> None:
    put_run(viewed.server, "dpr_a", None)
    cut_off(viewed, "processor_runs")
    viewed.server.requests.reset()

    result = viewed.on_another_machine().sync()

    assert (result.fetched, fetched(viewed.server)) == (1, ["dpr_a"])
    assert totals(viewed, "_current") == {"dpr_a": None, "dpr_b": 2}


@pytest.mark.slow
@pytest.mark.core
def test_the_views_show_what_the_tables_hold_once_all_loads_have_ended(any_warehouse: AnyWarehouse) -> None:
    everything = {"objects": list(GROUPS), "keep_raw": True, "parse_output": "words", "history": True}
    any_warehouse.sync(**everything)
    any_warehouse.sync(refresh=True, **everything)

    result = create_current_views(any_warehouse.pipeline)

    left_out = ["verify_runs", "verify_signals", "verify_evidence", "webhook_events"]
    names = {*TABLES, *any_warehouse.typed_tables()} - {"replacements", *left_out}
    assert result.left_out == left_out
    assert result.views.keys() == {view_of(name) for name in names}
    with any_warehouse.reading():
        for name in names:
            assert any_warehouse.query(f'select count(*) from "{view_of(name)}"') == [(any_warehouse.count(name),)], (
                name
            )


def test_a_file_that_is_replaced_in_part_is_fetched_again_with_a_run_of_it(viewed: AnyWarehouse) -> None:
    put_run(viewed.server, "dpr_a", 1, file="file_shared")
    viewed.sync()
    create_current_views(viewed.pipeline)
    put_run(viewed.server, "dpr_late", 3, file="file_shared")
    cut_off(viewed, "extraction_fields")
    viewed.server.workspace.delete_run("dpr_late")
    viewed.server.requests.reset()
    with viewed.reading():
        assert viewed.query("select id from files_current") == []

    viewed.on_another_machine().sync()

    assert sorted(fetched(viewed.server)) == ["dpr_a", "dpr_late"]
    assert viewed.query("select id from files_current") == [("file_shared",)]


def test_a_file_of_a_run_that_is_gone_is_fetched_again_with_another_run(viewed: AnyWarehouse) -> None:
    for run_id in ("dpr_a", "dpr_late"):
        put_run(viewed.server, run_id, 1, file="file_shared")
    viewed.sync()
    put_run(viewed.server, "dpr_late", 3, file="file_shared")
    cut_off(viewed, "extraction_fields")
    viewed.server.workspace.delete_run("dpr_late")
    other = viewed.on_another_machine()

    other.sync()
    other.sync()

    assert viewed.query("select id from files_current") == [("file_shared",)]
    assert sorted(totals(viewed, "_current")) == ["dpr_a", "dpr_b"]
    assert other.sync().fetched == 0


@pytest.mark.parametrize("refused", ["file_contents", "file_pages"])
def test_text_of_a_file_that_was_replaced_in_part_is_fetched_again(viewed: AnyWarehouse, refused: str) -> None:
    put_run(viewed.server, "dpr_a", 1, file="file_shared")
    page = {"pageNumber": 1, "rawText": "old"}
    file = {"object": "file", "id": "file_shared", "name": "a.pdf"}
    viewed.server.workspace.put_file({**file, "contents": {"rawText": "old", "pages": [page]}})
    viewed.sync(file_contents="fetch")
    create_current_views(viewed.pipeline)
    viewed.server.workspace.put_file({**file, "contents": {"rawText": "new", "pages": [{**page, "rawText": "new"}]}})
    cut_off(viewed, refused, file_contents="fetch", refresh=True)

    viewed.on_another_machine().sync(file_contents="fetch")

    assert viewed.query("select raw_text from file_contents_current") == [("new",)]
    assert viewed.query("select raw_text from file_pages_current") == [("new",)]


def test_configs_are_shown_while_a_load_writes_them_again(viewed: AnyWarehouse) -> None:
    put_run(viewed.server, "dpr_a", 7)

    cut_off(viewed, "processor_runs")

    sql = "select r.id from processor_runs_current r join run_configs_current c on c.config_id = r.config_id"
    assert viewed.query(sql) == [("dpr_b",)]


def test_a_table_with_the_longest_name_gets_a_view_of_its_own(viewed: AnyWarehouse) -> None:
    value = {"coverage_line_items": [{"amount": 1}]}
    item = {"type": "object", "properties": {"amount": {"type": "integer"}}}
    schema = {"type": "object", "properties": {"coverage_line_items": {"type": "array", "items": item}}}
    processor = {"processorId": "dp_long", "processorName": "Commercial Insurance Certificates"}
    run = {"id": "dpr_long", "type": "EXTRACT", "status": "PROCESSED", "config": {"type": "EXTRACT", "schema": schema}}
    output = {"value": value, "metadata": {}}
    viewed.server.workspace.put_run({**run, **processor, "output": output}, created_at=viewed.server.workspace.now)
    viewed.sync()
    (table,) = (name for name in viewed.typed_tables() if name.startswith("extraction_commercial") and "__" in name)

    result = create_current_views(viewed.pipeline)

    assert len(table) == 63
    assert view_of(table) in result.views
    assert len(view_of(table)) == 63
    assert viewed.query(f'select amount from "{view_of(table)}"') == [(1,)]


def test_an_announcement_goes_with_the_next_one_once_its_load_has_ended(viewed: AnyWarehouse) -> None:
    put_run(viewed.server, "dpr_a", 5)
    viewed.sync()
    first = viewed.column("replacements", "id")
    put_run(viewed.server, "dpr_b", 6)
    put_run(viewed.server, "dpr_new", 7)
    viewed.sync()

    assert first == ["dpr_a"]
    assert viewed.column("replacements", "id") == ["dpr_b"]  # nothing of a new run could be half replaced
    assert totals(viewed, "_current") == {"dpr_a": 5, "dpr_b": 6, "dpr_new": 7}


def test_a_run_that_is_being_erased_is_not_shown(viewed: AnyWarehouse) -> None:
    viewed.execute("insert into erasures (id, resource_type, erased_at) values ('dpr_a', 'processor_run', now())")

    assert totals(viewed, "_current") == {"dpr_b": 2}

    erase(viewed.pipeline, run_ids=["dpr_b"])

    assert totals(viewed, "_current") == {}


def test_without_any_load_there_is_nothing_to_view(any_warehouse: AnyWarehouse) -> None:
    with pytest.raises(UsageError, match="Nothing has landed yet"):
        create_current_views(any_warehouse.pipeline)


def test_the_shell_makes_the_views_and_says_which(empty_server: SandboxServer, tmp_path: Path) -> None:
    put_run(empty_server, "dpr_a", 1)
    assert run_shell(tmp_path, "sync", **settings(empty_server)).code == 0

    outcome = run_shell(tmp_path, "views", "--json")

    assert outcome.code == 0
    assert json.loads(outcome.stdout)["views"]["extraction_fields_current"] == TABLES["extraction_fields"].grain
