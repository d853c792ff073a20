"""The lists alone, without fetching any run: what that costs, what it brings, and what it leaves as it was.

One workspace is synced with details and without, and the tests look at what each sync asked for and left.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from extend_source import UsageError, extend_source, plan, status
from extend_source.api import CURRENT_VERSION
from extend_source.errors import AnotherWorkspace, InvalidSetting
from extend_source.migration.migrate import migrate
from extend_source.reports.credits import credit_report
from extend_source.reports.grouping import total
from extend_source.reports.models import DOCUMENT_MODELS, create_models
from extend_source.sandbox import SandboxServer, Workspace
from extend_source.tables import LISTING_TABLES
from extend_source.tables.objects import group_of
from tests.acceptance.conftest import MakeWarehouse
from tests.acceptance.shell import run_shell
from tests.acceptance.test_parse_runs import LISTS, put
from tests.acceptance.test_shell import only_line, settings
from tests.acceptance.warehouse import AnyWarehouse, Row, Warehouse

ALL_TIME = {"first_day": date(2020, 1, 1), "last_day": date(2030, 12, 31)}
SHOWN = ("credit_usage", "processor_run_summaries", "processor_runs", "sync_log", "tombstones")
REFUSED = "details = false reads the lists alone, and no list has just the runs that are named."


def put_run(workspace: Workspace, number: int, credits: float, *, parse_run: str = "pr_a", **times: Any) -> None:
    """Serve a run of two credits or so, which names a parse run."""
    run = {"id": f"dpr_{number}", "type": "CLASSIFY", "status": "PROCESSED", "processorId": "dp_1", "files": []}
    config = {"type": "CLASSIFY", "classifications": []}
    payload = {**run, "config": config, "usage": {"credits": credits}, "parseRunId": parse_run}
    workspace.put_run({"object": "document_processor_run", **payload}, **times)


def put_many(workspace: Workspace, number: int) -> None:
    """Serve runs that cost half a credit each, one a minute."""
    for place in range(number):
        run = {"id": f"dpr_{place:05}", "type": "EXTRACT", "status": "PROCESSED", "usage": {"credits": 0.5}}
        workspace.put_run(run, created_at=workspace.now - timedelta(minutes=place))


def spent(warehouse: AnyWarehouse) -> dict[str, Decimal]:
    return {row["resource_id"]: row["credits"] for row in warehouse.rows("credit_usage")}


class Story:
    """A dataset that is synced with details and without."""

    def __init__(self, server: SandboxServer, folder: Path) -> None:
        self.server, self.workspace, self.warehouse = server, server.workspace, Warehouse(server, folder)
        self.requests: dict[str, dict[str, int]] = {}
        self.rows: dict[str, dict[str, list[Row]]] = {}
        self.tell()

    def tell(self) -> None:
        workspace, noon = self.workspace, self.workspace.now - timedelta(hours=3)
        put(workspace, "a")
        for number in (1, 2):
            put_run(workspace, number, 2, created_at=noon)
        self.sync("with details")
        put(workspace, "b", credits=4)
        put_run(workspace, 1, 3, created_at=noon, updated_at=noon + timedelta(hours=1))
        put_run(workspace, 3, 7, parse_run="pr_b", created_at=noon)
        self.sync("lists", details=False)
        self.server.requests.reset()
        self.planned = plan(self.warehouse.pipeline, **self.arguments())
        self.sync("with details again")
        self.workspace.delete_run("dpr_2")
        put_run(workspace, 3, 9, parse_run="pr_b", created_at=noon, updated_at=noon)
        self.sync("lists, whole", details=False, reconcile=True)
        self.status = status(self.warehouse.pipeline)
        self.sync("reconcile", reconcile=True, max_rechecks=0)

    def arguments(self, **more: Any) -> dict[str, Any]:
        return self.warehouse.settings(api_version=CURRENT_VERSION, **more)

    def sync(self, moment: str, **arguments: Any) -> None:
        self.server.requests.reset()
        self.warehouse.sync(api_version=CURRENT_VERSION, **arguments)
        self.requests[moment] = dict(self.server.requests.counts)
        with self.warehouse.reading():
            names = self.warehouse.tables() if "details" in moment or moment == "lists" else SHOWN
            self.rows[moment] = {name: self.warehouse.rows(name) for name in names}

    def credits(self, moment: str, table: str = "credit_usage", key: str = "resource_id") -> dict[str, Decimal]:
        return {row[key]: row["credits"] for row in self.rows[moment][table]}


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    with SandboxServer(runs=0) as server:
        yield Story(server, tmp_path_factory.mktemp("story"))


@pytest.mark.slow
def test_without_details_each_list_costs_a_request_and_no_run_is_fetched(story: Story) -> None:
    assert story.requests["with details"] == {**LISTS, "get_classify_run": 2, "get_parse_run": 1}
    assert story.requests["lists"] == LISTS
    assert story.requests["lists, whole"] == LISTS


def test_what_the_lists_say_and_what_it_cost_lands(story: Story) -> None:
    assert story.credits("lists", "processor_run_summaries", "id") == {"clr_1": 3, "clr_2": 2, "clr_3": 7}
    assert story.credits("lists", "parse_run_summaries", "id") == {"pr_a": 1.5, "pr_b": 4}
    assert story.credits("lists") == {"clr_1": 3, "clr_2": 2, "clr_3": 7, "pr_a": 1.5, "pr_b": 4}


def test_what_had_landed_with_details_stays_as_it_was(story: Story) -> None:
    listed = {table.name for table in LISTING_TABLES}
    before, after = story.rows["with details"], story.rows["lists"]
    assert before.keys() == after.keys()
    assert len(before["processor_runs"]) == 2
    assert {name: after[name] for name in before.keys() - listed} == {
        name: before[name] for name in before.keys() - listed
    }
    assert after["tombstones"] == []


def test_a_later_sync_with_details_fetches_what_was_only_listed_and_nothing_else(story: Story) -> None:
    assert (story.planned.to_fetch, story.planned.parse_runs) == ({"listed": 2}, 1)
    assert story.requests["with details again"] == {**LISTS, "get_classify_run": 2, "get_parse_run": 1}
    assert story.credits("with details again", "processor_runs", "id") == {"clr_1": 3, "clr_2": 2, "clr_3": 7}
    assert [row["id"] for row in story.rows["with details again"]["parse_runs"]] == ["pr_a", "pr_b"]


def test_credits_that_were_settled_late_reach_the_ledger_without_details(story: Story) -> None:
    assert story.credits("with details again")["clr_3"] == 7
    assert story.credits("lists, whole")["clr_3"] == 9
    assert story.credits("lists, whole", "processor_runs", "id")["clr_3"] == 7


def test_without_details_nothing_is_taken_for_gone(story: Story) -> None:
    assert story.rows["lists, whole"]["tombstones"] == []
    assert [row["id"] for row in story.rows["lists, whole"]["processor_run_summaries"]] == ["clr_1", "clr_2", "clr_3"]
    assert [row["id"] for row in story.rows["reconcile"]["tombstones"]] == ["clr_2"]
    assert story.requests["reconcile"] == {**LISTS, "get_classify_run": 2}  # clr_2, and clr_3 of other credits


def test_the_log_and_the_status_say_what_was_left_out(story: Story) -> None:
    scopes = [json.loads(row["scope"]).get("details") for row in story.rows["reconcile"]["sync_log"]]
    assert sorted(scopes, key=str) == [False, False, None, None, None]
    assert [scope.scope.get("details") for scope in story.status.scopes] == [False, None]
    assert story.status.listed_only == 0


# ---- how many requests


@pytest.mark.parametrize("number", [0, 2500])
def test_a_thousand_runs_cost_a_request(empty_server: SandboxServer, tmp_path: Path, number: int) -> None:
    put_many(empty_server.workspace, number)
    warehouse = Warehouse(empty_server, tmp_path)
    pages = {"list_runs": -(-number // 1000) or 1}

    planned = plan(
        warehouse.pipeline, **warehouse.settings(details=False, file_contents="fetch", requests_per_second=10)
    )
    empty_server.requests.reset()
    result = warehouse.sync(details=False, file_contents="fetch", keep_raw=True, max_runs=1, max_requests=4)

    assert (planned.runs, planned.parse_runs, planned.file_backlog, planned.details) == (0, 0, None, False)
    assert (planned.requests, planned.loads, planned.stopped_by) == (pages["list_runs"], 1, None)
    assert empty_server.requests.counts == pages
    assert (result.listed, result.known, result.fetched, result.left) == (number, 0, 0, 0)
    assert (result.stopped_by, result.complete, result.details) == (None, True, False)
    assert warehouse.tables() == {table.name for table in LISTING_TABLES if group_of(table) in ("", "runs", "parsing")}
    assert warehouse.query("select count(*), coalesce(sum(credits), 0) from credit_usage") == [(number, number / 2)]


@pytest.mark.thorough
def test_a_thousand_parse_runs_cost_a_request_too_and_with_nothing_new_each_list_one(tmp_path: Path) -> None:
    with SandboxServer(runs=0) as server:
        for number in range(2500):
            put(server.workspace, f"{number:05}")
        put_many(server.workspace, 1001)
        warehouse = Warehouse(server, tmp_path)

        warehouse.sync(api_version=CURRENT_VERSION, details=False)
        first = dict(server.requests.counts)
        server.requests.reset()
        again = warehouse.sync(api_version=CURRENT_VERSION, details=False)

        assert first == {**LISTS, "list_extract_runs": 2, "list_parse_runs": 3}
        assert server.requests.counts == LISTS
        assert (again.listed, again.known) == (1000, 1000)
        assert (again.objects["parse_run"].listed, again.objects["parse_run"].known) == (1000, 1000)
        assert warehouse.count("parse_run_summaries") == 2500


@pytest.mark.thorough
def test_a_limit_of_requests_ends_it_and_what_was_listed_has_landed(tmp_path: Path) -> None:
    with SandboxServer(runs=0) as server:
        put_many(server.workspace, 2500)
        warehouse = Warehouse(server, tmp_path)

        cut = warehouse.sync(details=False, max_requests=2)
        whole = warehouse.sync(details=False, max_requests=3)

        assert (cut.stopped_by, cut.listing_complete, cut.watermark) == ("max_requests", False, None)
        assert (whole.stopped_by, whole.listed, whole.known) == (None, 2500, 2000)
        assert warehouse.count("processor_run_summaries") == 2500


# ---- what it gives


@pytest.mark.parametrize("version", ["2025-04-21", CURRENT_VERSION])
@pytest.mark.thorough
def test_the_report_of_the_lists_is_that_of_the_runs_as_far_as_lists_say_it(
    server: SandboxServer, make_warehouse: MakeWarehouse, version: str
) -> None:
    listed, loaded = make_warehouse(server), make_warehouse(server)
    listed.sync(api_version=version, details=False)
    loaded.sync(api_version=version)
    account = server.workspace.credit_account()

    by_lists, by_runs = (total(credit_report(each.pipeline, **ALL_TIME).days) for each in (listed, loaded))

    assert by_lists.processing == by_runs.processing == sum(account.runs.values())
    assert by_lists.runs == by_runs.runs == 120
    assert by_runs.parsing == sum(account.files.values())
    assert by_lists.parsing == (by_runs.parsing if version == CURRENT_VERSION else 0)
    assert create_models(listed.pipeline).left_out.keys() == set(DOCUMENT_MODELS)  # which tell of runs themselves
    what = "resource_type, resource_id, kind, credits, usage, spent_on, dated_by"
    sql = f"select {what} from credit_ledger where resource_type <> 'file' order by resource_id"
    create_models(loaded.pipeline)
    assert listed.query(sql) == loaded.query(sql)
    assert sum(spent(listed).values()) == by_lists.credits


def test_the_report_says_what_of_runs_the_lists_do_not(empty_server: SandboxServer, tmp_path: Path) -> None:
    put_many(empty_server.workspace, 4)
    warehouse = Warehouse(empty_server, tmp_path)
    warehouse.sync(details=False)

    figures = credit_report(warehouse.pipeline, **ALL_TIME)

    assert [(day.things, day.known, day.credits) for day in figures.days] == [(4, 4, Decimal(2))]
    assert figures.warnings[0] == (
        "4 runs of the listing, 2 credits as far as known, have not been loaded: products, pages and, in API "
        "2025-04-21, the parsing of their files are not in here."
    )
    assert not any("Not loaded, so" in line for line in figures.warnings)


# ---- what is refused


def test_runs_cannot_be_named_and_nothing_is_sent(empty_warehouse: Warehouse) -> None:
    for call in (
        empty_warehouse.sync,
        lambda **given: plan(empty_warehouse.pipeline, **empty_warehouse.settings(**given)),
    ):
        with pytest.raises(UsageError, match=REFUSED):
            call(run_ids=["dpr_1"], details=False)
    with pytest.raises(UsageError, match=REFUSED):
        extend_source(run_ids=[], **empty_warehouse.settings(details=False))
    with pytest.raises(UsageError, match="migrate takes runs over in full, and details is false"):
        migrate(empty_warehouse.pipeline, **empty_warehouse.settings(details=False))
    assert empty_warehouse.server.requests.counts == {}


@pytest.mark.thorough
def test_lists_of_another_workspace_or_generation_are_refused(server: SandboxServer, tmp_path: Path) -> None:
    warehouse = Warehouse(server, tmp_path)
    warehouse.sync(details=False)
    before = warehouse.count("processor_run_summaries")
    with SandboxServer(seed=99, runs=5, workspaces=[other_workspace()]) as other, pytest.raises(AnotherWorkspace):
        warehouse.sync(details=False, base_url=other.base_url, api_key=other.api_key)
    with SandboxServer(runs=0) as empty, pytest.raises(AnotherWorkspace):
        warehouse.sync(details=False, base_url=empty.base_url, api_key=empty.api_key)
    with pytest.raises(InvalidSetting, match="This dataset holds runs of API 2025-04-21"):
        warehouse.sync(details=False, api_version=CURRENT_VERSION)
    assert warehouse.count("processor_run_summaries") == before == 120


def other_workspace() -> Workspace:
    workspace = Workspace(seed=99, runs=0)
    run = {"id": "dpr_other", "type": "EXTRACT", "status": "PROCESSED", "processorId": "dp_other"}
    workspace.put_run(run, created_at=datetime(2026, 1, 1, tzinfo=workspace.now.tzinfo))
    return workspace


# ---- the shell


@pytest.mark.thorough
def test_the_shell_reads_the_lists_alone_when_asked_to(server: SandboxServer, tmp_path: Path) -> None:
    synced = run_shell(tmp_path, "sync", "--no-details", **settings(server))
    told = run_shell(tmp_path, "status", **settings(server))
    refused = run_shell(tmp_path, "sync", "--run-id", "dpr_1", **settings(server, SOURCES__EXTEND__DETAILS="false"))

    assert synced.code == 0
    assert synced.stdout.splitlines()[0].startswith(
        "The lists alone were read, no run was fetched (details = false), in"
    )
    assert "Full listing: 120 listed, 120 new or changed" in synced.stdout
    assert "[the lists alone]" in told.stdout
    assert "120 of which the list alone is known" in told.stdout
    assert refused.code == 2
    assert only_line(refused) == f"{REFUSED} Leave out the run ids, or set details = true."
