"""Listings: filters, order, page tokens and the ways in which a listing can end."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import quote

import pytest

from extend_source.sandbox import Options, Workspace

from .conftest import Connect
from .in_process import InProcessClient


def pages(client: InProcessClient, path: str = "/processor_runs", **query: Any) -> list[dict[str, Any]]:
    """Return the bodies of all pages."""
    found, token = [], None
    while True:
        params = {**query, "nextPageToken": token} if token else query
        response = client.get(path, params=params)
        assert response.status_code == 200, response.text
        found.append(response.json())
        token = found[-1].get("nextPageToken")
        if not token:
            return found


def listed(client: InProcessClient, **query: Any) -> list[str]:
    return [row["id"] for page in pages(client, **query) for row in page["processorRuns"]]


@pytest.mark.parametrize("cursor", ["offset", "keyset"])
@pytest.mark.parametrize("end_marker", ["absent", "null", "empty"])
@pytest.mark.parametrize("size", [1, 7, 10, 40, 1000])
def test_the_pages_hold_every_run_once_under_every_end_marker(
    connect: Connect, workspace: Workspace, cursor: str, end_marker: str, size: int
) -> None:
    client = connect(options=Options(cursor=cursor, end_marker=end_marker))
    bodies = pages(client, maxPageSize=size)
    ids = [row["id"] for page in bodies for row in page["processorRuns"]]
    assert len(ids) == 40
    assert set(ids) == set(workspace.run_ids())
    last = bodies[-1]
    assert last.get("nextPageToken", "no key") == {"absent": "no key", "null": None, "empty": ""}[end_marker]


def test_a_page_holds_ten_runs_unless_told_otherwise(client: InProcessClient) -> None:
    assert len(client.get("/processor_runs").json()["processorRuns"]) == 10


def test_pages_may_hold_fewer_rows_than_asked_for(connect: Connect, workspace: Workspace) -> None:
    bodies = pages(connect(options=Options(short_pages=True)), maxPageSize=9)
    assert [len(page["processorRuns"]) for page in bodies] == [5] * 8
    assert {row["id"] for page in bodies for row in page["processorRuns"]} == set(workspace.run_ids())


@pytest.mark.parametrize(
    ("asked", "short", "served"), [(1000, False, 15), (15, False, 15), (9, False, 9), (20, True, 10)]
)
def test_no_page_is_larger_than_the_largest(
    connect: Connect, workspace: Workspace, asked: int, short: bool, served: int
) -> None:
    client = connect(options=Options(largest_page=15, short_pages=short))
    bodies = pages(client, maxPageSize=asked)
    sizes = [len(page["processorRuns"]) for page in bodies]
    assert sizes == [served] * (40 // served) + [40 % served] * (40 % served > 0)
    assert {row["id"] for page in bodies for row in page["processorRuns"]} == set(workspace.run_ids())
    assert len(client.get("/files", params={"maxPageSize": asked}).json()["files"]) == served


def test_a_largest_page_without_rows_is_refused() -> None:
    with pytest.raises(ValueError, match="largest_page must be at least 1"):
        Options(largest_page=0)


@pytest.mark.parametrize("sort_by", ["updatedAt", "createdAt"])
@pytest.mark.parametrize("sort_dir", ["asc", "desc"])
@pytest.mark.parametrize("cursor", ["offset", "keyset"])
def test_runs_come_in_the_order_asked_for(connect: Connect, sort_by: str, sort_dir: str, cursor: str) -> None:
    client = connect(options=Options(cursor=cursor))
    rows = [
        row for page in pages(client, sortBy=sort_by, sortDir=sort_dir, maxPageSize=6) for row in page["processorRuns"]
    ]
    times = [datetime.fromisoformat(row[sort_by].replace("Z", "+00:00")) for row in rows]
    assert times == sorted(times, reverse=sort_dir == "desc")
    assert len(times) == 40


def test_times_in_whole_seconds_and_in_milliseconds_are_in_order(client: InProcessClient, workspace: Workspace) -> None:
    moment = datetime(2026, 3, 1, tzinfo=timezone.utc)
    late = workspace.add_run(created_at=moment + timedelta(milliseconds=5), updated_at=moment)
    early = workspace.add_run(created_at=moment, updated_at=moment)
    ids = listed(client, sortBy="createdAt", sortDir="desc")
    assert ids[:2] == [late, early]


def test_the_newest_update_comes_first_by_default(client: InProcessClient, workspace: Workspace) -> None:
    oldest = listed(client)[-1]
    workspace.advance(1)
    workspace.touch_run(oldest)
    assert listed(client)[0] == oldest


def test_each_filter_lets_only_its_runs_through(client: InProcessClient, workspace: Workspace) -> None:
    claims = workspace.processor("claims").id
    run = next(run for run in workspace.runs.values() if run.source == "WORKFLOW_RUN")
    assert {workspace.runs[id_].status for id_ in listed(client, status="FAILED")} == {"FAILED"}
    assert {workspace.runs[id_].payload["processorId"] for id_ in listed(client, processorId=claims)} == {claims}
    assert {workspace.runs[id_].payload["type"] for id_ in listed(client, processorType="SPLITTER")} == {"SPLITTER"}
    assert listed(client, sourceId=run.source_id) == [run.id]
    assert {workspace.runs[id_].source for id_ in listed(client, source="WORKFLOW_RUN")} == {"WORKFLOW_RUN"}
    name = workspace.files[run.file_ids[0]].payload["name"]
    assert run.id in listed(client, fileNameContains=name[2:12].upper())
    assert listed(client, fileNameContains="no such name") == []


def test_filters_are_combined(client: InProcessClient, workspace: Workspace) -> None:
    ids = listed(client, status="PROCESSED", processorType="CLASSIFY")
    expected = [
        run.id for run in workspace.runs.values() if run.status == "PROCESSED" and run.payload["type"] == "CLASSIFY"
    ]
    assert sorted(ids) == sorted(expected)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("status", "DONE"),
        ("processorType", "extract"),
        ("source", "MAIL"),
        ("sortBy", "id"),
        ("sortDir", "down"),
        ("maxPageSize", "0"),
        ("maxPageSize", "1001"),
        ("maxPageSize", "ten"),
        ("maxPageSize", "-1"),
        ("maxPageSize", "5.0"),
        ("nextPageToken", "broken"),
    ],
)
def test_a_bad_parameter_is_refused(client: InProcessClient, name: str, value: str) -> None:
    response = client.get("/processor_runs", params={name: value})
    assert response.status_code == 400
    assert response.json()["success"] is False
    assert name in response.json()["error"]


def test_a_parameter_given_twice_is_refused(client: InProcessClient) -> None:
    assert client.get("/processor_runs?status=FAILED&status=PENDING").status_code == 400


def test_a_token_contains_everything_that_must_be_percent_encoded(client: InProcessClient) -> None:
    token = client.get("/processor_runs").json()["nextPageToken"]
    assert set("+/=:") <= set(token)
    assert client.get(f"/processor_runs?nextPageToken={quote(token, safe='')}").status_code == 200


def test_a_token_that_was_not_percent_encoded_is_refused(client: InProcessClient) -> None:
    token = client.get("/processor_runs").json()["nextPageToken"]
    assert client.get(f"/processor_runs?nextPageToken={token}").status_code == 400


@pytest.mark.parametrize(
    "other", [{"status": "PROCESSED"}, {"sortDir": "asc"}, {"sortBy": "createdAt"}, {"fileNameContains": "a"}]
)
def test_a_token_is_refused_when_the_query_differs(client: InProcessClient, other: dict[str, str]) -> None:
    token = client.get("/processor_runs").json()["nextPageToken"]
    response = client.get("/processor_runs", params={**other, "nextPageToken": token})
    assert response.status_code == 400
    assert response.json()["error"].startswith("nextPageToken belongs to another query")


def test_a_token_of_the_runs_is_refused_for_the_files(client: InProcessClient) -> None:
    token = client.get("/processor_runs").json()["nextPageToken"]
    assert client.get("/files", params={"nextPageToken": token}).status_code == 400


def test_the_page_size_may_change_between_pages(client: InProcessClient) -> None:
    token = client.get("/processor_runs", params={"maxPageSize": 5}).json()["nextPageToken"]
    page = client.get("/processor_runs", params={"maxPageSize": 35, "nextPageToken": token}).json()
    assert len(page["processorRuns"]) == 35
    assert "nextPageToken" not in page


def test_a_token_changed_in_one_character_is_refused(client: InProcessClient) -> None:
    token = client.get("/processor_runs").json()["nextPageToken"]
    middle = len(token) // 2
    changed = token[:middle] + ("A" if token[middle] != "A" else "B") + token[middle + 1 :]
    assert client.get("/processor_runs", params={"nextPageToken": changed}).status_code == 400


def test_a_token_expires_after_its_lifetime(connect: Connect) -> None:
    now = [100.0]
    client = connect(options=Options(token_lifetime=60), clock=lambda: now[0])
    token = client.get("/processor_runs").json()["nextPageToken"]
    now[0] += 60
    assert client.get("/processor_runs", params={"nextPageToken": token}).status_code == 200
    now[0] += 1
    response = client.get("/processor_runs", params={"nextPageToken": token})
    assert (response.status_code, response.json()["error"]) == (400, "nextPageToken has expired.")


def test_files_are_paged_too(client: InProcessClient, workspace: Workspace) -> None:
    ids = [row["id"] for page in pages(client, "/files", maxPageSize=9) for row in page["files"]]
    assert len(ids) == len(workspace.files)
    assert set(ids) == set(workspace.files)


def test_a_run_updated_between_pages_is_repeated_by_an_offset_and_not_by_a_keyset(
    connect: Connect, workspace: Workspace
) -> None:
    for cursor, repeated in (("offset", 1), ("keyset", 0)):
        client = connect(options=Options(cursor=cursor))
        first = client.get("/processor_runs", params={"maxPageSize": 20}).json()
        workspace.advance(1)
        workspace.touch_run(listed(client)[-1])
        second = client.get(
            "/processor_runs", params={"maxPageSize": 20, "nextPageToken": first["nextPageToken"]}
        ).json()
        ids = [row["id"] for page in (first, second) for row in page["processorRuns"]]
        assert len(ids) - len(set(ids)) == repeated
