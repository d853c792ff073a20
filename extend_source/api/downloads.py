"""Downloading what a signed link leads to: without the API key, and without a trace of the link.

A link is as good as a key to what it leads to, so nothing is told of it: errors name the object that it belongs to, and
what goes out passes below httpx's client, which logs addresses. The storage behind it is not the API: what it answers
says nothing of the key, takes nothing of the request budget, and concerns this one object.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import TypeVar

import httpx

from extend_source.api.adapters import Payload
from extend_source.api.answers import Clean, json_object, unpackable
from extend_source.api.bodies import ACCEPTED_ENCODINGS, Arrival, Body, Oversized, Unpackable, read_body
from extend_source.api.endpoint import LinkedMember
from extend_source.api.retries import RetryPolicy, requested_wait
from extend_source.api.sending import MAX_UNREADABLE
from extend_source.api.settings import is_loopback
from extend_source.api.statistics import RequestStatistics
from extend_source.errors import (
    BodyTooLarge,
    ExtendError,
    MalformedResponse,
    NoAnswer,
    ObjectRefused,
    ServerError,
    Withdrawn,
)

T = TypeVar("T")

DOWNLOAD = "download_output"
"""The name of a download in the request statistics."""

_MAX_LINKS = 2
_NO_LINK = "A later sync asks for a new link; if it persists, Extend's support may know why"
_PASSING = frozenset({408, 425, 429})
_HEADERS = {"accept": "*/*", "accept-encoding": ACCEPTED_ENCODINGS, "user-agent": f"python-httpx/{httpx.__version__}"}
"""All that is sent: nothing that says who asks."""


class Link:
    """A signed link. Tracebacks that show variables show nothing of it."""

    def __init__(self, url: str) -> None:
        self.url = url


class Downloads:
    """Downloads JSON objects by their links."""

    def __init__(
        self,
        transport: Callable[[httpx.URL], AbstractAsyncContextManager[httpx.AsyncBaseTransport]],
        *,
        is_local: bool,
        clean: Clean,
        retry_policy: RetryPolicy,
        statistics: RequestStatistics,
        may_send: Callable[[], bool],
        max_bytes: int,
        timeout: httpx.Timeout,
    ) -> None:
        """Send nothing yet.

        Args:
            transport: opens a connection to where a link leads.
            is_local: the API is on this machine, and so may be what its links lead to; else only https is followed.
            clean: removes secrets from a text.
            retry_policy: when a download is repeated.
            statistics: where to count.
            may_send: asked before each attempt; False withdraws it.
            max_bytes: the largest body, unpacked.
            timeout: for each phase of an attempt.
        """
        self._transport, self._is_local, self._clean = transport, is_local, clean
        self._policy, self._statistics, self._may_send = retry_policy, statistics, may_send
        self._max_bytes, self._timeout = max_bytes, timeout

    async def complete(
        self,
        ask: Callable[[], Awaitable[tuple[Payload, Link | None]]],
        linked: LinkedMember,
        object_id: str,
        arrival: Arrival,
    ) -> Payload:
        """Put what a link leads to in its place in an object; a link that does not work is asked for anew, once.

        Args:
            ask: fetches the object, and apart from it the link.
            linked: what it leads to.
            object_id: the object's id.
            arrival: where the bytes come to.

        Returns:
            The object, whole; as it was where what a link would lead to is there.

        Raises:
            ObjectRefused: no link works, or there is none.
            ExtendError: the last failure; none of a download refuses everything.
            Withdrawn: nothing may be sent any longer.
        """
        name = f"The {linked.name} of {object_id}"

        def read(body: Payload) -> Payload:
            if not isinstance(body.get(linked.has), list):
                raise MalformedResponse(f"{name}: its link leads to an object without {linked.has}")
            return body

        refusal: ObjectRefused | None = None
        for _ in range(_MAX_LINKS):
            found, link = await ask()
            if link is None:
                if found.get(linked.name) is None:  # it would land as if it had none
                    raise ObjectRefused(f"{name} is too large for an answer, and there is no link to it", _NO_LINK)
                return found
            try:
                return {**found, linked.name: await self.get(link, name, read, arrival)}
            except ObjectRefused as error:
                refusal = error
        assert refusal is not None
        raise refusal

    async def get(self, link: Link, name: str, read: Callable[[Payload], T], arrival: Arrival) -> T:
        """Download an object until that succeeds, is refused, or the policy gives up.

        Args:
            link: where it is.
            name: what it belongs to, for errors.
            read: makes the result of the JSON object; its `ExtendError` counts like one from the server.
            arrival: where the bytes of the body come to.

        Returns:
            What ``read`` returned.

        Raises:
            ObjectRefused: the link does not work, or not any longer.
            ExtendError: the last failure; none refuses everything.
            Withdrawn: nothing may be sent any longer.
        """
        deadline = time.monotonic() + self._policy.max_elapsed
        unreadable = 0
        for attempt in itertools.count(1):
            if not self._may_send():
                raise Withdrawn
            self._statistics.sent(DOWNLOAD, retry=attempt > 1, waited=0.0)
            try:
                received = await self._attempt(link, name, deadline - time.monotonic(), arrival)
                return read(json_object(received, name, self._clean))
            except ExtendError as error:
                problem = error
            problem.attempts = attempt
            unreadable += isinstance(problem, MalformedResponse)
            wait = self._policy.wait(attempt, problem.retry_after)
            is_last = not problem.retryable or unreadable >= MAX_UNREADABLE or attempt >= self._policy.max_attempts
            if is_last or time.monotonic() + wait > deadline:
                raise problem
            await asyncio.sleep(wait)
        raise AssertionError("count() never ends")

    async def _attempt(self, link: Link, name: str, seconds: float, arrival: Arrival) -> Body:
        problem: ExtendError
        try:
            response, received = await asyncio.wait_for(self._exchange(link, arrival), seconds)
        except (httpx.InvalidURL, httpx.UnsupportedProtocol):
            problem = ObjectRefused(f"{name}: its link is no https address", _NO_LINK)
        except (httpx.HTTPError, asyncio.TimeoutError) as error:
            problem = NoAnswer(f"{name} did not arrive in full ({type(error).__name__})")
        except Oversized:
            megabytes = f"{self._max_bytes / 1e6:,.10g} MB (max_output_megabytes)"
            advice = "Raise max_output_megabytes if such an object is to be loaded; memory grows with it"
            problem = BodyTooLarge(f"{name} is larger than {megabytes}", advice)
        except Unpackable:
            problem = unpackable(name)
        else:
            if received is not None:
                self._statistics.bytes_decoded += len(received)
                return received
            problem = _refused(response, name)
        # raised out here: inside, its context would be httpx's error, which holds the request with the link
        raise problem

    async def _exchange(self, link: Link, arrival: Arrival) -> tuple[httpx.Response, Body | None]:
        """Send one request; return the answer, and the body of a good one."""
        url = httpx.URL(link.url)
        if url.scheme != "https" and not (self._is_local and is_loopback(url.host)):
            raise httpx.UnsupportedProtocol("no https")
        async with self._transport(url) as transport:
            request = httpx.Request("GET", url, headers=_HEADERS, extensions={"timeout": self._timeout.as_dict()})
            response = await transport.handle_async_request(request)
            try:
                is_good = response.status_code == 200
                return response, await read_body(response, self._max_bytes, arrival) if is_good else None
            finally:
                self._statistics.bytes_received += response.num_bytes_downloaded
                await response.aclose()


def _refused(response: httpx.Response, name: str) -> ExtendError:
    # no status: an answer of the storage must not be taken for the API's word on the object
    status = response.status_code
    what = f"{name}: what its link leads to answered {status}"
    if status >= 500 or status in _PASSING:
        problem = ServerError(what)
        problem.retry_after = requested_wait(response.headers, time.time())
        return problem
    return ObjectRefused(f"{what}, and redirects are not followed" if response.is_redirect else what, _NO_LINK)
