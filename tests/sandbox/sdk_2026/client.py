"""The vendor's SDK 1.20.0, an independent client, works against the served stand-in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from extend_ai import Extend
from extend_ai.core.api_error import ApiError
from extend_ai.errors import BadRequestError, NotFoundError, UnauthorizedError

from extend_source.sandbox import Options, RateLimit, SandboxServer

from .busy import fill

NO_RETRIES = {"max_retries": 0}
RESOURCES = {"extract_runs": "EXTRACT", "classify_runs": "CLASSIFY", "split_runs": "SPLITTER"}
PREFIXES = {"extract_runs": "exr_", "classify_runs": "clr_", "split_runs": "splr_"}


@pytest.fixture(scope="module")
def server() -> Iterator[SandboxServer]:
    with SandboxServer(seed=7, runs=60) as running:
        fill(running.workspace)
        yield running


def sdk(server: SandboxServer, **settings: str) -> Extend:
    return Extend(token=settings.pop("token", server.api_key), base_url=server.base_url, **settings)


def all_rows(resource: object, **query: object) -> list[object]:
    rows, token = [], None
    while True:
        page = resource.list(max_page_size=7, next_page_token=token, **query)
        rows += page.data
        token = page.next_page_token
        if not token:
            return rows


@pytest.mark.parametrize("name", list(RESOURCES))
def test_runs_are_paged_through_and_read(server: SandboxServer, name: str) -> None:
    resource, workspace = getattr(sdk(server), name), server.workspace
    expected = {
        PREFIXES[name] + run.id.removeprefix("dpr_"): run
        for run in workspace.runs.values()
        if run.payload["type"] == RESOURCES[name]
    }
    rows = all_rows(resource)
    assert sorted(row.id for row in rows) == sorted(expected)
    for row in rows:
        run, state = resource.retrieve(row.id), expected[row.id]
        assert (run.id, run.status.value, run.created_at) == (row.id, state.status, row.created_at)
        assert (run.output is not None) == (state.status == "PROCESSED")
        if run.usage:
            assert (row.usage.credits, row.usage.total_credits) == (run.usage.credits, run.usage.total_credits)
            assert run.usage.credits == state.payload["usage"]["credits"]
            assert sum(line.credits for line in run.usage.breakdown) == pytest.approx(run.usage.total_credits)


def test_the_value_of_an_extraction_is_the_one_in_the_workspace(server: SandboxServer) -> None:
    run_id = server.workspace.run_ids()[0]
    run = sdk(server).extract_runs.retrieve("exr_" + run_id.removeprefix("dpr_"))
    assert run.output.value == server.workspace.run_payload(run_id)["output"]["value"]
    assert run.extractor.name == "Supplier Invoices"
    assert run.extractor.id == "ex_" + server.workspace.processor("invoices").id.removeprefix("dp_")


def test_parse_runs_are_paged_through_and_read(server: SandboxServer) -> None:
    client, workspace = sdk(server), server.workspace
    rows = all_rows(client.parse_runs)
    with_credits = {row.id: row.usage.credits for row in rows if row.usage}
    assert with_credits == {
        "pr_" + file.id.removeprefix("file_"): file.payload["usage"]["credits"]
        for file in workspace.files.values()
        if "usage" in file.payload
    }
    times = [row.created_at for row in rows]
    assert times == sorted(times, reverse=True)
    parse = client.parse_runs.retrieve(next(iter(with_credits)))
    assert parse.output.chunks[0].blocks[0].metadata.page.number == 1
    assert client.parse_runs.retrieve(parse.id, response_type="url").output_url.startswith(server.base_url)


def test_files_and_definitions_are_read(server: SandboxServer) -> None:
    client, workspace = sdk(server), server.workspace
    assert sorted(row.id for row in all_rows(client.files)) == sorted(workspace.files)
    pdf = next(file for file in workspace.files.values() if file.parsed and file.payload.get("type") == "PDF")
    file = client.files.retrieve(pdf.id, raw_text=True, markdown=True)
    assert file.contents.raw_text.startswith("Page 1\n")
    assert file.contents.pages[0].markdown.startswith("# Page 1\n")
    assert [row.name for row in all_rows(client.splitters)] == ["Mailroom Splitter"]
    (classifier,) = all_rows(client.classifiers)
    assert client.classifiers.retrieve(classifier.id).draft_version.version == "draft"
    assert len(all_rows(client.extractors)) == 5


@pytest.mark.parametrize("name", [*RESOURCES, "parse_runs", "files", "extractors", "classifiers", "splitters"])
def test_what_is_not_there_is_not_found(server: SandboxServer, name: str) -> None:
    with pytest.raises(NotFoundError) as raised:
        getattr(sdk(server), name).retrieve("exr_none")
    body = raised.value.body
    assert (body["code"], body["message"], body["retryable"]) == ("NOT_FOUND", "exr_none was not found.", False)
    assert body["requestId"].startswith("req_")


def test_an_unknown_key_is_unauthorized(server: SandboxServer) -> None:
    with pytest.raises(UnauthorizedError) as raised:
        sdk(server, token="sk_wrong").extract_runs.list()
    assert (raised.value.body["code"], raised.value.body["message"]) == (
        "UNAUTHORIZED",
        "The API key has expired or was revoked.",
    )


def test_a_damaged_token_is_a_bad_request(server: SandboxServer) -> None:
    with pytest.raises(BadRequestError) as raised:
        sdk(server).extract_runs.list(next_page_token="nonsense")
    assert (raised.value.body["code"], raised.value.body["message"]) == ("INVALID_REQUEST", "nextPageToken is invalid.")


@pytest.mark.parametrize("name", ["extract_runs", "parse_runs", "files", "extractors"])
def test_a_rate_limit_is_told(name: str) -> None:
    limit = RateLimit(1, algorithm="token_bucket")
    with SandboxServer(runs=1, rate_limit=limit) as limited:
        resource = getattr(sdk(limited), name)
        resource.list(request_options=NO_RETRIES)
        with pytest.raises(ApiError) as raised:
            resource.list(request_options=NO_RETRIES)
    assert raised.value.status_code == 429
    assert (raised.value.body["code"], raised.value.body["retryable"]) == ("RATE_LIMIT_EXCEEDED", True)
    assert raised.value.headers["retry-after"] == "1"


def test_a_server_error_is_survived_by_retrying() -> None:
    with SandboxServer(runs=3, faults=["503:#1@run"]) as faulty:
        run_id = "exr_" + faulty.workspace.run_ids()[0].removeprefix("dpr_")
        assert sdk(faulty).extract_runs.retrieve(run_id).id == run_id
        assert faulty.requests.statuses == {503: 1, 200: 1}
        assert faulty.requests.counts == {"get_extract_run": 2}


@pytest.mark.parametrize("end_marker", ["absent", "null", "empty"])
def test_every_end_marker_ends_a_listing(end_marker: str) -> None:
    with SandboxServer(runs=20, options=Options(end_marker=end_marker, cursor="keyset")) as marked:
        rows = all_rows(sdk(marked).extract_runs, sort_by="createdAt", sort_dir="asc")
        expected = [run for run in marked.workspace.runs.values() if run.payload["type"] == "EXTRACT"]
    assert [row.id.removeprefix("exr_") for row in rows] == [
        run.id.removeprefix("dpr_") for run in sorted(expected, key=lambda run: (run.created_at, run.id))
    ]
