"""Tables and columns have their descriptions as comments in DuckDB and PostgreSQL, written when they have changed."""

from __future__ import annotations

import uuid
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dlt
import psycopg2
import pytest
from dlt.destinations.impl.duckdb.sql_client import DuckDbSqlClient
from dlt.destinations.impl.postgres.sql_client import Psycopg2SqlClient

from extend_source import rebuild, sync
from extend_source.pipeline import comments
from extend_source.sandbox import SandboxServer, Workspace
from tests.acceptance.conftest import MakeWarehouse
from tests.acceptance.small_world import drop_resources, refresh
from tests.acceptance.warehouse import AnyWarehouse, PostgresWarehouse

pytestmark = pytest.mark.thorough

CLIENTS = {"duckdb": DuckDbSqlClient, "postgres": Psycopg2SqlClient}

COMMENTS = {
    "duckdb": """
        select table_name, null, comment from duckdb_tables() where schema_name = '{0}'
        union all select table_name, column_name, comment from duckdb_columns() where schema_name = '{0}'
        """,
    "postgres": """
        select relname, null, description from pg_class join pg_description on objoid = pg_class.oid and objsubid = 0
        where classoid = 'pg_class'::regclass and relnamespace = '"{0}"'::regnamespace
        union all select relname, attname, description from pg_class join pg_attribute on attrelid = pg_class.oid
        join pg_description on objoid = pg_class.oid and objsubid = attnum
        where classoid = 'pg_class'::regclass and relnamespace = '"{0}"'::regnamespace
        """,
}

NASTY = "The customer's \\'name\\\\';\n\tdrop table \"x\"; -- %s %(a)s $1 $$ \x00\x1b[31m\u202e é 😀"
SHOWN = "The customer's \\'name\\\\'; drop table \"x\"; -- %s %(a)s $1 $$ \ufffd\ufffd[31m\ufffd é 😀."


def put_invoice(workspace: Workspace, number: int, **descriptions: str | None) -> str:
    """Serve an invoice of text fields with these descriptions; higher numbers are older."""
    fields = {name: {"type": "string", "description": text} for name, text in descriptions.items()}
    run = {
        **{"id": f"dpr_{number}", "type": "EXTRACT", "status": "PROCESSED", "reviewed": False},
        **{"processorId": "dp_1", "processorName": "Invoices", "processorVersionId": f"dpv_{number}"},
        "config": {"type": "EXTRACT", "schema": {"type": "object", "properties": fields}},
        "output": {"value": {}, "metadata": {}},
    }
    return workspace.put_run(run, created_at=workspace.now - timedelta(days=number))


@pytest.fixture
def invoices(empty_server: SandboxServer, make_warehouse: MakeWarehouse) -> AnyWarehouse:
    """A warehouse in front of one invoice."""
    put_invoice(empty_server.workspace, 1, customer="The customer's name", total=None)
    return make_warehouse(empty_server)


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """All SQL that goes through dlt's clients."""
    seen: list[str] = []
    for client in CLIENTS.values():

        def execute_query(self: Any, query: Any, *args: Any, run: Any = client.execute_query, **kwargs: Any) -> Any:
            seen.append(query if isinstance(query, str) else "")
            return run(self, query, *args, **kwargs)

        monkeypatch.setattr(client, "execute_query", execute_query)
    return seen


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The lines that the log gets about comments."""
    lines: list[str] = []
    monkeypatch.setattr(comments, "logger", SimpleNamespace(warning=lines.append))
    return lines


def set_comments(statements: list[str]) -> list[str]:
    """Take the statements that set comments out of what was run."""
    found = [line for sql in statements for line in sql.split(";\n") if line.startswith("COMMENT ON")]
    statements.clear()
    return found


def all_comments(warehouse: AnyWarehouse) -> dict[tuple[str, str | None], str | None]:
    """All comments by table and column; those of tables have no column."""
    kind = "postgres" if isinstance(warehouse, PostgresWarehouse) else "duckdb"
    rows = warehouse.query(COMMENTS[kind].format(warehouse.dataset))
    return {(table, column): comment for table, column, comment in rows if comment is not None}


@pytest.mark.slow
@pytest.mark.core
def test_tables_and_columns_have_their_descriptions(invoices: AnyWarehouse) -> None:
    invoices.sync()

    found = all_comments(invoices)

    assert found["extraction_edits", None] == (
        "One row per path that a reviewer changed. As the API reports it, and as initial and reviewed output differ, "
        "rows of arrays paired by content."
    )
    assert found["processor_runs", "id"] == "The run's id."
    assert found["sync_log", None] == (
        "One row per load. What each load did. A sync is one load or several of one sync_id; counts are those of the "
        "load alone."
    )
    assert found["sync_log", "throttled"] == "429 answers."
    assert found["extraction_invoices", None] == (
        "One row per run of the extraction processor dp_1. One typed column for each field of the processor's schema; "
        "see typed_columns."
    )
    assert found["extraction_invoices", "customer"] == "customer: The customer's name."
    assert found["extraction_invoices", "total"] == "total: text."
    tables = {table for table, column in found if column is None}
    assert tables == invoices.tables()


def test_no_text_breaks_the_statements(invoices: AnyWarehouse) -> None:
    put_invoice(invoices.server.workspace, 1, customer=NASTY, note="x" * 300_000, blank=" \n ")

    invoices.sync()

    found = all_comments(invoices)
    assert found["extraction_invoices", "customer"] == f"customer: {SHOWN}"
    assert found["extraction_invoices", "note"] == f"note: {'x' * 300_000}."
    assert found["extraction_invoices", "blank"] == "blank: text."


@pytest.mark.slow
@pytest.mark.core
def test_only_what_has_changed_is_written(invoices: AnyWarehouse, statements: list[str]) -> None:
    workspace = invoices.server.workspace
    invoices.sync()
    assert len(set_comments(statements)) == len(all_comments(invoices))

    invoices.sync()
    asked = [sql for sql in statements if "duckdb_columns" in sql or "col_description" in sql]
    assert (set_comments(statements), asked) == ([], [])

    put_invoice(workspace, 0, customer="Another text: names keep what was said first", paid="Is it paid?")
    invoices.sync()
    written = set_comments(statements)
    assert written == ['COMMENT ON COLUMN "extend"."extraction_invoices"."paid" IS E\'paid: Is it paid?\'']

    other = invoices.on_another_machine()
    other.sync()
    assert set_comments(statements) == []

    invoices.execute("comment on table processor_runs is 'mine'")
    invoices.execute("comment on column processor_runs.id is null")
    put_invoice(workspace, 2, due="When it is due.")
    invoices.sync()
    assert sorted(set_comments(statements)) == [
        'COMMENT ON COLUMN "extend"."extraction_invoices"."due" IS E\'due: When it is due.\'',
        'COMMENT ON COLUMN "extend"."processor_runs"."id" IS E\'The run\'\'s id.\'',
        'COMMENT ON TABLE "extend"."processor_runs" IS E\'One row per run. Runs of extraction, classification and '
        "splitting processors.'",
    ]


@pytest.mark.parametrize(
    "how", ["dropped", "a column dropped", "drop_sources", "drop_resources", "drop_data", "command"]
)
def test_tables_that_are_made_again_have_their_comments(invoices: AnyWarehouse, how: str) -> None:
    invoices.sync()
    before = all_comments(invoices)

    if how == "dropped":
        invoices.execute("drop table processor_runs")
    elif how == "a column dropped":
        invoices.execute("alter table processor_runs drop column status")
    elif how == "command":
        drop_resources()(invoices)
    else:
        refresh(how)(invoices)
    assert (all_comments(invoices) == before) == (how == "drop_data")
    invoices.sync()

    assert all_comments(invoices) == before


def test_a_rebuild_sets_them_too(invoices: AnyWarehouse) -> None:
    invoices.sync(keep_raw=True)
    before = all_comments(invoices)
    other = invoices.on_another_machine()
    invoices.execute("comment on table processor_runs is null")

    rebuild(other.pipeline)

    assert all_comments(other) == before


def test_plain_dlt_sets_none(invoices: AnyWarehouse, statements: list[str]) -> None:
    invoices.run()

    assert set_comments(statements) == []
    assert all_comments(invoices) == {}


def test_a_view_in_the_place_of_a_table_is_left_out(invoices: AnyWarehouse, said: list[str]) -> None:
    invoices.sync()
    before = all_comments(invoices)
    invoices.execute("comment on column processor_runs.id is null")
    invoices.execute("alter table sync_log rename to sync_log_old")
    invoices.execute("create view sync_log as select * from sync_log_old")
    comments.forget_comments(invoices.pipeline)

    comments.keep_comments(invoices.pipeline, "")

    found = all_comments(invoices)
    assert found["processor_runs", "id"] == "The run's id."
    renamed = {
        ("sync_log_old" if table == "sync_log" else table, column): text for (table, column), text in before.items()
    }
    assert {place: text for place, text in found.items() if place[0] != "sync_log"} == renamed
    assert said == []


def test_names_in_any_case_and_datasets_that_need_quotes(
    empty_server: SandboxServer, tmp_path: Path, statements: list[str]
) -> None:
    put_invoice(empty_server.workspace, 1, customer="A name")
    database = str(tmp_path / "a b.duckdb")
    pipeline = dlt.pipeline(
        "extend", destination=dlt.destinations.duckdb(database), dataset_name="select", pipelines_dir=str(tmp_path)
    )
    settings = {"api_key": empty_server.api_key, "base_url": empty_server.base_url, "requests_per_second": 0}
    sync(pipeline, **settings)
    assert len(set_comments(statements)) > 300
    with pipeline.sql_client() as client:
        client.execute_sql('alter table "select".processor_runs rename to "Processor_Runs"')
        client.execute_sql('alter table "select"."Processor_Runs" rename column id to "ID"')
        client.execute_sql('comment on column "select"."Processor_Runs"."ID" is null')
    set_comments(statements)
    comments.forget_comments(pipeline)

    comments.keep_comments(pipeline, "")

    assert set_comments(statements) == ['COMMENT ON COLUMN "select"."processor_runs"."id" IS E\'The run\'\'s id.\'']
    with pipeline.sql_client() as client:
        sql = "select comment from duckdb_columns() where table_name = 'Processor_Runs' and column_name = 'ID'"
        assert client.execute_sql(sql) == [("The run's id.",)]


def test_a_dataset_that_needs_quotes_in_postgres(empty_server: SandboxServer, tmp_path: Path, postgres: str) -> None:
    put_invoice(empty_server.workspace, 1, customer="A name")
    warehouse = PostgresWarehouse(empty_server, tmp_path, postgres, dataset="select")

    warehouse.sync()

    assert all_comments(warehouse)["extraction_invoices", "customer"] == "customer: A name."


def test_a_user_without_the_right_to_comment_syncs(
    empty_server: SandboxServer,
    tmp_path: Path,
    postgres: str,
    statements: list[str],
    said: list[str],
) -> None:
    put_invoice(empty_server.workspace, 1, customer="A name")
    owners = PostgresWarehouse(empty_server, tmp_path, postgres)
    owners.sync()
    role = f"loader_{uuid.uuid4().hex}"
    owners.execute(f"create role {role}; grant {role} to current_user")
    for schema in ("extend", "extend_staging"):
        owners.execute(f"grant all on schema {schema} to {role}; grant all on all tables in schema {schema} to {role}")
    for name in ("sync_log", "splits"):
        owners.execute(f"comment on table {name} is null")
    statements.clear()
    put_invoice(empty_server.workspace, 0, customer="A name")
    others = PostgresWarehouse(empty_server, tmp_path, f"{postgres}&options=-c%20role%3D{role}", "of-the-role")

    result = others.sync()

    assert (result.fetched, result.complete, others.count("processor_runs")) == (1, True, 2)
    assert ("sync_log", None) not in all_comments(owners)
    assert len(said) == 1
    assert "must be owner of table" in said[0]
    assert "sync_log" in said[0]
    assert "splits" in said[0]
    statements.clear()
    others.sync()  # that would change nothing
    assert set_comments(statements) == []


def test_a_locked_table_gets_its_comments_later(
    empty_server: SandboxServer, tmp_path: Path, postgres: str, said: list[str]
) -> None:
    put_invoice(empty_server.workspace, 1, customer="A name")
    warehouse = PostgresWarehouse(empty_server, tmp_path, postgres)
    warehouse.run()
    with closing(psycopg2.connect(postgres)) as other, other.cursor() as cursor:
        cursor.execute("lock table extend.processor_runs in share update exclusive mode")
        warehouse.sync()
        found = all_comments(warehouse)

    assert {table for table, _ in found} == warehouse.tables() - {"processor_runs"}
    assert len(said) == 1
    assert said[0].startswith("Of processor_runs not all comments could be set")
    warehouse.sync()
    assert all_comments(warehouse)["processor_runs", "id"] == "The run's id."


def test_a_destination_that_does_not_answer_is_one_line(
    invoices: AnyWarehouse, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> Any:
        raise OSError("the line\nis cut")

    statements_of = comments._statements
    monkeypatch.setattr(comments, "_statements", fail)
    result = invoices.sync()

    assert result.complete
    assert said == ["Of the tables not all comments could be set; the rows are complete: the line is cut"]
    monkeypatch.setattr(comments, "_statements", statements_of)
    invoices.sync()
    assert all_comments(invoices)["processor_runs", "id"] == "The run's id."
