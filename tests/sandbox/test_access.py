"""Keys, versions and workspaces."""

from __future__ import annotations

import pytest

from extend_source.sandbox import ApiKey, Options, Workspace

from .conftest import Connect
from .in_process import InProcessClient

REFUSED = "The API key has expired or was revoked."


@pytest.mark.parametrize(
    ("authorization", "status", "error"),
    [
        ("", 401, "Missing Authorization header."),
        ("sk_sandbox", 401, "Malformed token: expected 'Authorization: Bearer <key>'."),
        ("Basic sk_sandbox", 401, "Malformed token: expected 'Authorization: Bearer <key>'."),
        ("Bearer sk sandbox", 401, "Malformed token: expected 'Authorization: Bearer <key>'."),
        ("Bearer sk_unknown", 401, REFUSED),
        ("Bearer sk_sandbox_expired", 401, REFUSED),
        ("Bearer sk_sandbox_insufficient", 401, "The API key has insufficient permission."),
        ("Bearer sk_sandbox_forbidden", 403, "The API key has no rights on this object."),
    ],
)
def test_a_bad_key_is_refused_with_its_cause(
    client: InProcessClient, authorization: str, status: int, error: str
) -> None:
    response = client.get("/processor_runs", headers={"Authorization": authorization})
    assert (response.status_code, response.json()) == (status, {"success": False, "error": error})


def test_the_configured_key_is_the_one_that_counts(connect: Connect) -> None:
    client = connect(options=Options(api_key="sk_mine", more_keys={"sk_old": ApiKey("expired")}))
    statuses = {
        key: client.get("/files", headers={"Authorization": f"Bearer {key}"}).status_code
        for key in ("sk_mine", "sk_sandbox", "sk_old")
    }
    assert statuses == {"sk_mine": 200, "sk_sandbox": 401, "sk_old": 401}


@pytest.mark.parametrize("version", ["2027-01-01", "latest"])
def test_an_unknown_version_is_refused(client: InProcessClient, version: str) -> None:
    response = client.get("/processor_runs", headers={"x-extend-api-version": version})
    assert response.status_code == 400
    assert version in response.json()["error"]


def test_a_missing_version_is_refused(client: InProcessClient) -> None:
    del client.headers["x-extend-api-version"]
    response = client.get("/processor_runs")
    assert (response.status_code, response.json()["error"]) == (
        400,
        "The x-extend-api-version header is required.",
    )


def as_organization(workspace_id: str | None = None) -> dict[str, str]:
    headers = {"Authorization": "Bearer sk_sandbox_org"}
    return headers if workspace_id is None else {**headers, "x-extend-workspace-id": workspace_id}


def test_an_organization_key_needs_a_workspace(client: InProcessClient) -> None:
    response = client.get("/processor_runs", headers=as_organization())
    assert response.status_code == 400
    assert response.json()["error"] == "An organization API key needs the x-extend-workspace-id header."


def test_an_unknown_workspace_is_refused(client: InProcessClient) -> None:
    response = client.get("/processor_runs", headers=as_organization("ws_none"))
    assert response.status_code == 401
    assert "ws_none" in response.json()["error"]


def test_each_workspace_shows_only_its_own_runs(connect: Connect, workspace: Workspace) -> None:
    second = Workspace(seed=8, runs=12, workspace_id="ws_second")
    client = connect(second)
    query = {"maxPageSize": 100}
    for own, other in ((workspace, second), (second, workspace)):
        headers = as_organization(own.id)
        rows = client.get("/processor_runs", params=query, headers=headers).json()["processorRuns"]
        assert {row["id"] for row in rows} == set(own.run_ids())
        foreign = client.get(f"/processor_runs/{other.run_ids()[0]}", headers=headers)
        assert foreign.status_code == 404


def test_a_workspace_key_may_name_its_own_workspace_and_no_other(connect: Connect) -> None:
    client = connect(Workspace(seed=8, runs=1, workspace_id="ws_second"))
    own = client.get("/processor_runs", headers={"x-extend-workspace-id": "ws_sandbox"})
    other = client.get("/processor_runs", headers={"x-extend-workspace-id": "ws_second"})
    assert (own.status_code, other.status_code) == (200, 401)


@pytest.mark.parametrize(
    ("shape", "keys"),
    [
        ("auto", {"success", "error"}),
        ("success", {"success", "error"}),
        ("bare", {"error"}),
        ("coded", {"code", "message", "requestId", "retryable"}),
    ],
)
def test_errors_have_the_shape_asked_for(connect: Connect, shape: str, keys: set[str]) -> None:
    response = connect(options=Options(error_shape=shape)).get("/processor_runs/dpr_none")
    assert response.status_code == 404
    assert set(response.json()) == keys


def test_a_coded_error_says_whether_to_retry(connect: Connect, workspace: Workspace) -> None:
    client = connect(options=Options(error_shape="coded"), faults=["429:#1", "500:#1"])
    bodies = [client.get("/processor_runs/dpr_none").json() for _ in range(3)]
    assert [(body["code"], body["retryable"]) for body in bodies] == [
        ("RATE_LIMIT_EXCEEDED", True),
        ("INTERNAL_ERROR", True),
        ("NOT_FOUND", False),
    ]


def test_a_path_that_is_no_endpoint_is_not_found_and_logged(client: InProcessClient) -> None:
    assert client.get("/v1/processor_runs").status_code == 404
    assert client.organization.requests.counts == {"unknown": 1}


def test_a_file_flag_must_be_true_or_false(client: InProcessClient, workspace: Workspace) -> None:
    assert client.get(f"/files/{next(iter(workspace.files))}?rawText=yes").status_code == 400
