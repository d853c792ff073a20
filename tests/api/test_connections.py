"""How many connections the client opens, and what becomes of them."""

from __future__ import annotations

import asyncio
import gc

import httpx

from extend_source.api import ExtendClient, RequestBudget

from .scripted import RUNS, Answer, Request, client_of, exchange, failure_of, get_run, run_answer, serving


def test_requests_one_after_the_other_share_a_connection():
    async def get_five(client: ExtendClient) -> None:
        for _ in range(5):
            await client.get(RUNS, "dpr_1")

    _, server = exchange(get_five, run_answer())
    assert (len(server.requests), server.connections) == (5, 1)


def test_as_many_connections_are_opened_as_requests_are_under_way_at_once():
    async def get_thirty(client: ExtendClient) -> None:
        await asyncio.gather(*(client.get(RUNS, "dpr_1") for _ in range(30)))

    slow = Answer({"success": True, "processorRun": {"id": "dpr_1"}}, silence=0.02)
    _, server = exchange(get_thirty, slow, budget=RequestBudget(None, max_concurrency=6))
    assert (len(server.requests), server.connections) == (30, 6)


def test_a_connection_that_broke_is_replaced():
    run, server = exchange(get_run, Answer(drop=True), run_answer())
    assert run["id"] == "dpr_1"
    assert (len(server.requests), server.connections) == (2, 2)


def test_a_failed_request_gives_its_connection_back():
    async def get_missing_twice(client: ExtendClient) -> None:
        for run_id in ("dpr_2", "dpr_1"):
            await client.get(RUNS, run_id)

    def missing(_: Request) -> Answer:
        return Answer({"success": False, "error": "Not found"}, 404)

    error, server = failure_of(get_missing_twice, missing)
    assert "404" in str(error)
    assert server.connections == 1


def test_all_connections_are_closed_with_the_client():
    async def scenario() -> tuple[int, int]:
        async with serving(run_answer()) as server:
            async with client_of(server.url) as client:
                await asyncio.gather(*(client.get(RUNS, "dpr_1") for _ in range(4)))
                assert client._connections is not None
                clients = list(client._connections._all)
            return len(clients), sum(http.is_closed for http in clients)

    opened, closed = asyncio.run(scenario())
    assert opened == closed >= 1


def test_no_answer_is_kept_once_it_is_read():
    async def get_five(client: ExtendClient) -> int:
        await client.get(RUNS, "dpr_1")
        gc.collect()
        gc.disable()  # so that what refers to itself stays
        try:
            for _ in range(5):
                await client.get(RUNS, "dpr_1")
            return sum(isinstance(one, httpx.Response) for one in gc.get_objects())
        finally:
            gc.enable()

    left, _ = exchange(get_five, run_answer())
    assert left == 0
