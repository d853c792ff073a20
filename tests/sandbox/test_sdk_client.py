"""The vendor's SDK, an independent client, works against the served stand-in."""

from __future__ import annotations

import re
from typing import Any

import pytest
from extend_ai import Extend
from extend_ai.core.api_error import ApiError
from extend_ai.errors import BadRequestError, NotFoundError, UnauthorizedError

from extend_source.sandbox import RateLimit, SandboxServer

from .sdk_shapes import instants

NO_RETRIES = {"max_retries": 0}


def sdk(server: SandboxServer, **settings: str) -> Extend:
    return Extend(token=settings.pop("token", server.api_key), base_url=server.base_url, **settings)


def unsigned(value: Any) -> Any:
    """Return JSON without the part of its links that is new in every answer."""
    if isinstance(value, dict):
        return {key: unsigned(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [unsigned(inner) for inner in value]
    return re.sub(r"X-Amz-Signature=[\w-]+", "", value) if isinstance(value, str) else value


def test_the_sdk_pages_through_all_runs(server: SandboxServer) -> None:
    client, listed, token = sdk(server), [], None
    while True:
        page = client.processor_run.list(max_page_size=7, next_page_token=token)
        listed.extend(run.id for run in page.processor_runs)
        token = page.next_page_token
        if not token:
            break
    assert sorted(listed) == sorted(server.workspace.run_ids())
    assert server.requests.counts == {"list_runs": 6}


def test_the_sdk_reads_every_run_as_the_workspace_holds_it(server: SandboxServer) -> None:
    client = sdk(server)
    for run_id in server.workspace.run_ids():
        run = client.processor_run.get(id=run_id).processor_run
        assert unsigned(instants(run.dict())) == unsigned(instants(server.workspace.run_payload(run_id)))


def test_the_sdk_reads_the_contents_of_a_file(server: SandboxServer) -> None:
    file_id = next(id_ for id_, file in server.workspace.files.items() if file.payload.get("type") == "PDF")
    file = sdk(server).file.get(id=file_id, raw_text=True, markdown=True).file
    assert file.contents.raw_text.startswith("Page 1\n")
    assert file.contents.pages[0].markdown.startswith("# Page 1\n")
    assert file.contents.pages[0].html is None


def test_the_sdk_lists_files_by_name(server: SandboxServer) -> None:
    files = sdk(server).file.list(name_contains="INVOICE", max_page_size=100).files
    assert files
    assert all("invoice" in file.name for file in files)


def test_the_sdk_cancels_and_deletes_a_run(server: SandboxServer) -> None:
    run_id = server.workspace.add_run(status="PROCESSING")
    client = sdk(server)
    assert client.processor_run.cancel(id=run_id).processor_run.status == "CANCELLED"
    assert client.processor_run.delete(id=run_id).document_processor_run_id == run_id
    with pytest.raises(NotFoundError):
        client.processor_run.get(id=run_id)


def test_the_sdk_raises_not_found_for_an_unknown_run(server: SandboxServer) -> None:
    with pytest.raises(NotFoundError) as raised:
        sdk(server).processor_run.get(id="dpr_none")
    assert raised.value.body["error"] == "dpr_none was not found."


def test_the_sdk_raises_unauthorized_for_an_unknown_key(server: SandboxServer) -> None:
    with pytest.raises(UnauthorizedError) as raised:
        sdk(server, token="sk_wrong").processor_run.list()
    assert raised.value.body.error == "The API key has expired or was revoked."


def test_the_sdk_raises_bad_request_for_an_unknown_version(server: SandboxServer) -> None:
    with pytest.raises(BadRequestError):
        sdk(server, extend_api_version="1999-01-01").processor_run.list()


def test_the_sdk_raises_an_api_error_for_a_rate_limit() -> None:
    limit = RateLimit(1, algorithm="token_bucket")
    with SandboxServer(runs=1, rate_limit=limit) as server:
        client = sdk(server)
        client.processor_run.list(request_options=NO_RETRIES)
        with pytest.raises(ApiError) as raised:
            client.processor_run.list(request_options=NO_RETRIES)
    assert raised.value.status_code == 429
    assert raised.value.body == {"error": "Rate limit exceeded."}
    assert raised.value.headers["retry-after"] == "1"


def test_the_sdk_survives_a_server_error_by_retrying() -> None:
    with SandboxServer(runs=3, faults=["503:#1@run"]) as server:
        run_id = server.workspace.run_ids()[0]
        assert sdk(server).processor_run.get(id=run_id).processor_run.id == run_id
        assert server.requests.statuses == {503: 1, 200: 1}
