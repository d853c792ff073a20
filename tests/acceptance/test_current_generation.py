"""API 2026-02-09: the same workspace, in the same tables, under the ids of that version."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from extend_source import ExtendError, InvalidSetting, plan
from extend_source.api import CURRENT_VERSION
from extend_source.errors import UnsupportedApiVersion
from extend_source.sandbox import OddAnswer, Options, SandboxServer, Workspace
from extend_source.tables.objects import OBJECT_TYPES
from tests.acceptance.conftest import MakeWarehouse, new_databases
from tests.acceptance.scenes import impatient, small_server
from tests.acceptance.warehouse import AnyWarehouse, PostgresWarehouse, Row, Warehouse, without_sync_columns

pytestmark = pytest.mark.slow

PREFIXES = {
    **dict.fromkeys(("exr", "clr", "splr"), "dpr"),
    **dict.fromkeys(("ex", "cl", "spl"), "dp"),
    **dict.fromkeys(("exv", "clv", "splv"), "dpv"),
}
LISTS = dict.fromkeys(("list_extract_runs", "list_classify_runs", "list_split_runs", "list_parse_runs"), 1)
GET_OF = {"EXTRACT": "get_extract_run", "CLASSIFY": "get_classify_run", "SPLITTER": "get_split_run"}
PREFIX_OF = {"EXTRACT": "exr", "CLASSIFY": "clr", "SPLITTER": "splr"}

FEW = 24
"""The runs of the stand-ins in which their number plays no part."""

NOT_TAKEN_IN = "PRE_PROCESSING_FAILURE"
"""Runs that failed with it name no file in 2026-02-09."""


def old_id(value: Any) -> Any:
    """The id in 2025-04-21 of what has an id in 2026-02-09."""
    prefix, mark, rest = str(value).partition("_")
    return f"{PREFIXES[prefix]}_{rest}" if mark and prefix in PREFIXES else value


def new_id(workspace: Workspace, run_id: str) -> str:
    """The id in 2026-02-09 of a run of the stand-in."""
    return PREFIX_OF[workspace.run_payload(run_id)["type"]] + run_id.removeprefix("dpr")


def with_old_ids(row: Row) -> Row:
    ids = ("run_id", "processor_id", "processor_version_id")
    return {name: old_id(value) if name in ids else value for name, value in row.items()}


def without(rows: list[Row], *columns: str) -> list[Row]:
    kept = [{name: value for name, value in row.items() if name not in (*columns, "_dlt_load_id")} for row in rows]
    return sorted(kept, key=lambda row: [(name, str(value)) for name, value in row.items()])


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Warehouse, Warehouse]]:
    """One workspace, synced in both versions: 2025-04-21, then 2026-02-09."""
    with SandboxServer(runs=120) as server:
        old, new = (Warehouse(server, tmp_path_factory.mktemp(name)) for name in ("old", "new"))
        with old.kept_open(), new.kept_open():
            old.sync()
            server.requests.reset()
            new.sync(api_version=CURRENT_VERSION)
            yield old, new


server = small_server


@pytest.fixture(scope="module", params=["duckdb", "postgres"])
def landed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AnyWarehouse]:
    """A warehouse that all runs have landed in, in each destination; each test leaves it up to date."""
    with SandboxServer(runs=FEW) as server, ExitStack() as stack:
        folder = tmp_path_factory.mktemp("landed")
        if request.param == "postgres":
            make = stack.enter_context(new_databases(request.getfixturevalue("postgres_server")))
            warehouse: AnyWarehouse = PostgresWarehouse(server, folder, make())
        else:
            warehouse = Warehouse(server, folder)
        stack.enter_context(warehouse.kept_open())
        warehouse.sync(api_version=CURRENT_VERSION)
        yield warehouse


def test_each_run_is_fetched_once_where_its_type_is(shared: tuple[Warehouse, Warehouse]) -> None:
    old, new = shared

    gets: dict[str, int] = {}
    for kind in old.column("processor_runs", "type"):
        gets[GET_OF[kind]] = gets.get(GET_OF[kind], 0) + 1
    parsed = sum(status in ("PROCESSED", "FAILED") for status in new.column("parse_run_summaries", "status"))
    assert new.server.requests.counts == {**LISTS, **gets, "get_parse_run": parsed}
    assert sum(gets.values()) == 120


def test_runs_say_the_same_in_both_versions(shared: tuple[Warehouse, Warehouse]) -> None:
    old, new = shared
    columns = ("id", "type", "status", "processor_id", "processor_name", "reviewed", "edited", "failure_reason")

    def said(warehouse: Warehouse) -> list[tuple[Any, ...]]:
        more = ("failure_message", "created_at", "updated_at")
        return sorted(
            tuple(old_id(row[name]) if name in ("id", "processor_id") else row[name] for name in (*columns, *more))
            for row in warehouse.rows("processor_runs")
        )

    assert said(new) == said(old)
    assert set(new.column("processor_runs", "object")) == {"extract_run", "classify_run", "split_run"}
    assert set(new.column("processor_runs", "api_version")) == {CURRENT_VERSION}
    assert {row["processor_version"] is None for row in new.rows("processor_runs")} == {False}


@pytest.mark.parametrize(
    ("table", "only_in_one"),
    [
        ("extraction_fields", ()),
        ("classifications", ()),
        ("splits", ()),
        ("extraction_citations", ("file_id", "cell_range")),
    ],
)
def test_what_was_read_is_equal_in_both_versions(
    shared: tuple[Warehouse, Warehouse], table: str, only_in_one: tuple[str, ...]
) -> None:
    old, new = shared

    rows = [with_old_ids(row) for row in new.rows(table)]

    assert without(rows, *only_in_one) == without(old.rows(table), *only_in_one)
    assert len(rows) > 10


def test_reasoning_edits_and_files_are_equal_where_both_versions_tell_them(shared: tuple[Warehouse, Warehouse]) -> None:
    old, new = shared
    extractions = {row["id"] for row in old.rows("processor_runs") if row["type"] == "EXTRACT"}
    unread = {row["id"] for row in old.rows("processor_runs") if row["failure_reason"] == NOT_TAKEN_IN}
    told = {
        "output_insights": lambda row: row["type"] == "reasoning",
        "extraction_edits": lambda row: row["run_id"] in extractions,
        "processor_run_files": lambda row: row["run_id"] not in unread,
    }

    for table, is_told in told.items():
        rows = [with_old_ids(row) for row in new.rows(table)]
        assert without(rows, "position") == without([row for row in old.rows(table) if is_told(row)], "position"), table
        assert len(rows) > 5


def test_typed_tables_are_equal_in_both_versions(shared: tuple[Warehouse, Warehouse]) -> None:
    old, new = shared

    assert new.typed_tables() == old.typed_tables() != set()
    for table in old.typed_tables():
        assert without([with_old_ids(row) for row in by_path(new, table)]) == without(by_path(old, table)), table


def by_path(warehouse: AnyWarehouse, table: str) -> list[Row]:
    """The rows of a typed table by the paths of its fields: which of two like names is the plain one, chance decides."""
    columns = [row for row in warehouse.rows("typed_columns") if row["table_name"] == table and row["column_name"]]
    paths = {row["column_name"]: (row["path"], row["data_type"]) for row in columns}
    return [{str(paths.get(name, name)): value for name, value in row.items()} for row in warehouse.rows(table)]


def test_nothing_of_a_payload_is_left_over(shared: tuple[Warehouse, Warehouse]) -> None:
    def noted(warehouse: Warehouse) -> list[tuple[str, str, str]]:
        return [(row["object"], row["path"], row["reason"]) for row in warehouse.rows("schema_drift")]

    assert noted(shared[1]) == noted(shared[0])
    assert {row["extra"] for row in shared[1].rows("processor_runs")} <= {None, '{"output":{"isExternal":false}}'}


def test_the_ledger_has_each_thing_once_and_adds_up_to_the_totals(shared: tuple[Warehouse, Warehouse]) -> None:
    _, new = shared
    ledger = {(row["resource_type"], row["resource_id"]): row["credits"] for row in new.rows("credit_usage")}
    runs = {row["id"]: row for row in new.rows("processor_runs") if row["credits"] is not None}

    assert {key: credits for key, credits in ledger.items() if key[0] == "processor_run"} == {
        ("processor_run", run_id): run["credits"] for run_id, run in runs.items()
    }
    shares: dict[str, Decimal] = {}
    for row in new.rows("credit_attributions"):
        assert ledger[row["resource_type"], row["resource_id"]] == row["credits"]
        shares[row["run_id"]] = shares.get(row["run_id"], Decimal(0)) + row["credits"]
    assert shares == {run_id: run["total_credits"] for run_id, run in runs.items()}
    charged: dict[tuple[str, str], Decimal] = {}
    for row in new.rows("credit_charges"):
        key = (row["resource_type"], row["resource_id"])
        charged[key] = charged.get(key, Decimal(0)) + row["credits"]
    assert charged == {key: credits for key, credits in ledger.items() if key in charged}
    assert {resource_type for resource_type, _ in charged} == {"processor_run", "parse_run"}


def test_both_versions_cost_the_same_to_the_last_decimal(shared: tuple[Warehouse, Warehouse]) -> None:
    old, new = (sum(row["credits"] for row in warehouse.rows("credit_usage")) for warehouse in shared)

    assert new == old > 0


def test_each_parse_run_of_the_list_lands(shared: tuple[Warehouse, Warehouse]) -> None:
    _, new = shared
    credits_of = {row["id"].removeprefix("file"): row["credits"] for row in shared[0].rows("files")}

    rows = new.rows("parse_run_summaries")

    parsed = {row["id"].removeprefix("pr"): row["credits"] for row in rows}
    assert {suffix: credits for suffix, credits in parsed.items() if credits is not None} == {
        suffix: credits for suffix, credits in credits_of.items() if credits is not None
    }
    assert all(row["file_id"] == "file" + row["id"].removeprefix("pr") for row in rows)
    assert {row["status"] for row in rows} >= {"PROCESSED", "FAILED"}
    assert {row["failure_reason"] for row in rows if row["status"] == "FAILED"} <= {"OCR_ERROR", "CORRUPT_FILE"}


def test_no_address_of_a_person_and_no_link_lands(shared: tuple[Warehouse, Warehouse], tmp_path: Path) -> None:
    warehouse = Warehouse(shared[1].server, tmp_path)
    warehouse.sync(api_version=CURRENT_VERSION, keep_raw=True, parse_output="words")

    found = b"".join(path.read_bytes() for path in warehouse.folder.rglob("*") if path.is_file())

    for secret in (b"presignedUrl", b"outputUrl", b"imageUrl", b"X-Amz-Signature", b"@example.com"):
        assert secret not in found, secret


def test_the_log_counts_by_type_of_objects(warehouse: Warehouse) -> None:
    result = warehouse.sync(api_version=CURRENT_VERSION, file_contents="fetch")

    counted = {row["resource_type"]: row for row in warehouse.rows("sync_log_objects")}
    parse_runs, files = warehouse.count("parse_run_summaries"), warehouse.count("files")
    parsed = warehouse.count("parse_runs")
    assert {name: (row["listed"], row["wanted"], row["fetched"]) for name, row in counted.items()} == {
        "processor_run": (FEW, FEW, FEW),
        "file": (0, files, files),
        "parse_run": (parse_runs, parsed, parsed),
    }
    assert parsed == parse_runs - warehouse.column("parse_run_summaries", "status").count("PROCESSING") > 10
    listed = {name: counts.listed for name, counts in result.objects.items()}
    assert listed == {**dict.fromkeys(OBJECT_TYPES, 0), "processor_run": FEW, "parse_run": parse_runs}


# ---- what changes


def test_an_idle_sync_costs_a_request_for_each_list(landed: AnyWarehouse) -> None:
    landed.server.requests.reset()

    result = landed.sync(api_version=CURRENT_VERSION)

    assert landed.server.requests.counts == LISTS
    assert (result.fetched, result.known) == (0, len(landed.server.workspace.runs))


def test_changed_runs_cost_a_request_each(landed: AnyWarehouse) -> None:
    for run_id in landed.server.workspace.run_ids()[:5]:
        landed.server.workspace.touch_run(run_id)
    landed.server.requests.reset()

    result = landed.sync(api_version=CURRENT_VERSION)

    counts = landed.server.requests.counts
    assert {name: counts[name] for name in LISTS} == LISTS
    assert sum(counts.values()) - len(LISTS) == result.fetched == 5


def test_a_run_that_is_gone_is_asked_for_once(landed: AnyWarehouse) -> None:
    old = landed.server.workspace.run_ids()[0]
    run_id = new_id(landed.server.workspace, old)
    landed.server.workspace.delete_run(old)
    landed.server.requests.reset()

    result = landed.sync(api_version=CURRENT_VERSION, reconcile=True, review_window_days=0)

    assert (result.gone, landed.column("tombstones", "id")) == (1, [run_id])
    assert sum(landed.server.requests.counts.values()) == len(LISTS) + 1


def test_runs_are_loaded_by_ids_of_either_version(tmp_path: Path) -> None:
    with SandboxServer(runs=120) as server:  # whose last runs name no parse runs
        warehouse, workspace = Warehouse(server, tmp_path), server.workspace
        kinds = {workspace.run_payload(run_id)["type"]: run_id for run_id in workspace.runs}
        ids = [new_id(workspace, run_id) for run_id in kinds.values()]

        result = warehouse.sync(run_ids=ids, api_version=CURRENT_VERSION)

        assert warehouse.column("processor_runs", "id") == sorted(ids)
        assert sum(warehouse.server.requests.counts.values()) == result.fetched == 3
        assert all(row["created_at"] is not None for row in warehouse.rows("processor_runs"))


def test_a_run_that_no_endpoint_has_is_an_error_of_its_own(warehouse: Warehouse) -> None:
    result = warehouse.sync(run_ids=["exr_unknown"], api_version=CURRENT_VERSION)

    assert (result.fetched, result.failed) == (0, 1)
    assert [row["status_code"] for row in warehouse.rows("fetch_errors")] == [404]


def test_runs_of_some_types_are_listed_where_they_are(warehouse: Warehouse) -> None:
    warehouse.sync(api_version=CURRENT_VERSION, processor_types=["CLASSIFY"])

    assert set(warehouse.column("processor_runs", "type")) == {"CLASSIFY"}
    counts = warehouse.server.requests.counts
    assert counts.keys() == {"list_classify_runs", "get_classify_run", "list_parse_runs", "get_parse_run"}
    named = {parse_run_id for parse_run_id in warehouse.column("processor_runs", "parse_run_id") if parse_run_id}
    assert set(warehouse.column("parse_runs", "id")) == named
    assert counts["get_parse_run"] == len(named) < warehouse.count("parse_run_summaries")


def test_runs_of_a_processor_are_listed_where_it_is(warehouse: Warehouse) -> None:
    warehouse.sync(api_version=CURRENT_VERSION, run_ids=[])
    run_id = next(iter(warehouse.server.workspace.runs))
    payload = warehouse.server.workspace.run_payload(run_id)
    prefix = {"EXTRACT": "ex", "CLASSIFY": "cl", "SPLITTER": "spl"}[payload["type"]]
    processor = prefix + payload["processorId"].removeprefix("dp")

    warehouse.sync(api_version=CURRENT_VERSION, processor_ids=[processor])

    assert set(warehouse.column("processor_runs", "processor_id")) == {processor}
    lists = {name for name in warehouse.server.requests.counts if name.startswith("list")}
    assert len(lists - {"list_parse_runs"}) == 1


# ---- what only this version has


def test_runs_without_a_processor_and_of_several_files_land(empty_warehouse: Warehouse) -> None:
    workspace = empty_warehouse.server.workspace
    run_id = workspace.add_run(processor="invoices", status="PROCESSED", inline=True, files=3)

    empty_warehouse.sync(api_version=CURRENT_VERSION)

    (run,) = empty_warehouse.rows("processor_runs")
    assert (run["id"], run["processor_id"], run["processor_version"]) == (new_id(workspace, run_id), None, None)
    assert [row["position"] for row in empty_warehouse.rows("processor_run_files")] == [0, 1, 2]
    cited = {row["file_id"] for row in empty_warehouse.rows("extraction_citations")}
    assert cited <= {None, *empty_warehouse.column("files", "id")}
    assert cited != {None}


# ---- parse runs


def test_a_parse_run_that_has_ended_since_is_seen_and_its_credits_are_in_the_ledger(empty_warehouse: Warehouse) -> None:
    workspace = empty_warehouse.server.workspace
    workspace.add_run(processor="invoices", status="PROCESSING", outcome="PROCESSED")
    empty_warehouse.sync(api_version=CURRENT_VERSION)
    (before,) = empty_warehouse.rows("parse_run_summaries")
    workspace.advance(3600)

    empty_warehouse.sync(api_version=CURRENT_VERSION)

    (after,) = empty_warehouse.rows("parse_run_summaries")
    assert (before["id"], before["status"], before["credits"]) == (after["id"], "PROCESSING", None)
    assert after["status"] == "PROCESSED"
    ledger = {row["resource_id"]: row["credits"] for row in empty_warehouse.rows("credit_usage")}
    assert ledger[after["id"]] == after["credits"] > 0


def test_a_list_of_parse_runs_that_a_budget_cut_short_is_read_from_its_beginning_again(tmp_path: Path) -> None:
    with SandboxServer(runs=60, options=Options(largest_page=20)) as server:
        warehouse = Warehouse(server, tmp_path)
        first = warehouse.sync(api_version=CURRENT_VERSION, max_requests=12)  # of which listing may use 6
        cut_short = warehouse.count("parse_run_summaries")
        server.requests.reset()

        second = warehouse.sync(api_version=CURRENT_VERSION)
        pages = server.requests.counts["list_parse_runs"]
        third = warehouse.sync(api_version=CURRENT_VERSION)

        assert (first.stopped_by, first.watermark) == ("max_requests", None)
        assert 0 <= cut_short < warehouse.count("parse_run_summaries")
        assert (second.mode, third.mode) == ("full", "incremental")
        assert pages == -(-warehouse.count("parse_run_summaries") // 20)


DAMAGES = (
    "drop table credit_usage",
    "delete from credit_usage",
    "delete from credit_usage where resource_type = 'parse_run'",
    "drop table parse_run_summaries",
    "delete from parse_run_summaries",
    "alter table parse_run_summaries drop column credits",
)


@pytest.mark.parametrize(
    ("landed", "damage"),
    [
        *(("duckdb", damage) for damage in DAMAGES),
        *(("postgres", damage) for damage in DAMAGES[::4]),
        *(
            pytest.param("postgres", damage, marks=pytest.mark.thorough)
            for damage in DAMAGES
            if damage not in DAMAGES[::4]
        ),
    ],
    indirect=["landed"],
    scope="module",
)
def test_what_the_list_of_parse_runs_has_said_comes_back(landed: AnyWarehouse, damage: str) -> None:
    tables = ("credit_usage", "parse_run_summaries", "credit_attributions", "credit_charges")
    before = {name: without_sync_columns(landed.rows(name)) for name in tables}
    landed.execute(damage)

    landed.sync(api_version=CURRENT_VERSION)
    landed.sync(api_version=CURRENT_VERSION, reconcile=True)

    assert {name: without_sync_columns(landed.rows(name)) for name in tables} == before
    assert len(before["parse_run_summaries"]) > 10


def test_a_plan_counts_the_lists_that_a_sync_reads(warehouse: Warehouse) -> None:
    planned = plan(warehouse.pipeline, **warehouse.settings(api_version=CURRENT_VERSION))
    warehouse.server.requests.reset()

    result = warehouse.sync(api_version=CURRENT_VERSION)

    assert planned.listing_requests == len(LISTS)
    assert planned.requests == sum(result.requests.values())


def test_an_id_that_another_endpoint_cannot_read_at_all_is_still_not_found(warehouse: Warehouse) -> None:
    odd = OddAnswer(400, b'{"code": "BAD_REQUEST", "message": "This is no id of a split run."}')
    warehouse.server.instead = lambda entry: odd if entry.route in ("get_split_run", "get_run") else None

    warehouse.sync(run_ids=["clr_unknown"], api_version=CURRENT_VERSION)

    assert [row["status_code"] for row in warehouse.rows("fetch_errors")] == [404]


def test_parse_runs_that_are_not_wanted_are_not_listed(warehouse: Warehouse) -> None:
    warehouse.run("processor_runs", "files", api_version=CURRENT_VERSION)

    assert "list_parse_runs" not in warehouse.server.requests.counts


def test_runs_are_loaded_where_parse_runs_must_not_be_read(warehouse: Warehouse) -> None:
    refused = OddAnswer(403, b'{"code": "FORBIDDEN", "message": "No access to parse runs."}')
    warehouse.server.instead = lambda entry: refused if entry.route == "list_parse_runs" else None

    with pytest.raises(ExtendError, match="No access to parse runs"):
        warehouse.sync(api_version=CURRENT_VERSION)

    assert warehouse.count("processor_runs") == FEW


# ---- whatever goes wrong


@pytest.mark.thorough
@pytest.mark.parametrize("fault", ["5xx", "truncated", "wrong_id"])  # a status, a body, and an id of this version
def test_a_sync_outlasts_a_fault_or_says_so_and_the_next_one_heals_it(
    shared: tuple[Warehouse, Warehouse], make_warehouse: MakeWarehouse, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    impatient(monkeypatch, attempts=3)
    undisturbed = shared[1]
    server = undisturbed.server
    disturbed = make_warehouse(server)
    server.requests.reset()
    server.faults.set([f"{fault}:0.2"])
    with suppress(ExtendError):
        disturbed.sync(api_version=CURRENT_VERSION, max_error_share=1)
    assert {entry.fault for entry in server.requests.entries} == {None, fault}
    server.faults.clear()

    assert disturbed.sync(api_version=CURRENT_VERSION).complete

    assert_same_rows(disturbed, undisturbed)
    assert disturbed.rows("fetch_errors") == disturbed.rows("tombstones") == []


@pytest.mark.thorough
def test_postgres_holds_the_same_rows(
    shared: tuple[Warehouse, Warehouse], tmp_path: Path, new_database: Callable[[], str]
) -> None:
    warehouse = PostgresWarehouse(shared[1].server, tmp_path, new_database())

    warehouse.sync(api_version=CURRENT_VERSION)

    assert_same_rows(warehouse, shared[1])
    assert warehouse.typed_tables() == shared[1].typed_tables() != set()
    for table in warehouse.typed_tables():
        assert without(by_path(warehouse, table)) == without(by_path(shared[1], table)), table


def assert_same_rows(warehouse: AnyWarehouse, other: AnyWarehouse) -> None:
    """All tables hold the same, but what each load says of itself; which columns are typed first, chance decides."""
    of_a_load = {"sync_log", "sync_log_objects", "replacements", "schema_drift", *warehouse.typed_tables()}
    for table in sorted(warehouse.tables() - of_a_load):
        assert without_sync_columns(warehouse.rows(table)) == without_sync_columns(other.rows(table)), table


# ---- one version to a dataset


def test_another_version_is_refused_and_nothing_is_sent(landed: AnyWarehouse) -> None:
    assert_refused(landed, CURRENT_VERSION, "2025-04-21")


def test_a_newer_version_is_refused_as_well(shared: tuple[Warehouse, Warehouse]) -> None:
    assert_refused(shared[0], "2025-04-21", CURRENT_VERSION)


def test_a_version_that_there_is_not_is_called_so(landed: AnyWarehouse) -> None:
    with pytest.raises(UnsupportedApiVersion, match="API version '2024-01-01' is not supported"):
        landed.sync(api_version="2024-01-01")


def assert_refused(warehouse: AnyWarehouse, first: str, second: str) -> None:
    landed = warehouse.rows("processor_runs")
    warehouse.server.requests.reset()

    for refused in (warehouse.sync, lambda **more: plan(warehouse.pipeline, **warehouse.settings(**more))):
        with pytest.raises(InvalidSetting, match=f"holds runs of API {first}, and api_version is {second}.*of its own"):
            refused(api_version=second)

    assert warehouse.server.requests.counts == {}
    assert warehouse.rows("processor_runs") == landed


def test_a_version_that_brought_nothing_stands_in_no_ones_way(tmp_path: Path) -> None:
    with SandboxServer(runs=0) as server:
        warehouse = Warehouse(server, tmp_path)
        warehouse.sync()
        server.workspace.add_run(status="PROCESSED")

        assert warehouse.sync(api_version=CURRENT_VERSION).fetched == 1
