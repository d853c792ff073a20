"""Outputs that are too large for an answer come by a signed link: without the key, and nothing tells of the link."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from extend_source.api import CURRENT_VERSION, RequestStatistics, RetryPolicy, lists_of
from extend_source.errors import BodyTooLarge, ExtendError, MalformedResponse, NoAnswer, ObjectRefused, ServerError
from extend_source.sandbox import PRESIGNED_URL_CANARY, LoggedRequest, OddAnswer, SandboxServer
from extend_source.sandbox.generation_2026 import parse_endpoints

from .scripted import client_of

(PARSE_RUNS,) = lists_of(CURRENT_VERSION, "parse_run")
SMALL = 0.05
"""Megabytes: less than the large parse run has, and more than all else."""

QUICK = RetryPolicy(max_attempts=3, base=0.001, floor=0.0, cap=0.005, jitter=0.0, max_elapsed=20.0)


def put_large(server: SandboxServer, number: str = "large") -> dict[str, Any]:
    """Serve a parse run whose output has 200 KB; return it."""
    chunks = [{"object": "chunk", "type": "page", "content": f"{page} " * 20_000, "blocks": []} for page in range(5)]
    payload = {
        "object": "parse_run",
        "id": f"pr_{number}",
        "status": "PROCESSED",
        "file": {"object": "file", "id": f"file_{number}", "name": "large.pdf"},
        "output": {"chunks": chunks, "metadata": {"pages": []}},
        "outputUrl": None,
        "config": {"target": "markdown"},
        "metrics": {"pageCount": 5, "processingTimeMs": 12.5},
        "usage": {"credits": 7.5},
    }
    server.workspace.put_parse_run(payload, created_at=server.workspace.now - timedelta(hours=2))
    return payload


@pytest.fixture(scope="module")
def shared_server() -> Iterator[SandboxServer]:
    with SandboxServer(runs=3) as server:
        put_large(server)
        yield server


@pytest.fixture
def server(shared_server: SandboxServer) -> Iterator[SandboxServer]:
    """A stand-in with one large parse run, and no memory of the test before."""
    shared_server.requests.reset()
    yield shared_server
    shared_server.instead = None


def get(server: SandboxServer, parse_run_id: str = "pr_large", **settings: Any) -> dict[str, Any]:
    settings = {"api_version": CURRENT_VERSION, "retry_policy": QUICK, "max_body_megabytes": SMALL, **settings}

    async def run() -> dict[str, Any]:
        async with client_of(server.base_url, api_key=server.api_key, **settings) as client:
            return await client.get(PARSE_RUNS, parse_run_id)

    return asyncio.run(run())


def instead_of_downloads(server: SandboxServer, *answers: OddAnswer) -> None:
    """Answer the first downloads with something else."""
    left = list(answers)
    server.instead = lambda entry: left.pop(0) if entry.route == "download" and left else None


def test_an_output_that_is_too_large_comes_by_its_link_and_is_the_same(server: SandboxServer) -> None:
    statistics = RequestStatistics()
    whole = get(server, max_body_megabytes=10)
    assert server.requests.counts == {"get_parse_run": 1}
    server.requests.reset()

    by_link = get(server, statistics=statistics)

    assert by_link == whole
    assert len(by_link["output"]["chunks"]) == 5
    assert server.requests.counts == {"get_parse_run": 2, "download": 1}
    assert statistics.requests_by_endpoint == {"get_parse_run": 2, "download_output": 1}
    assert server.requests.statuses == {200: 3}


def test_nothing_that_goes_out_with_a_link_says_who_asks(server: SandboxServer) -> None:
    get(server, workspace_id="ws_sandbox")

    (download,) = server.requests.of("download")
    assert download.headers == {
        "user-agent": f"python-httpx/{httpx.__version__}",
        "accept": "*/*",
        "accept-encoding": "gzip, deflate",
    }


def test_one_that_the_api_itself_finds_too_large_is_asked_for_by_its_link(server: SandboxServer) -> None:
    def refuse(entry: LoggedRequest) -> OddAnswer | None:
        return OddAnswer(413, b"Request Entity Too Large") if not entry.query and entry.route != "download" else None

    server.instead = refuse
    assert len(get(server, max_body_megabytes=10)["output"]["chunks"]) == 5
    assert server.requests.counts == {"get_parse_run": 2, "download": 1}


def test_where_there_is_no_output_there_is_no_link(server: SandboxServer) -> None:
    failed = {"object": "parse_run", "id": "pr_failed", "status": "FAILED", "failureMessage": "x" * 60_000}
    server.workspace.put_parse_run({**failed, "output": None, "outputUrl": None}, created_at=server.workspace.now)

    with pytest.raises(BodyTooLarge, match="max_body_megabytes"):
        get(server, "pr_failed")
    assert "download" not in server.requests.counts


@pytest.mark.parametrize("output", [{"chunks": []}, None])
def test_without_a_link_an_output_is_in_the_answer_or_it_is_missed(server: SandboxServer, output: Any) -> None:
    body = {"object": "parse_run", "id": "pr_large", "status": "PROCESSED", "output": output, "outputUrl": None}
    server.instead = lambda entry: OddAnswer(200, json.dumps(body).encode()) if entry.query else None

    if output is not None:
        assert get(server)["output"] == output
        return
    with pytest.raises(ObjectRefused, match="The output of pr_large is too large for an answer, and there is no link"):
        get(server)


# ---- links that do not work


def test_a_link_that_has_expired_is_asked_for_anew(server: SandboxServer, monkeypatch: pytest.MonkeyPatch) -> None:
    def expire_the_first(entry: LoggedRequest) -> None:
        downloads = server.requests.counts.get("download", 0)
        monkeypatch.setattr(parse_endpoints, "LINK_LIFETIME", -1.0 if downloads <= 1 else 900.0)

    server.before_each_request = expire_the_first
    try:
        assert len(get(server)["output"]["chunks"]) == 5
    finally:
        server.before_each_request = None
    assert server.requests.counts == {"get_parse_run": 3, "download": 2}
    assert server.requests.statuses == {200: 4, 403: 1}


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 410])
def test_links_that_never_work_concern_the_object_and_never_the_key(server: SandboxServer, status: int) -> None:
    instead_of_downloads(server, *[OddAnswer(status, b'{"code": "UNAUTHORIZED"}')] * 9)

    with pytest.raises(ObjectRefused) as raised:
        get(server)

    assert str(raised.value) == (
        f"The output of pr_large: what its link leads to answered {status}. A later sync asks for a new link; if it "
        "persists, Extend's support may know why."
    )
    assert (raised.value.refuses_everything, raised.value.status_code) == (False, None)
    assert server.requests.counts == {"get_parse_run": 3, "download": 2}


def test_a_redirect_is_not_followed(server: SandboxServer) -> None:
    elsewhere = OddAnswer(302, headers={"location": f"{server.base_url}/elsewhere"})
    instead_of_downloads(server, elsewhere, elsewhere)

    with pytest.raises(ObjectRefused, match="answered 302, and redirects are not followed"):
        get(server)
    assert "unknown" not in server.requests.counts


@pytest.mark.parametrize("answer", [OddAnswer(503, b"busy"), OddAnswer(429), OddAnswer(200, b'{"chunks": [')])
def test_what_passes_is_tried_again(server: SandboxServer, answer: OddAnswer) -> None:
    instead_of_downloads(server, answer)

    assert len(get(server)["output"]["chunks"]) == 5
    assert server.requests.counts == {"get_parse_run": 2, "download": 2}


@pytest.mark.parametrize(
    ("answer", "error", "says", "downloads"),
    [
        (OddAnswer(503, b"busy"), ServerError, "what its link leads to answered 503", 3),
        (OddAnswer(200, b'{"chunks": ['), MalformedResponse, "unusable body of 12 bytes", 2),
        (OddAnswer(200, b"[1]"), MalformedResponse, "not a JSON object", 2),
        (OddAnswer(200, b'{"a": 1}'), MalformedResponse, "its link leads to an object without chunks", 2),
        (OddAnswer(200, b"x", {"content-encoding": "br"}), MalformedResponse, "cannot be decompressed", 2),
        (OddAnswer(200, b"x" * 300_001), BodyTooLarge, "larger than 0.3 MB (max_output_megabytes)", 1),
    ],
)
def test_what_goes_on_ends_with_one_line(
    server: SandboxServer, answer: OddAnswer, error: type[ExtendError], says: str, downloads: int
) -> None:
    instead_of_downloads(server, *[answer] * 9)

    with pytest.raises(error) as raised:
        get(server, max_output_megabytes=0.3)

    assert says in str(raised.value)
    assert "\n" not in str(raised.value)
    assert not raised.value.refuses_everything
    assert server.requests.counts["download"] == downloads


@pytest.mark.parametrize("url", ["http://storage.test/a?sig=1", "ftp://storage.test/a", "no link", "https://[::1"])
def test_a_link_without_https_is_not_followed(server: SandboxServer, url: str) -> None:
    linked = b'{"id": "pr_large", "status": "PROCESSED", "output": null, "outputUrl": "%s"}' % url.encode()
    server.instead = lambda entry: OddAnswer(200, linked) if entry.query else None

    with pytest.raises(ObjectRefused, match="The output of pr_large: its link is no https address"):
        get(server)


def test_where_nothing_answers_behind_a_link_the_key_and_the_api_are_not_blamed(server: SandboxServer) -> None:
    linked = b'{"id": "pr_large", "status": "PROCESSED", "output": null, "outputUrl": "http://127.0.0.1:9/a?sig=1"}'
    server.instead = lambda entry: OddAnswer(200, linked) if entry.query else None

    with pytest.raises(NoAnswer, match=r"The output of pr_large did not arrive in full \(ConnectError\)"):
        get(server)


def test_no_log_and_no_error_tells_of_a_link(server: SandboxServer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    get(server)
    instead_of_downloads(server, *[OddAnswer(403)] * 9)
    with pytest.raises(ObjectRefused) as raised:
        get(server)

    frames, trace = [], raised.value.__traceback__
    while trace is not None:
        frames.append(str(trace.tb_frame.f_locals))
        trace = trace.tb_next
    assert raised.value.__context__ is None or PRESIGNED_URL_CANARY not in repr(raised.value.__context__)
    for text in (caplog.text, str(raised.value), repr(raised.value), *frames):
        assert PRESIGNED_URL_CANARY not in text
        assert "_downloads/" not in text
    assert "httpcore" in caplog.text  # what goes out is logged, but not where to


@pytest.mark.parametrize("route", ["download", "get_parse_run"])
def test_no_log_tells_where_an_answer_redirects_to(
    server: SandboxServer, caplog: pytest.LogCaptureFixture, route: str
) -> None:
    caplog.set_level(logging.DEBUG)
    elsewhere = OddAnswer(302, headers={"Location": f"https://storage.test/it's/{PRESIGNED_URL_CANARY}?sig=1"})
    server.instead = lambda entry: elsewhere if entry.route == route else None

    with pytest.raises(ExtendError) as raised:
        get(server)

    assert PRESIGNED_URL_CANARY not in caplog.text + str(raised.value)
    assert "(b'Location', b'[redacted]')" in caplog.text.replace("b'location'", "b'Location'")
