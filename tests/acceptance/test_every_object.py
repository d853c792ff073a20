"""The life of one object of each kind, from its first load to its erasure: what must hold for all kinds alike.

The payloads and rows are those of ``tests/golden``. The life is lived once for each kind and destination, and its moments
are kept.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from extend_source import create_current_views, erase, rebuild
from extend_source.sandbox import SandboxServer
from extend_source.tables import TABLES
from extend_source.tables.contract import ANY_OBJECT
from extend_source.tables.objects import OBJECT_TYPES, rows_about
from tests.acceptance.conftest import MakeWarehouse, new_databases
from tests.acceptance.scenes import OpenWarehouse
from tests.acceptance.specimens import GOLDEN, SPECIMENS, Specimen
from tests.acceptance.warehouse import PostgresWarehouse, Row

NOT_TYPED = frozenset(
    {
        *("_dlt_load_id", "fetched_at", "observed_at", "created_at", "updated_at", "listed_at"),
        *("payload_sha256", "row_counts", "workspace_id", "config_id", "workflow_id", "loaded_tables"),
    }
)
"""Columns that depend on the moment, or that nobody can type."""


Rows = dict[str, list[Row]]


@dataclass
class Moment:
    """What there was at one moment: the rows about the object, and the requests for objects of its kind."""

    rows: Rows
    requests: int


class Life:
    """The life of a specimen."""

    def __init__(self, specimen: Specimen, make_warehouse: MakeWarehouse, server: SandboxServer) -> None:
        self.object_type, self.specimen = specimen.object_type, specimen
        self.make_warehouse = make_warehouse
        self.server, self.warehouse = server, make_warehouse(server)
        self.moments: dict[str, Moment] = {}
        with self.warehouse.kept_open():
            self.stages()

    def stages(self) -> None:
        specimen, workspace = self.specimen, self.server.workspace
        specimen.put(workspace, specimen.payload)
        self.sync("landed")
        self.sync("again", **specimen.again)
        self.views = create_current_views(self.warehouse.pipeline).views
        self.current = self.rows(suffix="_current")
        output = specimen.settings.get("parse_output")
        groups = specimen.settings.get("objects")
        self.rebuilt = rebuild(self.warehouse.pipeline, parse_output=output, objects=groups)
        self.note("rebuilt", 0)
        specimen.put(workspace, specimen.fewer(specimen.payload))
        self.sync("fewer", refresh=True)
        self.server.faults.set([] if specimen.is_listed_whole else [f"503:1@{specimen.fault}"])
        self.sync("failed", refresh=True, max_object_seconds=1, max_error_share=1)
        self.server.faults.clear()
        specimen.put(workspace, specimen.payload)
        self.sync("recovered", refresh=True)
        self.limited = self.sync("limited", refresh=True, max_requests=2)
        specimen.remove(workspace, str(specimen.payload["id"]))
        self.sync("gone", refresh=True, reconcile=True)
        ids = "file_ids" if self.object_type == "file" else "run_ids"
        self.erasure = erase(self.warehouse.pipeline, **{ids: [specimen.id]})
        self.note("erased", 0)
        specimen.put(workspace, specimen.payload)
        self.sync("after", refresh=True, reconcile=True)

    def sync(self, moment: str, **arguments: Any) -> Any:
        if self.specimen.is_named and moment != "again":
            arguments = {**arguments, "reconcile": False, "run_ids": [self.specimen.id]}
        result = self.warehouse.sync(keep_raw=True, **self.specimen.settings, **arguments)
        self.note(moment, result.requests.get(self.specimen.request, 0))
        return result

    def note(self, moment: str, requests: int) -> None:
        self.moments[moment] = Moment(self.rows(), requests)

    def rows(self, suffix: str = "") -> Rows:
        """The rows about the object, by table."""
        with self.warehouse.reading():
            return self._rows(suffix)

    def _rows(self, suffix: str) -> Rows:
        found: Rows = {}
        there = self.warehouse.tables() if not suffix else {name + suffix for name in self.warehouse.tables()}
        for place in rows_about(self.object_type):
            if place.table.name + suffix not in there or (suffix and place.table.name == "replacements"):
                continue
            of_kind = place.resource_type
            found[place.table.name] = in_order(
                {name: shown(value) for name, value in row.items() if value is not None and name not in NOT_TYPED}
                for row in self.warehouse.rows(place.table.name + suffix)
                if row[place.column] == self.specimen.id and (of_kind is None or row["resource_type"] == of_kind)
            )
        return found


def make_on_duckdb(request: pytest.FixtureRequest) -> Iterator[MakeWarehouse]:
    factory = request.getfixturevalue("tmp_path_factory")
    yield lambda server: OpenWarehouse(server, factory.mktemp("life"))


def make_on_postgres(request: pytest.FixtureRequest) -> Iterator[MakeWarehouse]:
    factory = request.getfixturevalue("tmp_path_factory")
    with new_databases(request.getfixturevalue("postgres_server")) as new_database:
        yield lambda server: PostgresWarehouse(server, factory.mktemp("life"), new_database())


ALWAYS = ("processor_run", "file", "workflow_run")
"""Objects of the three ways to be found: in a list by changes, by others that name it, in a list with parts of its own."""

ON_DUCKDB = [
    pytest.param((name, make_on_duckdb), id=name, marks=() if name in ALWAYS else pytest.mark.slow)
    for name in SPECIMENS
]
ON_POSTGRES = [
    pytest.param((name, make_on_postgres), id=f"{name}-postgres", marks=pytest.mark.thorough) for name in SPECIMENS
]


@pytest.fixture(scope="module", params=[*ON_DUCKDB, *ON_POSTGRES])
def life(request: pytest.FixtureRequest) -> Iterator[Life]:
    name, make = request.param
    with SandboxServer(runs=0) as server, contextmanager(make)(request) as make_warehouse:
        yield Life(SPECIMENS[name], make_warehouse, server)


def test_every_kind_of_object_is_tried() -> None:
    assert {specimen.object_type for specimen in SPECIMENS.values()} == OBJECT_TYPES.keys()


def test_it_lands_in_the_rows_that_were_typed_by_hand(life: Life) -> None:
    if life.specimen.new_id is not None:
        pytest.skip("tests/golden has other files for API 2026-02-09")
    landed = life.moments["landed"].rows
    expected = json.loads((GOLDEN / life.specimen.golden).read_text("utf-8"))["rows"]
    compared = 0
    for table, rows in expected.items():
        if table not in landed or table in ("run_configs", "processor_runs", "parse_runs"):
            continue  # rows of others; the run itself has a config's sum
        about = TABLES[table].owner.about
        if about not in (life.object_type, ANY_OBJECT):
            continue  # of what came with it
        json_columns = {column.name for column in TABLES[table].columns if column.kind.name == "json"}
        json_columns |= {column.name for column in TABLES[table].columns if column.is_personal}
        typed = [
            {name: value for name, value in row.items() if name not in NOT_TYPED and name not in json_columns}
            for row in rows
            if about != ANY_OBJECT or row["resource_type"] == life.object_type
        ]
        found = [{name: value for name, value in row.items() if name not in json_columns} for row in landed[table]]
        assert in_order(found) == in_order(typed), table
        compared += len(typed)
    assert compared >= life.specimen.least


def test_names_of_people_are_dropped_unless_a_rule_keeps_them(life: Life) -> None:
    personal = {
        (table, column.name)
        for table in life.moments["landed"].rows
        for column in TABLES[table].columns
        if column.is_personal
    }
    for table, column in personal:
        assert not any(column in row for row in life.moments["landed"].rows[table])


def test_it_is_fetched_once_and_not_again(life: Life) -> None:
    once = 0 if life.specimen.is_listed_whole else 1
    assert (life.moments["landed"].requests, life.moments["again"].requests) == (once, 0)
    assert life.moments["again"].rows == life.moments["landed"].rows


def test_fewer_rows_replace_more(life: Life) -> None:
    if life.specimen.shrinking is None:
        pytest.skip("it replaces no rows of others")
    table, before, after = life.specimen.shrinking
    assert [len(life.moments[moment].rows[table]) for moment in ("landed", "fewer", "recovered")] == [
        before,
        after,
        before,
    ]


def test_its_current_view_shows_the_same_rows(life: Life) -> None:
    shown = {name: rows for name, rows in life.current.items() if rows}
    landed = {name: rows for name, rows in life.moments["again"].rows.items() if rows}
    assert shown == landed
    assert {f"{name}_current" for name in shown} <= life.views.keys()


def test_its_rows_are_rebuilt_from_its_payload_without_a_request(life: Life) -> None:
    assert (life.rebuilt.objects[life.object_type].fetched, life.rebuilt.failed) == (1, 0)
    assert without_books(life.moments["rebuilt"].rows) == without_books(life.moments["again"].rows)


def test_an_error_is_a_row_until_it_is_fetched_again_and_its_rows_stay(life: Life) -> None:
    if life.specimen.is_listed_whole:
        pytest.skip("an error of its list is none of it")
    failed, recovered = life.moments["failed"].rows, life.moments["recovered"].rows
    assert [row["status_code"] for row in failed["fetch_errors"]] == [503]
    assert without_books(failed) == without_books(life.moments["fewer"].rows)
    assert recovered["fetch_errors"] == []
    assert without_books(recovered) == without_books(life.moments["landed"].rows)


def test_a_budget_is_kept_and_loses_nothing(life: Life) -> None:
    assert sum(life.limited.requests.values()) <= 2
    assert without_books(life.moments["limited"].rows) == without_books(life.moments["landed"].rows)


def test_what_is_gone_at_the_source_is_noted_and_its_rows_stay(life: Life) -> None:
    gone = life.moments["gone"].rows
    if life.specimen.gone:
        assert len(gone[life.specimen.gone]) == 1
    assert without_books(gone) == without_books(life.moments["landed"].rows)


def test_what_is_erased_is_gone_from_all_tables_and_does_not_come_back(life: Life) -> None:
    for moment in ("erased", "after"):
        assert {name for name, rows in life.moments[moment].rows.items() if rows} == {"erasures"}
    assert life.moments["after"].requests == 0


def test_a_hidden_column_is_nowhere_in_the_dataset(life: Life) -> None:
    if life.specimen.secret is None:
        pytest.skip("it holds figures alone")
    column, secret = life.specimen.secret
    with SandboxServer(runs=0) as server:
        life.specimen.put(server.workspace, life.specimen.payload)
        warehouse = life.make_warehouse(server)
        named = {"run_ids": [life.specimen.id]} if life.specimen.is_named else {}
        warehouse.sync(keep_raw=True, privacy={"columns": {column: "mask"}}, **named, **life.specimen.settings)
    table, _, name = column.partition(".")
    hidden = [value for value in warehouse.column(table, name) if value is not None]
    assert hidden
    assert all("***" in value for value in hidden)  # of JSON the keys stay
    assert [cell for cell in warehouse.cells() if secret in str(cell)] == []


def without_books(rows: Rows) -> Rows:
    return {name: of_table for name, of_table in rows.items() if not TABLES[name].is_book}


def shown(value: Any) -> Any:
    """A value as one types it: credits, times and dates as text."""
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value


def in_order(rows: Iterable[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: sorted((name, str(value)) for name, value in row.items()))
