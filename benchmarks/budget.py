"""How much of an allowed request rate this source's client uses, and how often it is refused, over real sockets.

    python -m benchmarks.budget [--seconds 60] [--at-once 3]

The server counts requests in whole seconds, in the second before each request, or in a bucket of tokens; it answers
after 50 to 500 ms. Where another client takes half of the limit, the client is told so (its setting is the half that
is left), or it is not and has to find out. Cases run a few at a time, each in a process of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product, repeat
from multiprocessing import get_context
from typing import cast, get_args

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from extend_source.api import ExtendClient, RequestBudget, lists_of
from extend_source.sandbox.limits import Algorithm, RateLimit, RateLimiter, retry_after_headers

RATES, LATENCIES = (10, 25, 75), (0.05, 0.5)
ALGORITHMS = cast("tuple[Algorithm, ...]", get_args(Algorithm))
WARM_UP_SECONDS = 3.0
"""Left out: the first requests make connections, and the client learns how long answers take."""


@dataclass(frozen=True)
class Case:
    """One limit and one client.

    Attributes:
        rate: what the server allows, requests a second.
        latency: seconds until it answers, give or take half of that.
        algorithm: how it counts.
        taken: the part of the rate that another client takes.
        setting: what this client believes to be allowed, requests a second.
    """

    rate: int
    latency: float
    algorithm: Algorithm
    taken: float
    setting: float

    @property
    def allowed(self) -> float:
        """What is left to this client, requests a second."""
        return self.rate * (1 - self.taken)


@dataclass(frozen=True)
class Use:
    """What came of it: the requests served a second, and those sent and refused in all."""

    served_per_second: float
    sent: int
    refused: int


@contextmanager
def limited_server(case: Case) -> Iterator[str]:
    """Serve runs below a limit; the other client's requests are made in the same process."""
    limiter = RateLimiter(RateLimit(case.rate, case.algorithm))
    wobble = random.Random(1)  # noqa: S311 - no secret

    async def run(request: Request) -> Response:
        if wait := limiter.admit():
            return JSONResponse({"code": "RATE_LIMITED"}, 429, headers=retry_after_headers("seconds", wait))
        await asyncio.sleep(case.latency * wobble.uniform(0.5, 1.5))
        run = {"object": "document_processor_run", "id": request.path_params["id"], "status": "PROCESSED"}
        return JSONResponse({"success": True, "processorRun": run})

    over = threading.Event()

    def take() -> None:
        gap = 1 / (case.rate * case.taken)
        due = time.monotonic()
        while not over.wait(max(0.0, due - time.monotonic())):
            limiter.admit()
            due += gap

    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    app = Starlette(routes=[Route("/processor_runs/{id}", run)])
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="off"))
    threads = [threading.Thread(target=server.run, kwargs={"sockets": [listener]})]
    if case.taken:
        threads.append(threading.Thread(target=take))
    for thread in threads:
        thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        over.set()
        server.should_exit = True
        for thread in threads:
            thread.join()


async def use_of(case: Case, seconds: float, url: str) -> Use:
    """Fetch runs for some seconds as fast as the client lets itself."""
    budget = RequestBudget(case.setting, 64)
    begin = time.monotonic() + WARM_UP_SECONDS
    served = 0
    async with ExtendClient(api_key="k", base_url=url, budget=budget) as client:
        runs = lists_of(client.api_version, "processor_run")[0]

        async def work() -> None:
            nonlocal served
            while time.monotonic() < begin + seconds:
                await client.get(runs, "dpr_1")
                served += begin <= time.monotonic() < begin + seconds

        await asyncio.gather(*(work() for _ in range(64)))
        sent = sum(client.statistics.requests_by_endpoint.values())
        return Use(served / seconds, sent, client.statistics.throttled)


def measure(case: Case, seconds: float) -> Use:
    """Measure one case with a server of its own."""
    with limited_server(case) as url:
        return asyncio.run(use_of(case, seconds, url))


def cases() -> list[Case]:
    """Every limit, alone and shared."""
    made = []
    for rate, latency, algorithm in product(RATES, LATENCIES, ALGORITHMS):
        made.append(Case(rate, latency, algorithm, 0.0, rate))
    for rate, algorithm, told in product(RATES, ALGORITHMS, (True, False)):
        others = (rate + 1) // 2  # whole requests: two streams of 12.5/s each make 26 in some seconds
        made.append(Case(rate, 0.2, algorithm, others / rate, rate - others if told else rate))
    return made


def row(case: Case, use: Use) -> str:
    """Write one line of the table."""
    others = "" if not case.taken else ("half, told" if case.setting < case.rate else "half, not told")
    share = use.served_per_second / case.allowed
    return (
        f"| {case.rate} | {case.latency * 1000:.0f} | {case.algorithm} | {others} | {use.served_per_second:.2f} |"
        f" {share:.1%} | {use.refused} of {use.sent:,} |"
    )


HEAD = (
    "| limit, requests/s | answers after, ms | counted by | another client | served a second | of what is allowed |"
    " refused |\n|---|---|---|---|---|---|---|"
)


def main() -> None:
    """Measure all cases and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0, help="of each case")
    parser.add_argument("--at-once", type=int, default=3, help="cases measured at a time; one takes a sixth of a core")
    chosen = parser.parse_args()
    print(HEAD)
    with ProcessPoolExecutor(chosen.at_once, mp_context=get_context("spawn")) as processes:
        measured = processes.map(measure, cases(), repeat(chosen.seconds))
        for case, use in zip(cases(), measured, strict=True):
            print(row(case, use), flush=True)


if __name__ == "__main__":
    main()
