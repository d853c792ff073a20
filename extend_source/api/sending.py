"""The request loop: GETs go through the budget, are repeated as the policy says, and checked on return."""

from __future__ import annotations

import asyncio
import itertools
import math
import time
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

import httpx

from extend_source.api.answers import Clean, Decode, connection_error, error_of, json_object
from extend_source.api.budget import RequestBudget, Turn
from extend_source.api.connections import Connections
from extend_source.api.decoding import decode_json
from extend_source.api.errors import ApiUnreachable, ExtendError, ExtendTransientError, Withdrawn
from extend_source.api.retries import RetryPolicy, requested_wait
from extend_source.api.statistics import RequestStatistics

T = TypeVar("T")

OUTAGE_AFTER = 25
"""So many requests in a row that fail after all their attempts are an outage: it ends the sync at once."""


class Sender:
    """Sends GETs and gives back what a reader makes of each answer.

    Knows HTTP, the budget and the retries, but nothing of runs and files.
    """

    def __init__(
        self,
        connections: Connections,
        *,
        base_url: str,
        clean: Clean,
        workspace_id: str | None,
        budget: RequestBudget,
        retry_policy: RetryPolicy,
        statistics: RequestStatistics,
        may_send: Callable[[], bool],
    ) -> None:
        self._connections = connections
        self._base_url = base_url
        self._clean = clean
        self._workspace_id = workspace_id
        self._budget = budget
        self._retry_policy = retry_policy
        self._statistics = statistics
        self._may_send = may_send
        self._failures_in_a_row = 0
        self._refusal: ExtendError | None = None

    async def get(
        self,
        endpoint: str,
        path: str,
        parameters: dict[str, str],
        read: Callable[[dict[str, Any]], T],
        decode: Decode = decode_json,
    ) -> T:
        """Send a GET until it succeeds, is refused, or the policy gives up.

        Args:
            endpoint: the name to count it under.
            path: the path below the base URL, percent-encoded.
            parameters: the query, not yet percent-encoded.
            read: makes the result of the JSON object; its `ExtendError` counts like one from the server.
            decode: makes the JSON object of the body; `ValueError`: it is none.

        Returns:
            What ``read`` returned.

        Raises:
            ExtendError: the last failure, with the number of attempts.
            Withdrawn: nothing may be sent any longer.
        """
        # page tokens contain "+ / = :", which have meanings of their own in a query
        query = f"?{urlencode(parameters, quote_via=quote, safe='')}" if parameters else ""
        deadline = math.inf
        problem: ExtendError | None = None
        for attempt in itertools.count(1):
            async with self._budget.slot(urgent=attempt > 1) as turn:
                if self._refusal is not None:  # another request has learned it meanwhile
                    raise self._refusal
                if not self._may_send():
                    raise Withdrawn
                started = time.monotonic()
                if problem is not None and started >= deadline:  # others have lengthened the pause meanwhile
                    raise self._final(problem)
                self._statistics.sent(endpoint, retry=attempt > 1, waited=turn.waited)
                deadline = min(deadline, started + self._retry_policy.max_elapsed)
                try:
                    result = read(await self._attempt(path, query, deadline - started, turn, decode))
                except ExtendError as error:
                    problem = error
                    wait = self._retry_policy.wait(attempt, problem.retry_after)
                    self._report(problem, wait, time.monotonic() - started)
                else:
                    self._failures_in_a_row = 0
                    self._budget.succeeded(time.monotonic() - started)
                    return result
            assert problem is not None
            problem.attempts = attempt
            out_of_time = time.monotonic() + wait > deadline
            if not problem.retryable or attempt >= self._retry_policy.max_attempts or out_of_time:
                raise self._final(problem)
            if problem.status_code != 429:  # a 429 pauses everybody: the budget holds this one back as well
                await asyncio.sleep(wait)
        raise AssertionError("count() never ends")

    async def _attempt(self, path: str, query: str, seconds: float, turn: Turn, decode: Decode) -> dict[str, Any]:
        """Send one request and read its whole answer, within some seconds."""
        call = f"GET {path}"

        async def trace(event: str, _: dict[str, Any]) -> None:
            if event.endswith("send_request_headers.complete"):
                self._budget.left(turn)

        try:
            with self._connections.one() as http:
                request = http.get(f"{self._base_url}{path}{query}", extensions={"trace": trace})
                response = await asyncio.wait_for(request, seconds)
                # httpx's stream and the answer refer to each other: megabytes would stay until Python looks for cycles
                response.stream = httpx.ByteStream(b"")
        except (httpx.HTTPError, asyncio.TimeoutError) as error:
            problem = connection_error(error, call, self._base_url, self._clean)
        else:
            self._statistics.bytes_received += response.num_bytes_downloaded
            self._statistics.bytes_decoded += len(response.content)
            if response.status_code == 200:
                return json_object(response, call, self._clean, decode)
            problem = error_of(response, call, self._clean, self._workspace_id)
            problem.retry_after = requested_wait(response.headers, time.time())
        # raised out here: inside, its context would be httpx's error, which holds the request with the key
        raise problem

    def _report(self, problem: ExtendError, wait: float, latency: float) -> None:
        """Tell the budget how an attempt failed, while the slot is held: none slips out before a pause."""
        if problem.status_code == 429:
            self._statistics.throttled += 1
            self._budget.throttled(wait)
        elif isinstance(problem, ExtendTransientError):
            self._budget.failed()
        else:
            self._budget.succeeded(latency)

    def _final(self, problem: ExtendError) -> ExtendError:
        """Tell an outage, where request after request fails, from one object that cannot be had.

        After what every request would meet, such as a refused key, no other one is sent.
        """
        problem = self._outage_or(problem)
        if problem.refuses_everything:
            self._refusal = problem
        return problem

    def _outage_or(self, problem: ExtendError) -> ExtendError:
        if not isinstance(problem, ExtendTransientError):
            self._failures_in_a_row = 0
            return problem
        self._failures_in_a_row += 1
        if self._failures_in_a_row < OUTAGE_AFTER:
            return problem
        return ApiUnreachable(
            f"{self._failures_in_a_row} requests in a row failed for good; the last: {problem.what}",
            status_code=problem.status_code,
            code=problem.code,
            request_id=problem.request_id,
            attempts=problem.attempts,
        )
