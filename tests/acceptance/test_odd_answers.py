"""One object never ends a sync: what an odd answer means is found out by asking for something that should work."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from extend_source import ExtendError
from extend_source.errors import AccessRefused, ApiUnreachable, EndpointRemoved
from extend_source.sandbox import LoggedRequest, OddAnswer, SandboxServer
from tests.acceptance.conftest import MakeWarehouse
from tests.acceptance.scenes import fetched, impatient, log, make_open_warehouse, put_small_runs, small_run
from tests.acceptance.warehouse import Warehouse

pytestmark = [pytest.mark.thorough, pytest.mark.usefixtures("quick_retries")]

make_warehouse = make_open_warehouse

JSON = {"content-type": "application/json"}
PAGE = b"<html><body>Nothing here</body></html>"


def says(status: int, text: str, **more: str) -> OddAnswer:
    return OddAnswer(status, json.dumps({"success": False, "error": text, **more}).encode(), JSON)


ODD = {
    "204": (OddAnswer(204), (204, "MalformedResponse")),
    "202": (OddAnswer(202, b'{"success": true}', JSON), (202, "MalformedResponse")),
    "302": (OddAnswer(302, b"", {"location": "https://login.example/"}), (302, "ObjectRefused")),
    "304": (OddAnswer(304), (304, "ObjectRefused")),
    "400": (says(400, "Unsupported API version of the document"), (400, "ObjectRefused")),
    "401": (says(401, "The API key has expired or was revoked."), (401, "ObjectRefused")),
    "402": (says(402, "Blocked", code="USAGE_BLOCKED"), (402, "USAGE_BLOCKED")),
    "403": (says(403, "Forbidden"), (403, "ObjectRefused")),
    "403 with a page": (OddAnswer(403, PAGE), (403, "ObjectRefused")),
    "403 of a workspace": (says(403, "The workspace of this run is archived"), (403, "ObjectRefused")),
    "404 with a page": (OddAnswer(404, PAGE), (404, "ObjectRefused")),
    "410 with a page": (OddAnswer(410, PAGE), (410, "ObjectRefused")),
    "410 of the endpoint": (says(410, "Use another", code="ENDPOINT_REMOVED"), (410, "ENDPOINT_REMOVED")),
    "418": (says(418, "Teapot"), (418, "InvalidRequest")),
    "451": (OddAnswer(451, PAGE), (451, "InvalidRequest")),
    "501": (OddAnswer(501, PAGE), (501, "ServerError")),
    "a page": (OddAnswer(200, PAGE), (200, "MalformedResponse")),
}
"""Answers for one run, and the status and the code of its row in ``fetch_errors``."""


@pytest.fixture
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    impatient(monkeypatch, attempts=3)


@pytest.fixture(scope="module")
def shared_server() -> Iterator[SandboxServer]:
    with SandboxServer(runs=0) as server:
        yield server


def instead_for(*run_ids: str, answer: OddAnswer) -> Callable[[LoggedRequest], OddAnswer | None]:
    paths = {f"/processor_runs/{run_id}" for run_id in run_ids}
    return lambda request: answer if request.path in paths else None


@pytest.mark.case("2.1")
@pytest.mark.case("S18")
def test_each_odd_answer_for_one_run_costs_that_run_alone(
    empty_server: SandboxServer, make_warehouse: MakeWarehouse
) -> None:
    ids = put_small_runs(empty_server.workspace, 40)
    odd = dict(zip(ids[-len(ODD) :], ODD, strict=True))  # the newest, so that the very first answers are odd
    slashed = empty_server.workspace.put_run(small_run("dpr/../é?#%2f ;x"))
    gone = ids[5]
    answers = {f"/processor_runs/{run_id}": ODD[name][0] for run_id, name in odd.items()}
    answers[f"/processor_runs/{gone}"] = says(410, "The run was deleted")
    empty_server.instead = lambda request: OddAnswer(404, PAGE) if "%" in request.path else answers.get(request.path)
    warehouse = make_warehouse(empty_server)

    result = warehouse.sync()

    assert (result.fetched, result.gone, result.failed) == (40 - len(ODD) - 1, 1, len(ODD) + 1)
    assert result.complete is False
    assert warehouse.column("processor_runs", "id") == sorted(set(ids) - odd.keys() - {gone})
    assert warehouse.column("tombstones", "id") == [gone]
    rows = {row["id"]: (row["status_code"], row["code"]) for row in warehouse.rows("fetch_errors")}
    assert rows == {run_id: ODD[name][1] for run_id, name in odd.items()} | {slashed: (404, "ObjectRefused")}
    assert log(warehouse, "runs_fetched", "runs_failed", "runs_gone", "error") == [(22, 18, 1, None)]

    empty_server.instead = lambda request: OddAnswer(404, PAGE) if "%" in request.path else None
    warehouse.sync(reconcile=True)

    assert warehouse.column("processor_runs", "id") == ids
    assert [(row["id"], row["attempts"]) for row in warehouse.rows("fetch_errors")] == [(slashed, 2)]
    assert warehouse.rows("tombstones") == []


@pytest.mark.case("2.1")
@pytest.mark.parametrize("asked_for", ["listed", "by id"])
@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (says(403, "Forbidden"), AccessRefused),
        (says(410, "Gone"), EndpointRemoved),
        (OddAnswer(404, PAGE), EndpointRemoved),
    ],
    ids=["403", "410", "404 with a page"],
)
def test_what_every_run_meets_refuses_everything_after_a_few(
    empty_server: SandboxServer, tmp_path: Any, answer: OddAnswer, kind: type[ExtendError], asked_for: str
) -> None:
    ids = put_small_runs(empty_server.workspace, 300)
    empty_server.instead = lambda request: answer if request.route == "get_run" else None
    warehouse = Warehouse(empty_server, tmp_path)

    with pytest.raises(kind):
        warehouse.sync(run_ids=None if asked_for == "listed" else ids, max_concurrency=4)

    assert empty_server.requests.counts["get_run"] <= 4 + 20
    assert (warehouse.rows("fetch_errors"), warehouse.rows("tombstones")) == ([], [])
    ((error,),) = log(warehouse, "error")
    assert f"answered {answer.status}" in error


@pytest.mark.case("2.1")
def test_a_single_run_asked_for_by_id_is_judged_by_the_listing(empty_server: SandboxServer, tmp_path: Any) -> None:
    ids = put_small_runs(empty_server.workspace, 3)
    warehouse = Warehouse(empty_server, tmp_path)
    empty_server.instead = instead_for(ids[0], answer=says(401, "The API key has expired or was revoked."))

    result = warehouse.sync(run_ids=[ids[0]])

    assert (result.fetched, result.failed) == (0, 1)
    assert list(result.errors) == [ids[0]]
    empty_server.instead = lambda request: says(401, "The API key has expired or was revoked.")
    with pytest.raises(AccessRefused):
        warehouse.sync(run_ids=[ids[0]])


@pytest.mark.case("2.1")
def test_the_text_of_one_file_that_is_refused_costs_that_file_alone(empty_server: SandboxServer, tmp_path: Any) -> None:
    for _ in range(6):
        empty_server.workspace.add_run(status="PROCESSED")
    file_ids = sorted(empty_server.workspace.files)
    refused = file_ids[0]
    empty_server.instead = lambda request: says(403, "Forbidden") if request.path == f"/files/{refused}" else None
    warehouse = Warehouse(empty_server, tmp_path)

    result = warehouse.sync(file_contents="fetch")

    assert (result.fetched, result.failed, result.files_failed) == (6, 0, 1)
    assert warehouse.column("file_contents", "file_id") == [each for each in file_ids if each != refused]
    assert [(row["id"], row["status_code"]) for row in warehouse.rows("fetch_errors")] == [(refused, 403)]


@pytest.mark.case("2.1")
def test_a_key_that_is_revoked_is_not_one_object_and_a_run_that_fails_often_no_outage(
    empty_server: SandboxServer, tmp_path: Any
) -> None:
    ids = put_small_runs(empty_server.workspace, 60)
    failing = ids[10:40]  # more than make an outage, one after the other
    warehouse = Warehouse(empty_server, tmp_path)
    empty_server.instead = instead_for(*failing, answer=OddAnswer(503))

    result = warehouse.sync(max_concurrency=1, max_error_share=1)

    assert (result.fetched, result.failed) == (30, 30)
    assert warehouse.column("fetch_errors", "id") == failing


# ---- outages


@pytest.mark.case("2.2")
@pytest.mark.parametrize("way", ["503", "dropped", "revoked"])
def test_what_was_fetched_before_the_end_is_loaded_and_the_error_is_logged(
    empty_server: SandboxServer, make_warehouse: MakeWarehouse, way: str
) -> None:
    ids = put_small_runs(empty_server.workspace, 300)
    answered: list[str] = []

    def end(request: LoggedRequest) -> OddAnswer | None:
        if len(answered) >= 200 or request.route != "get_run":
            if len(answered) < 200:
                return None
            if way == "dropped":
                return OddAnswer(200, b"", {"content-length": "1000"})
            return OddAnswer(503) if way == "503" else says(401, "The API key has expired or was revoked.")
        answered.append(request.path.rsplit("/", 1)[1])
        return None

    empty_server.instead = end
    warehouse = make_warehouse(empty_server)

    with pytest.raises(AccessRefused if way == "revoked" else ApiUnreachable) as caught:
        warehouse.sync()

    assert warehouse.column("processor_runs", "id") == sorted(answered)
    assert len(answered) == 200
    assert warehouse.rows("fetch_errors") == []
    ((listed, loaded, pending, error, watermark),) = log(
        warehouse, "runs_listed", "runs_fetched", "runs_pending", "error", "watermark_after"
    )
    assert (listed, loaded, pending, watermark) == (300, 200, 100, None)
    assert error == str(caught.value)

    empty_server.instead = None
    empty_server.requests.reset()
    assert warehouse.sync().complete
    assert sorted(fetched(empty_server)) == sorted(set(ids) - set(answered))
    assert warehouse.column("processor_runs", "id") == ids
    assert [error for (error,) in log(warehouse, "error")][1:] == [None]
