"""What the network and a broken server do to a request."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
import socket
import time
import traceback

import httpx
import pytest

from extend_source.api import RequestBudget, RequestStatistics, RetryPolicy
from extend_source.api.evidence import OUTAGE_AFTER
from extend_source.errors import ApiUnreachable, MalformedResponse, NoAnswer, NotFound, RateLimited, ServerError

from .scripted import (
    CANARY_KEY,
    RUNS,
    Answer,
    client_of,
    exchange,
    failure_of,
    get_run,
    run_answer,
    serving,
)

TRUNCATED = Answer(b'{"success": true, "processorRun": {"id": "dpr_1", "out')


UNREADABLE = [
    pytest.param(TRUNCATED, id="truncated JSON"),
    pytest.param(Answer(b"<html>ok</html>"), id="a page of HTML"),
    pytest.param(Answer(b""), id="nothing"),
    pytest.param(Answer(b"[]"), id="no object"),
    pytest.param(Answer({"success": False, "error": "Try later"}), id="success is false"),
    pytest.param(Answer({"success": True}), id="no run"),
    pytest.param(run_answer("dpr_2"), id="another run"),
    pytest.param(Answer(b"junk", headers={"content-encoding": "gzip"}), id="not gzip"),
    pytest.param(Answer(gzip.compress(b"{}")[:-4], headers={"content-encoding": "gzip"}), id="half a gzip"),
    pytest.param(Answer(b"{}", headers={"content-encoding": "br"}), id="an encoding that was not asked for"),
    pytest.param(Answer({"success": True}, 202), id="202"),
    pytest.param(Answer(b"", 204), id="204"),
]


@pytest.mark.case("S17")
@pytest.mark.parametrize("fault", UNREADABLE)
def test_what_cannot_be_read_is_asked_for_twice(fault):
    run, server = exchange(get_run, fault, run_answer())
    assert run == {"id": "dpr_1", "status": "PROCESSED"}
    error, patient = failure_of(get_run, fault, retry_policy=RetryPolicy(base=0.001, floor=0.001))
    assert type(error) is MalformedResponse
    assert not error.refuses_everything
    assert error.attempts == len(server.requests) == len(patient.requests) == 2


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(Answer(drop=True), id="connection dropped before the answer"),
        pytest.param(Answer({"success": True, "processorRun": {"id": "dpr_1"}}, missing=9), id="body cut short"),
        pytest.param(Answer(b"", 500), id="500"),
        pytest.param(Answer(b"", 429, {"retry-after": "0"}), id="429"),
        pytest.param(Answer(b"", 503, {"retry-after-ms": "5"}), id="503"),
    ],
)
def test_a_fault_that_passes_is_not_noticed(fault):
    statistics = RequestStatistics()
    run, server = exchange(get_run, fault, fault, run_answer(), statistics=statistics)
    assert run == {"id": "dpr_1", "status": "PROCESSED"}
    assert len(server.requests) == statistics.requests == 3
    assert statistics.retries == 2


@pytest.mark.parametrize(
    ("fault", "kind", "says"),
    [
        (Answer(drop=True), NoAnswer, "no complete answer"),
        (Answer({"a": "b" * 50}, missing=9), NoAnswer, "no complete answer"),
        (TRUNCATED, MalformedResponse, "unusable body of 54 bytes: not JSON"),
        (Answer(b"[1]"), MalformedResponse, "not a JSON object"),
        (Answer({"success": False, "error": "Try later"}), MalformedResponse, "success is not true: Try later"),
        (Answer({"success": True, "processorRun": None}), MalformedResponse, "200 without a processorRun object"),
        (run_answer("dpr_2"), MalformedResponse, "another id"),
    ],
)
def test_a_fault_that_stays_concerns_one_run_only(fault, kind, says):
    error, server = failure_of(get_run, fault)
    assert type(error) is kind
    assert says in str(error)
    assert not error.refuses_everything
    assert error.attempts == len(server.requests) == (2 if kind is MalformedResponse else 3)


def test_an_object_nested_beyond_reason_is_one_bad_run():
    deep = b'{"success": true, "processorRun": {"id": "dpr_1", "output": ' + b"[" * 20_000 + b"]" * 20_000 + b"}}"
    error, _ = failure_of(get_run, Answer(deep))
    assert type(error) is MalformedResponse
    assert "nested too deeply" in str(error)


def test_a_silent_server_is_left_after_the_read_timeout():
    error, _ = failure_of(get_run, Answer(silence=30), timeout=0.05)
    assert type(error) is NoAnswer
    assert "ReadTimeout" in str(error)


def test_the_total_time_of_a_request_is_bounded_whatever_the_timeouts():
    policy = RetryPolicy(base=0.01, floor=0.01, max_elapsed=0.2)
    started = time.monotonic()
    error, _ = failure_of(get_run, Answer(silence=30), retry_policy=policy)
    assert type(error) is NoAnswer
    assert time.monotonic() - started < 5


def test_a_request_that_a_longer_pause_has_kept_beyond_its_time_is_not_sent_again():
    budget = RequestBudget(None)
    policy = RetryPolicy(base=0.01, floor=0.01, max_elapsed=0.2)

    def answer(request):
        asyncio.get_running_loop().call_later(0.05, budget.throttled, 0.5)  # another request is told to wait longer
        return Answer(b"", 429, {"retry-after-ms": "100"})

    error, server = failure_of(get_run, answer, budget=budget, retry_policy=policy)

    assert (type(error), error.status_code, error.attempts) == (RateLimited, 429, 1)
    assert len(server.requests) == 1


def closed_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def failure_at(base_url, **settings):
    async def scenario():
        async with client_of(base_url, **settings) as client:
            try:
                await client.get(RUNS, "dpr_1")
            except Exception as error:
                return error

    return asyncio.run(scenario())


@pytest.mark.parametrize("address", ["http://127.0.0.1:{port}", "https://api.extend.invalid"])
def test_no_connection_ends_the_sync_and_names_the_address(address, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "*")
    base_url = address.format(port=closed_port())
    error = failure_at(base_url)
    assert type(error) is ApiUnreachable
    assert error.refuses_everything
    assert error.what.startswith(f"No connection to {base_url}: ")
    assert "Check base_url" in error.advice
    assert error.attempts == 3


def test_request_after_request_that_fails_is_an_outage_but_a_success_between_is_none():
    async def scenario():
        async with serving(Answer(b"", 500)) as server, client_of(server.url) as client:
            kinds = []

            async def fail():
                try:
                    await client.get(RUNS, "dpr_1")
                except (ServerError, ApiUnreachable, NotFound) as error:
                    kinds.append(type(error))

            for _ in range(OUTAGE_AFTER - 1):
                await fail()
            server.answers = [Answer(b"", 404), Answer(b"", 500)]
            await fail()
            for _ in range(OUTAGE_AFTER):
                await fail()
            return kinds

    kinds = asyncio.run(scenario())
    assert kinds[: OUTAGE_AFTER - 1] == [ServerError] * (OUTAGE_AFTER - 1)
    assert kinds[OUTAGE_AFTER - 1 :] == [NotFound] + [ServerError] * (OUTAGE_AFTER - 1) + [ApiUnreachable]


class NoticingBudget(RequestBudget):
    """Tells when it was told of a 429."""

    def __init__(self):
        super().__init__(None)
        self.noticed = asyncio.Event()

    def throttled(self, wait_seconds):
        super().throttled(wait_seconds)
        self.noticed.set()


def test_a_429_holds_back_every_other_request_as_well():
    async def scenario():
        statistics, budget = RequestStatistics(), NoticingBudget()
        settings = {"statistics": statistics, "budget": budget, "retry_policy": RetryPolicy(jitter=0)}
        throttled = Answer({"error": "Too many requests"}, 429, {"retry-after-ms": "300"})
        async with serving(throttled, run_answer()) as server, client_of(server.url, **settings) as client:
            first = asyncio.ensure_future(client.get(RUNS, "dpr_1"))
            await budget.noticed.wait()
            started = time.monotonic()
            await asyncio.gather(first, *(client.get(RUNS, "dpr_1") for _ in range(3)))
            return time.monotonic() - started, statistics

    seconds, statistics = asyncio.run(scenario())
    assert 0.25 <= seconds < 3
    assert (statistics.requests, statistics.retries, statistics.throttled) == (5, 1, 1)
    assert 0.25 <= statistics.seconds_waiting < 3


def test_a_refused_429_says_how_to_avoid_it():
    error, _ = failure_of(get_run, Answer({"error": "Too many requests"}, 429))
    assert type(error) is RateLimited
    assert "Lower requests_per_second" in str(error)


def test_compressed_bodies_are_read_and_counted_as_they_came():
    statistics = RequestStatistics()
    body = gzip.compress(json.dumps({"success": True, "processorRun": {"id": "dpr_1", "x": "y" * 9999}}).encode())
    answer = Answer(body, headers={"content-encoding": "gzip"})
    run, _ = exchange(get_run, answer, statistics=statistics)
    assert len(run["x"]) == 9999
    assert statistics.bytes_received == len(body) < 1000


@pytest.mark.parametrize(
    "fault",
    [
        Answer(drop=True),
        TRUNCATED,
        Answer({"success": False, "error": "Try later"}),
        Answer({"error": f"Unknown key {CANARY_KEY}"}, 401),
        Answer({"error": f"Unknown key {CANARY_KEY}"}, 500),
        Answer(b"", 302, {"location": "https://elsewhere.example/"}),
        Answer(silence=9),
    ],
    ids=["dropped", "truncated", "success false", "401", "500", "redirect", "silent"],
)
def test_the_key_is_in_no_error_trace_or_log(fault, caplog):
    caplog.set_level(logging.DEBUG)
    error, server = failure_of(get_run, fault, timeout=0.1)
    assert server.requests[0].headers["authorization"] == f"Bearer {CANARY_KEY}"
    chain = []
    link = error
    while link is not None:
        assert not type(link).__module__.startswith(("httpx", "httpcore"))
        chain.append(link)
        link = link.__cause__ or link.__context__
    shown = [*map(str, chain), *map(repr, chain), *(repr(vars(link)) for link in chain)]
    shown += traceback.format_exception(type(error), error, error.__traceback__)
    shown += list(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    shown += [record.getMessage() for record in caplog.records]
    assert any("httpcore" in record.name for record in caplog.records)
    assert CANARY_KEY not in "\n".join(shown)


def test_the_key_is_in_no_repr():
    client = client_of("http://127.0.0.1:1")
    assert repr(client) == "ExtendClient(base_url='http://127.0.0.1:1', workspace_id=None)"
    assert CANARY_KEY not in repr(client.budget) + repr(client.statistics) + repr(client.retry_policy)


def test_two_event_loops_one_after_the_other_may_share_budget_and_statistics():
    budget, statistics = RequestBudget(None, max_concurrency=2), RequestStatistics()
    for _ in range(2):

        async def many(client):
            return await asyncio.gather(*(client.get(RUNS, "dpr_1") for _ in range(8)))

        runs, _ = exchange(many, run_answer(), budget=budget, statistics=statistics)
        assert len(runs) == 8
    assert statistics.requests_by_endpoint == {"get_run": 16}


def test_an_injected_transport_replaces_the_network():
    def answer(request):
        return httpx.Response(200, json={"success": True, "processorRun": {"id": "dpr_1"}})

    async def scenario():
        async with client_of("https://api.extend.ai", transport=httpx.MockTransport(answer)) as client:
            return await client.get(RUNS, "dpr_1")

    assert asyncio.run(scenario()) == {"id": "dpr_1"}
