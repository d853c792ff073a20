"""Parse runs in full: which are fetched, when, for how many requests, and what becomes of those that cannot be had.

One workspace is synced again and again; what each sync asked for and left is kept, and the tests look at it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from extend_source import SyncResult, erase, plan, rebuild
from extend_source.api import CURRENT_VERSION
from extend_source.sandbox import Options, SandboxServer, Workspace
from extend_source.sandbox.generation_2026.parses import parse_runs
from extend_source.sandbox.parser_runs import parser_run
from tests.acceptance.conftest import MakeWarehouse
from tests.acceptance.scenes import impatient
from tests.acceptance.warehouse import AnyWarehouse, Row, Warehouse, without_sync_columns

LISTS = dict.fromkeys(("list_extract_runs", "list_classify_runs", "list_split_runs", "list_parse_runs"), 1)
CHUNKS = ("parse_runs", "parse_pages", "parse_chunks")


def put(workspace: Workspace, number: str, *, status: str = "PROCESSED", credits: float = 1.5, **more: Any) -> None:
    """Serve a parse run of a file of its own: a page, a chunk, two blocks, one of them within the other."""
    cell = {"object": "block", "id": "cell", "type": "table_cell", "content": f"cell {number}"}
    table = {"object": "block", "id": "table", "type": "table", "content": f"table {number}", "children": [cell]}
    chunk = {"object": "chunk", "type": "page", "content": f"text {number}", "blocks": [table]}
    pages = [{"number": 1, "rotationApplied": 0, "originalPageWidth": 612, "originalPageHeight": 792, "dpi": 72}]
    done = status == "PROCESSED"
    payload = {
        "object": "parse_run",
        "id": f"pr_{number}",
        "status": status,
        "file": {"object": "file", "id": f"file_{number}", "name": f"{number}.pdf"},
        "output": {"chunks": [chunk], "metadata": {"pages": pages}} if done else None,
        "outputUrl": None,
        "config": {"target": "markdown"},
        "metrics": {"pageCount": 1} if done else None,
        "usage": {"credits": credits} if done else None,
    }
    workspace.put_parse_run(payload, created_at=workspace.now - timedelta(hours=2), **more)


def put_run(workspace: Workspace, number: str, parse_run: str) -> None:
    """Serve a run that names a parse run."""
    config = {"type": "CLASSIFY", "classifications": []}
    run = {"id": f"dpr_{number}", "type": "CLASSIFY", "status": "PROCESSED", "processorId": "dp_1", "config": config}
    workspace.put_run({"object": "document_processor_run", **run, "parseRunId": parse_run, "files": []})


class Story:
    """A workspace and a warehouse, and what each sync asked for."""

    def __init__(self, server: SandboxServer, folder: Path) -> None:
        self.server, self.workspace, self.warehouse = server, server.workspace, Warehouse(server, folder)
        self.requests: dict[str, dict[str, int]] = {}
        self.results: dict[str, SyncResult] = {}
        self.rows: dict[str, dict[str, list[Row]]] = {}
        with self.warehouse.kept_open():
            self.tell()

    def tell(self) -> None:
        # what was fetched without the list's times is compared by when it was fetched
        workspace, now = self.workspace, datetime.now(timezone.utc)
        put(workspace, "a")
        put(workspace, "b", status="FAILED")
        put(workspace, "c", status="PROCESSING")
        put_run(workspace, "1", "pr_a")
        put_run(workspace, "2", "pr_ghost")
        self.sync("by id", run_ids=["clr_1"])
        self.sync("first")
        self.sync("idle", reconcile=True, max_rechecks=0)
        put(workspace, "a", updated_at=now + timedelta(hours=1))
        put(workspace, "c", updated_at=now)
        self.sync("changed")
        put(workspace, "c", updated_at=now, credits=2.5)
        self.sync("settled late")
        self.sync("blocks", parse_output="blocks")
        put(workspace, "a", updated_at=now + timedelta(hours=2))
        self.server.faults.set(["503:1@run"])
        self.sync("failed", parse_output="blocks", max_object_seconds=1, max_error_share=1)
        self.server.faults.clear()
        self.sync("healed", parse_output="blocks")
        put(workspace, "b", status="FAILED", updated_at=now)
        self.sync("none", parse_output="none")
        workspace.delete_parse_run("pr_c")
        self.sync("gone", reconcile=True, max_rechecks=0)
        self.erased = erase(self.warehouse.pipeline, file_ids=["file_a"])
        put(workspace, "a", updated_at=now + timedelta(hours=3))
        put_run(workspace, "3", "pr_a")
        self.sync("erased", reconcile=True, max_rechecks=0)

    def sync(self, moment: str, **arguments: Any) -> None:
        self.server.requests.reset()
        self.results[moment] = self.warehouse.sync(api_version=CURRENT_VERSION, **arguments)
        self.requests[moment] = dict(self.server.requests.counts)
        with self.warehouse.reading():
            names = self.warehouse.tables()
            self.rows[moment] = {
                name: self.warehouse.rows(name) for name in names if name.startswith(("parse", "f", "t"))
            }

    def column(self, moment: str, table: str, name: str) -> list[Any]:
        return sorted(row[name] for row in self.rows[moment][table])


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    with pytest.MonkeyPatch.context() as patch, SandboxServer(runs=0) as server:
        impatient(patch, attempts=2)
        yield Story(server, tmp_path_factory.mktemp("story"))


@pytest.mark.slow
def test_a_run_that_is_loaded_by_id_brings_its_parse_run_without_a_list(story: Story) -> None:
    assert story.requests["by id"] == {"get_classify_run": 1, "get_parse_run": 1}
    assert story.column("by id", "parse_chunks", "content") == ["text a"]
    assert story.column("by id", "parse_runs", "updated_at") == [None]


def test_each_that_has_ended_is_fetched_once_and_one_that_has_landed_is_not(story: Story) -> None:
    # pr_b of the list, and pr_ghost that a run names and nobody has
    assert story.requests["first"] == {**LISTS, "get_classify_run": 1, "get_parse_run": 2}
    assert story.column("first", "parse_runs", "id") == ["pr_a", "pr_b"]
    assert story.column("first", "parse_run_summaries", "id") == ["pr_a", "pr_b", "pr_c"]


def test_one_that_a_run_names_and_the_api_does_not_have_is_gone_and_not_asked_for_again(story: Story) -> None:
    (tombstone,) = story.rows["first"]["tombstones"]
    assert (tombstone["id"], tombstone["resource_type"]) == ("pr_ghost", "parse_run")
    assert story.rows["first"]["fetch_errors"] == []


def test_with_nothing_new_each_list_costs_a_request_and_nothing_else_does(story: Story) -> None:
    assert story.requests["idle"] == LISTS


def test_each_that_has_changed_or_ended_costs_a_request(story: Story) -> None:
    assert story.requests["changed"] == {**LISTS, "get_parse_run": 2}
    assert story.column("changed", "parse_chunks", "content") == ["text a", "text c"]
    assert None not in [row["updated_at"] for row in story.rows["changed"]["parse_runs"] if row["id"] != "pr_b"]


def test_credits_that_were_settled_late_are_seen(story: Story) -> None:
    assert story.requests["settled late"] == {**LISTS, "get_parse_run": 1}
    assert {row["id"]: row["credits"] for row in story.rows["settled late"]["parse_runs"]}["pr_c"] == 2.5


def test_for_more_of_them_each_is_fetched_once_more(story: Story) -> None:
    assert "parse_blocks" not in story.rows["settled late"]
    assert story.requests["blocks"] == {**LISTS, "get_parse_run": 3}
    assert story.column("blocks", "parse_blocks", "content") == ["cell a", "cell c", "table a", "table c"]


def test_one_that_cannot_be_had_is_a_row_and_its_rows_stay(story: Story) -> None:
    (error,) = story.rows["failed"]["fetch_errors"]
    assert (error["id"], error["resource_type"], error["status_code"]) == ("pr_a", "parse_run", 503)
    assert not story.results["failed"].complete
    assert story.results["failed"].objects["parse_run"].failed == 1
    assert story.column("failed", "parse_chunks", "content") == ["text a", "text c"]


def test_the_next_sync_asks_again_for_what_failed_though_the_list_has_nothing_new(story: Story) -> None:
    assert story.requests["healed"] == {**LISTS, "get_parse_run": 1}
    assert story.rows["healed"]["fetch_errors"] == []


def test_with_none_of_them_wanted_the_list_alone_is_read(story: Story) -> None:
    assert story.requests["none"] == LISTS
    changed = {row["id"]: row["updated_at"] for row in story.rows["none"]["parse_run_summaries"]}
    assert changed["pr_b"] != {row["id"]: row["updated_at"] for row in story.rows["none"]["parse_runs"]}["pr_b"]


def test_a_reconcile_finds_what_is_gone_and_what_was_left_before(story: Story) -> None:
    assert story.requests["gone"] == {**LISTS, "get_parse_run": 2}  # pr_c, and pr_b
    gone = {row["id"]: row["reason"] for row in story.rows["gone"]["tombstones"]}
    assert gone == {"pr_ghost": "not_found", "pr_c": "not_found"}
    assert story.column("gone", "parse_chunks", "content") == ["text a", "text c"]


def test_an_erased_file_takes_its_parse_runs_along_for_good(story: Story) -> None:
    assert (story.erased.files, story.erased.parse_runs) == (1, 1)
    assert story.requests["erased"] == {**LISTS, "get_classify_run": 1}
    for table, rows in story.rows["erased"].items():
        assert not [row for row in rows if "pr_a" in map(str, row.values())], table
    assert story.column("erased", "parse_chunks", "content") == ["text c"]
    assert "text a" not in {str(cell) for cell in story.warehouse.cells()}


# ---- by id


@pytest.mark.slow
def test_a_parse_run_is_found_by_its_id_whatever_that_looks_like(empty_warehouse: Warehouse) -> None:
    workspace = empty_warehouse.server.workspace
    put(workspace, "a")
    put(workspace, "odd")
    workspace.put_parse_run({**workspace.given_parse_runs["pr_odd"].payload, "id": "odd"})

    result = empty_warehouse.sync(run_ids=["pr_a", "odd", "pr_a"], api_version=CURRENT_VERSION)
    again = empty_warehouse.sync(run_ids=["pr_a", "odd"], api_version=CURRENT_VERSION)

    assert empty_warehouse.column("parse_runs", "id") == ["odd", "pr_a"]
    assert (result.objects["parse_run"].fetched, result.failed, result.fetched) == (2, 0, 0)
    assert sum(again.requests.values()) == 0
    erased = erase(empty_warehouse.pipeline, run_ids=["odd"])
    assert (erased.runs, erased.parse_runs, erased.files_left) == (0, 1, ["file_odd"])
    assert empty_warehouse.column("parse_runs", "id") == ["pr_a"]
    assert sum(empty_warehouse.sync(run_ids=["odd"], api_version=CURRENT_VERSION).requests.values()) == 0


# ---- budgets, cuts and losses


@pytest.mark.slow
def test_a_budget_is_kept_and_the_next_sync_goes_on(empty_warehouse: Warehouse) -> None:
    workspace, server = empty_warehouse.server.workspace, empty_warehouse.server
    for number in range(12):
        put(workspace, str(number))

    first = empty_warehouse.sync(api_version=CURRENT_VERSION, max_requests=9)
    landed = empty_warehouse.count("parse_runs")
    planned = plan(empty_warehouse.pipeline, **empty_warehouse.settings(api_version=CURRENT_VERSION))
    server.requests.reset()
    second = empty_warehouse.sync(api_version=CURRENT_VERSION)

    assert (first.stopped_by, first.left, landed) == ("max_requests", 7, 5)
    assert planned.parse_runs == server.requests.counts["get_parse_run"] == 7
    assert second.complete
    assert empty_warehouse.count("parse_chunks") == 12


@pytest.mark.slow
def test_the_limit_of_runs_counts_parse_runs_that_the_list_shows(empty_warehouse: Warehouse) -> None:
    workspace = empty_warehouse.server.workspace
    for number in range(6):
        put(workspace, str(number))
    put_run(workspace, "1", "pr_0")

    first = empty_warehouse.sync(api_version=CURRENT_VERSION, max_runs=1)
    second = empty_warehouse.sync(api_version=CURRENT_VERSION, max_runs=3)

    assert (first.fetched, first.objects["parse_run"].fetched, first.stopped_by) == (1, 0, "max_runs")
    assert (second.objects["parse_run"].fetched, second.left, second.stopped_by) == (3, 3, "max_runs")


@pytest.mark.parametrize(
    "damage",
    [
        "delete from parse_chunks where parse_run_id = 'pr_1'",
        "delete from parse_runs where id = 'pr_1'",
        "drop table parse_pages",
        "drop table parse_runs",
        "alter table parse_chunks drop column content",
        "delete from run_configs",
    ],
)
@pytest.mark.thorough
def test_rows_that_were_lost_come_back(make_warehouse: MakeWarehouse, damage: str) -> None:
    with SandboxServer(runs=0) as server:
        for number in range(3):
            put(server.workspace, str(number))
        warehouse = make_warehouse(server)
        warehouse.sync(api_version=CURRENT_VERSION)
        tables = (*CHUNKS, "run_configs", "credit_usage")
        before = {name: said(warehouse, name) for name in tables}
        warehouse.execute(damage)

        warehouse.sync(api_version=CURRENT_VERSION)
        warehouse.sync(api_version=CURRENT_VERSION, reconcile=True, max_rechecks=0)
        server.requests.reset()
        warehouse.sync(api_version=CURRENT_VERSION, reconcile=True, max_rechecks=0)

        assert {name: said(warehouse, name) for name in tables} == before
        assert len(before["parse_chunks"]) == 3
        assert server.requests.counts == LISTS


def said(warehouse: AnyWarehouse, table: str) -> list[Row]:
    return without_sync_columns(warehouse.rows(table))


@pytest.mark.slow
def test_more_of_them_is_made_of_the_payloads_that_were_kept_without_a_request(empty_warehouse: Warehouse) -> None:
    put(empty_warehouse.server.workspace, "a")
    empty_warehouse.sync(api_version=CURRENT_VERSION, keep_raw=True)
    empty_warehouse.server.requests.reset()

    result = rebuild(empty_warehouse.pipeline, parse_output="words")

    assert (result.runs, result.parse_runs, result.failed, result.complete) == (0, 1, 0, True)
    assert sorted(empty_warehouse.column("parse_blocks", "content")) == ["cell a", "table a"]
    assert empty_warehouse.server.requests.counts == {}
    empty_warehouse.sync(api_version=CURRENT_VERSION, keep_raw=True, parse_output="blocks")
    assert empty_warehouse.server.requests.counts == LISTS


@pytest.mark.slow
def test_a_list_of_many_pages_is_fetched_from_once(tmp_path: Path) -> None:
    with SandboxServer(runs=60, options=Options(largest_page=10)) as server:
        warehouse = Warehouse(server, tmp_path)

        result = warehouse.sync(api_version=CURRENT_VERSION, package_runs=15)

        assert server.requests.counts["get_parse_run"] == warehouse.count("parse_runs") > 25
        assert result.objects["parse_run"].fetched == warehouse.count("parse_runs")
        assert len(result.load_ids) > 4


# ---- what must not be written


@pytest.mark.slow
def test_where_a_field_is_hidden_no_text_of_a_parse_run_is_in_the_dataset(empty_warehouse: Warehouse) -> None:
    put(empty_warehouse.server.workspace, "a")

    empty_warehouse.sync(
        api_version=CURRENT_VERSION, keep_raw=True, parse_output="words", privacy={"fields": {"iban": "mask"}}
    )

    assert (empty_warehouse.count("parse_runs"), empty_warehouse.count("parse_pages")) == (1, 1)
    cells = " ".join(str(cell) for cell in empty_warehouse.cells())
    assert [text for text in ("text a", "table a", "cell a") if text in cells] == []


# ---- API 2025-04-21, which has no list


@pytest.mark.slow
def test_parser_runs_of_2025_are_loaded_by_id_into_the_same_tables(tmp_path: Path) -> None:
    with SandboxServer(runs=20) as server:
        warehouse = Warehouse(server, tmp_path)
        parse = next(parse for parse in parse_runs(server.workspace) if parse.credits is not None)
        parser_run_id = f"parser_run{parse.file.id.removeprefix('file')}"
        chunks = parser_run(server.workspace, parser_run_id)["chunks"]

        first = warehouse.sync(run_ids=[parser_run_id, "parser_run_unknown"])
        texts = warehouse.column("parse_chunks", "content")
        warehouse.sync()
        sums = {row["resource_id"]: row["credits"] for row in warehouse.rows("credit_usage")}

        assert (first.objects["parse_run"].fetched, first.objects["parse_run"].failed) == (1, 1)
        assert sorted(texts) == sorted(chunk["content"] for chunk in chunks)
        (row,) = warehouse.rows("parse_runs")
        assert (row["id"], row["object"], row["file_id"]) == (parser_run_id, "parser_run", parse.file.id)
        # the cost of the same parse, which runs tell with the file, is in the ledger once
        assert sums[parse.file.id] == row["credits"] == parse.credits
        assert parser_run_id not in sums
        assert server.requests.counts["get_parser_run"] == 2
