"""The request loop: GETs go through the budget, are repeated as the policy says, and checked on return."""

from __future__ import annotations

import asyncio
import itertools
import math
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

import httpx

from extend_source.api.answers import Clean, Decode, connection_error, error_of, json_object, too_large, unpackable
from extend_source.api.bodies import Arrival, Body, Oversized, Unpackable, read_body
from extend_source.api.budget import RequestBudget, Turn
from extend_source.api.connections import Connections
from extend_source.api.evidence import Call, Evidence
from extend_source.api.retries import RetryPolicy, requested_wait
from extend_source.api.statistics import RequestStatistics
from extend_source.errors import ExtendError, ExtendTransientError, MalformedResponse, Withdrawn
from extend_source.text.json_codec import decode_json

T = TypeVar("T")

MAX_UNREADABLE = 2
"""Most requests for an object whose body cannot be read: it rarely comes better the third time."""

_ATTEMPTS_IN_DOUBT = 2
_SECONDS_IN_DOUBT = 60.0
_MAX_ERROR_BYTES = 1_000_000
"""Bytes of the body of an answer that is not 200."""


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
        max_bytes: int,
        listing: Call,
        read_listing: Callable[[dict[str, Any]], object],
        others: Callable[[Call], Iterable[Call]],
        beside: Collection[str],
    ) -> None:
        self._connections = connections
        self._base_url = base_url
        self._clean = clean
        self._workspace_id = workspace_id
        self._budget = budget
        self._retry_policy = retry_policy
        self._policy_in_doubt = replace(
            retry_policy,
            max_attempts=min(_ATTEMPTS_IN_DOUBT, retry_policy.max_attempts),
            max_elapsed=min(_SECONDS_IN_DOUBT, retry_policy.max_elapsed),
        )
        self._statistics = statistics
        self._may_send = may_send
        self._max_bytes = max_bytes
        self._listing, self._read_listing = listing, read_listing
        self._evidence = Evidence(self._asked, listing, others, beside)
        self._refusal: ExtendError | None = None

    async def get(
        self,
        call: Call,
        read: Callable[[dict[str, Any]], T],
        decode: Decode = decode_json,
        arrival: Arrival | None = None,
    ) -> T:
        """Send a GET until it succeeds, is refused, or the policy gives up.

        Args:
            call: what to ask for.
            read: makes the result of the JSON object; its `ExtendError` counts like one from the server.
            decode: makes the JSON object of the body; `ValueError`: it is none.
            arrival: where the bytes of the body come to.

        Returns:
            What ``read`` returned.

        Raises:
            ExtendError: the last failure, with the number of attempts; it refuses everything only if that is evident.
            Withdrawn: nothing may be sent any longer.
        """
        try:
            return await self._exchange(call, read, decode, arrival or Arrival())
        except ExtendError as error:
            problem = error
        raise await self._judged(call, problem, time.monotonic())

    async def _exchange(
        self,
        call: Call,
        read: Callable[[dict[str, Any]], T],
        decode: Decode,
        arrival: Arrival,
        *,
        in_doubt: bool = False,
    ) -> T:
        policy = self._policy_in_doubt if in_doubt else self._retry_policy
        is_object = call.endpoint != self._listing.endpoint
        deadline = math.inf
        problem: ExtendError | None = None
        unreadable = 0
        for attempt in itertools.count(1):
            async with self._budget.slot(is_retry=attempt > 1, alone=in_doubt) as turn:
                if self._refusal is not None:  # another request has learned it meanwhile
                    raise self._refusal
                if not self._may_send():
                    raise Withdrawn
                started = time.monotonic()
                if problem is not None and started >= deadline:  # others have lengthened the pause meanwhile
                    raise problem
                self._statistics.sent(call.endpoint, retry=attempt > 1, waited=turn.waited)
                deadline = min(deadline, started + policy.max_elapsed)
                try:
                    received = await self._attempt(call, deadline - started, turn, arrival)
                    result = read(json_object(received, f"GET {call.path}", self._clean, decode))
                except ExtendError as error:
                    problem = error
                    wait = policy.wait(attempt, problem.retry_after)
                    self._report(problem, wait, time.monotonic() - started)
                else:
                    self._evidence.answered_well(call, len(received), started)
                    self._budget.succeeded(time.monotonic() - started)
                    return result
            assert problem is not None
            problem.attempts = attempt
            unreadable += isinstance(problem, MalformedResponse)
            out_of_time = time.monotonic() + wait > deadline
            is_last = not problem.retryable or (is_object and unreadable >= MAX_UNREADABLE)
            if is_last or attempt >= policy.max_attempts or out_of_time:
                raise problem
            if problem.status_code != 429:  # a 429 pauses everybody: the budget holds this one back as well
                await asyncio.sleep(wait)
        raise AssertionError("count() never ends")

    async def _attempt(self, call: Call, seconds: float, turn: Turn, arrival: Arrival) -> Body:
        """Send one request and read its whole answer, within some seconds; return the body of a good one."""
        name = f"GET {call.path}"

        async def trace(event: str, _: dict[str, Any]) -> None:
            if event.endswith("send_request_headers.complete"):
                self._budget.left(turn)

        async def exchange(http: httpx.AsyncClient) -> tuple[httpx.Response, Body]:
            # page tokens contain "+ / = :", which have meanings of their own in a query
            query = f"?{urlencode(call.parameters, quote_via=quote, safe='')}" if call.parameters else ""
            url = f"{self._base_url}{call.path}{query}"
            async with http.stream("GET", url, extensions={"trace": trace}) as response:
                try:
                    received = await self._body(response, arrival)
                finally:
                    self._statistics.bytes_received += response.num_bytes_downloaded
            # httpx's stream and the answer refer to each other: they would stay until Python looks for cycles
            response.stream = httpx.ByteStream(b"")
            return response, received

        try:
            with self._connections.one() as http:
                response, received = await asyncio.wait_for(exchange(http), seconds)
        except (httpx.HTTPError, asyncio.TimeoutError) as error:
            problem = connection_error(error, name, self._base_url, self._clean, self._retry_policy.max_elapsed)
        except Oversized:
            problem = too_large(name, self._max_bytes)
        except Unpackable:
            problem = unpackable(name)
        else:
            self._statistics.bytes_decoded += len(received)
            if response.status_code == 200:
                return received
            problem = error_of(response, received, name, self._clean, self._workspace_id)
            problem.retry_after = requested_wait(response.headers, time.time())
        # raised out here: inside, its context would be httpx's error, which holds the request with the key
        raise problem

    async def _body(self, response: httpx.Response, arrival: Arrival) -> Body:
        if response.status_code == 200:
            return await read_body(response, self._max_bytes, arrival)
        try:
            return await read_body(response, _MAX_ERROR_BYTES, Arrival())
        except (Oversized, Unpackable):
            return Body(b"?")  # the status says enough

    def _report(self, problem: ExtendError, wait: float, latency: float) -> None:
        """Tell the budget how an attempt failed, while the slot is held: none slips out before a pause."""
        if problem.status_code == 429:
            self._statistics.throttled += 1
            self._budget.throttled(wait)
        elif isinstance(problem, ExtendTransientError):
            self._budget.failed()
        else:
            self._budget.succeeded(latency)

    async def _judged(self, call: Call, problem: ExtendError, answered_at: float) -> ExtendError:
        """Tell what every request would meet from what one object alone does; after the former no other one is sent."""
        if problem is self._refusal or not self._evidence.needs_judging(problem):
            return problem
        if call.endpoint != self._listing.endpoint:
            async with self._evidence.lock, self._budget.reserved():
                if self._refusal is None:
                    problem = await self._evidence.judged(call, problem, answered_at)
        if problem.refuses_everything:
            self._refusal = self._refusal or problem
        return self._refusal or problem

    async def _asked(self, call: Call) -> ExtendError | None:
        """Ask for something that should work, while nobody else sends."""
        read = self._read_listing if call == self._listing else _anything
        try:
            await self._exchange(call, read, decode_json, Arrival(), in_doubt=True)
        except ExtendError as problem:
            return problem
        return None


def _anything(body: dict[str, Any]) -> object:
    return body
