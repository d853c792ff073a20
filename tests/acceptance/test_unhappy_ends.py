"""A sync that cannot go on loads what it has, fails, and says so; and nothing that the API sends goes on for ever."""

from __future__ import annotations

import gzip
import itertools
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from extend_source import ExtendError, extend_source
from extend_source.errors import AccessRefused
from extend_source.operations.status import status
from extend_source.sandbox import ApiKey, LoggedRequest, OddAnswer, Options, SandboxServer, Workspace
from tests.acceptance.conftest import MakeWarehouse
from tests.acceptance.scenes import fetched, impatient, log, make_open_warehouse, put_small_runs, small_run
from tests.acceptance.shell import run_shell
from tests.acceptance.test_odd_answers import JSON, says
from tests.acceptance.warehouse import AnyWarehouse, Warehouse

pytestmark = [pytest.mark.thorough, pytest.mark.usefixtures("quick_retries")]

make_warehouse = make_open_warehouse


@pytest.fixture
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    impatient(monkeypatch, attempts=3)


def failing_at(warehouse: AnyWarehouse, **arguments: Any) -> str:
    with pytest.raises(ExtendError) as caught:
        warehouse.sync(**arguments)
    return str(caught.value)


@pytest.mark.case("2.2")
def test_plain_dlt_loads_what_came_before_the_end_and_then_raises(empty_server: SandboxServer, tmp_path: Path) -> None:
    ids = put_small_runs(empty_server.workspace, 60)
    warehouse = Warehouse(empty_server, tmp_path)
    empty_server.instead = lambda request: says(401, "Revoked") if empty_server.requests.total > 31 else None

    with pytest.raises(AccessRefused):
        warehouse.run(max_concurrency=1)

    assert warehouse.column("processor_runs", "id") == ids[-30:]
    assert log(warehouse, "runs_fetched", "runs_pending") == [(30, 30)]
    empty_server.instead = None
    assert warehouse.run().fetched == 30
    assert warehouse.column("processor_runs", "id") == ids


@pytest.mark.case("2.2")
def test_what_ended_a_load_that_was_dropped_is_not_raised_later(empty_server: SandboxServer, tmp_path: Path) -> None:
    put_small_runs(empty_server.workspace, 3)
    warehouse = Warehouse(empty_server, tmp_path)
    empty_server.instead = lambda request: says(401, "Revoked") if empty_server.requests.total > 2 else None
    warehouse.pipeline.extract(extend_source(**warehouse.settings(max_concurrency=1)))
    warehouse.pipeline.drop_pending_packages()
    empty_server.instead = None

    assert warehouse.run().fetched == 3


@pytest.mark.case("2.2")
def test_a_sync_that_fails_before_or_while_it_lists_leaves_a_row_too(
    empty_server: SandboxServer, make_warehouse: MakeWarehouse
) -> None:
    put_small_runs(empty_server.workspace, 3)
    warehouse = make_warehouse(empty_server)

    refused = failing_at(warehouse, api_key="sk_wrong")
    first = status(warehouse.pipeline)
    by_id = failing_at(warehouse, api_key="sk_wrong", run_ids=["dpr_1"])
    healed = warehouse.sync()

    assert first.failure is not None
    assert (first.failure.mode, first.failure.error, first.failure.runs_fetched) == ("full", refused, 0)
    assert "401" in refused
    assert log(warehouse, "mode", "error") == [("full", refused), ("by_id", by_id), ("full", None)]
    assert healed.fetched == 3
    assert status(warehouse.pipeline).failure is None


@pytest.mark.case("2.2")
def test_the_status_shows_a_failed_sync_first(server: SandboxServer, tmp_path: Path) -> None:
    server.instead = lambda request: OddAnswer(503) if server.requests.total > 21 else None
    environment = {
        "SOURCES__EXTEND__BASE_URL": server.base_url,
        "SOURCES__EXTEND__API_KEY": server.api_key,
        "SOURCES__EXTEND__REQUESTS_PER_SECOND": "0",
        "SOURCES__EXTEND__MAX_OBJECT_SECONDS": "1",
    }

    synced = run_shell(tmp_path, "sync", **environment)
    shown = run_shell(tmp_path, "status")
    facts = json.loads(run_shell(tmp_path, "status", "--json").stdout)

    assert synced.code == 1
    line = synced.stderr.splitlines()[-1]
    assert re.match(
        r"extend-source: EXT-202: \d\d requests in a row failed for good; the last: GET /processor_runs/", line
    )
    failed_at = facts["since"].replace("T", " ")[:19]
    assert re.sub(r", \d+ s ago", "", shown.stdout.splitlines()[0]) == (
        f"failing since {failed_at} UTC: {line.removeprefix('extend-source: ')}"
    )
    assert list(facts)[:6] == ["state", "since", "reason", "code", "synced_at", "failure"]
    assert (facts["state"], facts["code"], facts["synced_at"]) == ("failing", "EXT-202", None)
    assert line == f"extend-source: EXT-202: {facts['failure']['error']}"
    assert facts["failure"]["error_code"] == "EXT-202"
    assert sum(facts["runs"].values()) == facts["failure"]["runs_fetched"] == 20


@pytest.mark.case("2.2")
@pytest.mark.parametrize("lacking", [["error", "error_code"], ["error_code"]], ids=", ".join)
def test_a_log_of_an_older_version_gets_the_columns(
    lacking: list[str], empty_server: SandboxServer, make_warehouse: MakeWarehouse
) -> None:
    put_small_runs(empty_server.workspace, 3)
    warehouse = make_warehouse(empty_server)
    warehouse.sync()
    older = warehouse.on_another_machine()  # which knows the schema from the destination alone
    for column in lacking:
        warehouse.execute(f"alter table sync_log drop column {column}")
    warehouse.execute("delete from _dlt_version where schema_name = 'extend'")

    before = status(older.pipeline)
    error = failing_at(older, api_key="sk_wrong")
    after = status(older.pipeline)

    assert (len(before.last_loads), before.failure) == (1, None)
    assert [(load.error, load.error_code) for load in after.last_loads] == [(error, "EXT-209"), (None, None)]


# ---- listings


@pytest.mark.case("2.3")
@pytest.mark.case("S11")
@pytest.mark.parametrize("way", ["empty pages", "the first page again", "the same token"])
def test_a_listing_without_an_end_ends_and_what_it_had_shown_is_loaded(
    empty_server: SandboxServer, tmp_path: Path, way: str
) -> None:
    ids = put_small_runs(empty_server.workspace, 3)
    summaries = [empty_server.workspace.summary(run_id) for run_id in reversed(ids)]

    def page(request: LoggedRequest) -> OddAnswer | None:
        if request.route != "list_runs":
            return None
        rows = summaries if way != "empty pages" or "nextPageToken" not in request.query else []
        token = "t" if way == "the same token" else f"t{empty_server.requests.total}"
        body = {"success": True, "processorRuns": rows, "nextPageToken": token}
        return OddAnswer(200, json.dumps(body).encode(), JSON)

    empty_server.instead = page
    warehouse = Warehouse(empty_server, tmp_path)

    error = failing_at(warehouse, max_pages_without_news=5)

    assert "it would never end" in error
    assert empty_server.requests.counts["list_runs"] == (2 if way == "the same token" else 6)
    assert warehouse.column("processor_runs", "id") == ids
    assert log(warehouse, "runs_fetched", "watermark_after", "error") == [(3, None, error)]
    empty_server.instead = None
    assert warehouse.sync().mode == "full"


@pytest.mark.case("2.4")
@pytest.mark.parametrize("filters", [{}, {"processor_types": ["CLASSIFY"]}], ids=["all", "filtered"])
def test_the_key_of_an_empty_workspace_is_refused_and_refresh_takes_it(tmp_path: Path, filters: dict[str, Any]) -> None:
    workspaces = [Workspace(1, 0, workspace_id="ws_full"), Workspace(2, 0, workspace_id="ws_empty")]
    keys = {"sk_empty": ApiKey(workspace_id="ws_empty")}
    with SandboxServer(workspaces=workspaces, options=Options(more_keys=keys)) as server:
        ids = put_small_runs(workspaces[0], 4)
        warehouse = Warehouse(server, tmp_path)
        warehouse.sync(**filters)
        before = warehouse.snapshot()

        errors = [failing_at(warehouse, api_key="sk_empty", reconcile=each, **filters) for each in (True, False)]

        assert all("has no run at all" in error and "sync once with refresh" in error for error in errors)
        assert warehouse.snapshot() == before
        assert [error for (error,) in log(warehouse, "error")] == [None, *errors]
        assert warehouse.sync(reconcile=True, **filters).gone == 0
        for run_id in ids:
            workspaces[0].delete_run(run_id)
        failing_at(warehouse, reconcile=True, **filters)
        assert warehouse.sync(refresh=True, **filters).gone == 4
        assert warehouse.sync(reconcile=True, **filters).gone == 0


# ---- bodies


@pytest.mark.case("2.5")
@pytest.mark.case("S6")
def test_a_body_without_bounds_costs_its_object_alone(empty_server: SandboxServer, tmp_path: Path) -> None:
    ids = put_small_runs(empty_server.workspace, 12)
    bomb = gzip.compress(b"[" * 30_000_000)
    endless: Iterator[bytes] = itertools.repeat(b" " * 65_536)
    slow = (b" " for _ in range(10_000) if time.sleep(0.05) is None)
    odd = {
        ids[0]: OddAnswer(200, bomb, {"content-encoding": "gzip"}),
        ids[1]: OddAnswer(200, gzip.compress(bomb), {"content-encoding": "gzip, gzip"}),
        ids[2]: OddAnswer(200, endless, JSON),
        ids[3]: OddAnswer(200, b" " * 2_000_001, JSON),
        ids[4]: OddAnswer(200, slow, JSON),
        ids[5]: OddAnswer(403, itertools.repeat(b" " * 65_536), JSON),
    }
    empty_server.instead = lambda request: odd.get(request.path.rsplit("/", 1)[1])
    warehouse = Warehouse(empty_server, tmp_path)

    result = warehouse.sync(max_body_megabytes=2, max_object_seconds=2)

    assert (result.fetched, result.failed) == (6, 6)
    assert [row["code"] for row in warehouse.rows("fetch_errors")] == [
        *("BodyTooLarge", "MalformedResponse", "BodyTooLarge", "BodyTooLarge", "NoAnswer", "ObjectRefused"),
    ]
    messages = warehouse.column("fetch_errors", "message")
    assert messages[0] == (
        f"GET /processor_runs/{ids[0]}: the body is larger than 2 MB (max_body_megabytes). "
        "Raise max_body_megabytes if such an object is to be loaded; memory grows with it."
    )
    assert "it takes longer than 2 s (max_object_seconds)" in messages[4]
    asked = fetched(empty_server)
    assert [asked.count(run_id) for run_id in ids[:4]] == [1, 2, 1, 1]


# ---- states


@pytest.mark.case("2.7")
def test_a_run_in_a_final_state_that_is_not_known_is_fetched_once(
    empty_server: SandboxServer, make_warehouse: MakeWarehouse
) -> None:
    for run_id, state in (("dpr_a", "REJECTED"), ("dpr_b", "PROCESSED"), ("dpr_c", "PENDING")):
        empty_server.workspace.put_run(small_run(run_id, status=state))
    warehouse = make_warehouse(empty_server)
    warehouse.sync()
    empty_server.requests.reset()

    warehouse.sync()
    warehouse.sync(statuses=["FAILED"])  # lists none of them, and asks for those that may have ended
    in_flight = fetched(empty_server)
    warehouse.sync(run_ids=["dpr_a", "dpr_b", "dpr_c"])

    assert (in_flight, fetched(empty_server)) == (["dpr_c"], ["dpr_c", "dpr_c"])
    result = status(warehouse.pipeline)
    assert (result.runs, result.in_flight) == ({"REJECTED": 1, "PROCESSED": 1, "PENDING": 1}, 1)
    empty_server.requests.reset()
    warehouse.sync(reconcile=True, review_window_days=5000)
    assert sorted(fetched(empty_server)) == ["dpr_a", "dpr_b"]  # rechecked, as they have ended
