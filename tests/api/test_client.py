from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest

from extend_source.errors import (
    AccessRefused,
    InvalidRequest,
    InvalidSetting,
    UnsupportedApiVersion,
)

from .scripted import CANARY_KEY, FILES, RUNS, Answer, client_of, exchange, failure_of, get_run, run_answer, serving


def test_a_run_is_asked_for_with_key_version_and_agent():
    _, server = exchange(get_run, run_answer())
    (request,) = server.requests
    assert request.target == "/processor_runs/dpr_1"
    assert request.headers["authorization"] == f"Bearer {CANARY_KEY}"
    assert request.headers["x-extend-api-version"] == "2025-04-21"
    assert request.headers["accept"] == "application/json"
    assert request.headers["user-agent"].startswith("dlt-source-extend/")
    assert "x-extend-workspace-id" not in request.headers


def test_numbers_keep_their_digits():
    body = b'{"success": true, "processorRun": {"id": "dpr_1", "usage": {"credits": 3.50}}}'
    run, _ = exchange(get_run, Answer(body))
    assert str(run["usage"]["credits"]) == "3.50"
    assert isinstance(run["usage"]["credits"], Decimal)


@pytest.mark.parametrize(
    ("run_id", "target"),
    [
        ("a/b", "/processor_runs/a%2Fb"),
        ("a%2Fb", "/processor_runs/a%252Fb"),
        ("a?b#c", "/processor_runs/a%3Fb%23c"),
        ("../files/x", "/processor_runs/..%2Ffiles%2Fx"),
        ("é 😀", "/processor_runs/%C3%A9%20%F0%9F%98%80"),
        ("x" * 255, "/processor_runs/" + "x" * 255),
    ],
)
def test_any_id_is_one_segment_of_the_path(run_id, target):
    run, server = exchange(lambda client: client.get(RUNS, run_id), run_answer(run_id))
    assert run["id"] == run_id
    assert server.requests[0].target == target


@pytest.mark.parametrize("run_id", ["", "x" * 256, ".", "..", "\ud800", None, 7])
def test_what_can_be_no_id_is_refused_without_a_request(run_id):
    for use in (lambda client: client.get(RUNS, run_id), lambda client: client.get(FILES, run_id)):
        error, server = failure_of(use, run_answer())
        assert type(error) is InvalidRequest
        assert (error.attempts, server.requests) == (0, [])


def test_a_path_prefix_of_the_base_url_is_kept():
    async def scenario():
        async with serving(run_answer()) as server, client_of(f"{server.url}/extend/v1//") as client:
            await client.get(RUNS, "dpr_1")
            return server.requests[0].target

    assert asyncio.run(scenario()) == "/extend/v1/processor_runs/dpr_1"


def test_download_links_of_files_never_pass():
    signed = "https://bucket.example/a.pdf?X-Amz-Signature=abc"
    sent = run_answer(files=[{"id": "file_1", "presignedUrl": signed, "name": "a.pdf"}])
    run, _ = exchange(get_run, sent)
    assert run["files"] == [{"id": "file_1", "name": "a.pdf"}]


def test_a_file_is_asked_for_with_all_that_can_be_had_of_its_text():
    sent = Answer({"success": True, "file": {"id": "file_1", "presignedUrl": "https://x.example/?sig=1"}})
    file, server = exchange(lambda client: client.get(FILES, "file_1"), sent)
    assert file == {"id": "file_1"}
    assert server.requests[0].path == "/files/file_1"
    assert server.requests[0].query == {"rawText": "true", "markdown": "true", "html": "true"}


def test_an_answer_may_be_the_object_itself():
    bare = replace(RUNS, get_key=None)
    run, _ = exchange(lambda client: client.get(bare, "dpr_1"), Answer({"id": "dpr_1", "status": "PROCESSED"}))
    assert run == {"id": "dpr_1", "status": "PROCESSED"}
    error, _ = failure_of(lambda client: client.get(bare, "dpr_1"), Answer({"id": "dpr_2"}))
    assert str(error).startswith("dpr_1: the object in the answer has another id")


@pytest.mark.parametrize(
    "key", ["", "   ", " sk_hush", "sk_hush\n", "sk hush", "sk_hushé", "sk_hush\x00", '"sk_hush"', "sk_hush'", None]
)
def test_a_key_that_no_request_can_carry_is_refused_at_once(key):
    with pytest.raises(AccessRefused) as caught:
        client_of("https://api.extend.ai", api_key=key)
    assert "The API key" in str(caught.value)
    assert "hush" not in str(caught.value) + repr(caught.value)


@pytest.mark.parametrize("workspace_id", ["ws 1", "ws\n1", "wé"])
def test_a_workspace_id_that_no_header_can_carry_is_refused_at_once(workspace_id):
    with pytest.raises(InvalidSetting, match="workspace_id") as caught:
        client_of("https://api.extend.ai", workspace_id=workspace_id)
    assert workspace_id not in str(caught.value)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://api.extend.ai", "https://api.extend.ai"),
        ("https://api.extend.ai/", "https://api.extend.ai"),
        (" https://own.example:8443/extend/ ", "https://own.example:8443/extend"),
        ("http://localhost:8000", "http://localhost:8000"),
        ("http://127.0.0.2:8000", "http://127.0.0.2:8000"),
        ("http://[::1]:8000/", "http://[::1]:8000"),
    ],
)
def test_a_good_base_url_is_kept_without_the_last_slash(given, kept):
    assert client_of(given).base_url == kept


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("", "not an http or https address"),
        ("api.extend.ai", "not an http or https address"),
        ("ftp://api.extend.ai", "not an http or https address"),
        ("https://", "not an http or https address"),
        ("https://[bad", "not an http or https address"),
        ("https://user:cret@api.extend.ai", "has a user, a query or a fragment"),
        ("https://api.extend.ai?key=cret", "has a user, a query or a fragment"),
        ("https://api.extend.ai#x", "has a user, a query or a fragment"),
        ("http://api.extend.ai", "travel in the clear"),
        ("http://localhost.example.com", "travel in the clear"),
        (None, "not an http or https address"),
    ],
)
def test_a_base_url_that_cannot_work_is_refused_at_once(given, says):
    with pytest.raises(InvalidSetting, match=says) as caught:
        client_of(given)
    assert caught.value.refuses_everything
    assert "cret" not in str(caught.value)


def test_an_unknown_api_version_is_refused_with_the_supported_ones():
    with pytest.raises(UnsupportedApiVersion) as caught:
        client_of("https://api.extend.ai", api_version="1999-01-01")
    assert str(caught.value) == (
        "API version '1999-01-01' is not supported. Set api_version to one of: 2025-04-21, 2026-02-09."
    )


def test_a_client_outside_async_with_says_so():
    with pytest.raises(RuntimeError, match="async with"):
        asyncio.run(client_of("https://api.extend.ai").get(RUNS, "dpr_1"))


def test_no_proxy_of_the_environment_sees_requests_to_this_machine(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    run, _ = exchange(get_run, run_answer())
    assert run["id"] == "dpr_1"
