"""The receiver of webhooks: it verifies an event, notes it on the disk, and answers at once. It loads nothing."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timezone

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from extend_source.ingest.webhook_events import WebhookEvent
from extend_source.integrations.webhooks.payloads import UnreadableEventError, read_event
from extend_source.integrations.webhooks.queue import EventQueue
from extend_source.integrations.webhooks.signatures import (
    SIGNATURE_HEADER,
    TIMESTAMP_HEADER,
    is_genuine,
    refusal_by_time,
)

EVENTS_PATH = "/webhooks"
HEALTH_PATH = "/health"

_BODY_SECONDS = 20.0
"""The longest time for a body to arrive; Extend waits 30 s for the answer (docs, webhooks, best practices)."""

_RETRY_SECONDS = 30
_LARGE_BYTES = 64 * 1024
"""From this size on a body is worked on beside the loop, which others wait for."""


class Intake:
    """Notes events in a queue: those that arrive while the disk is written to go together, in the next transaction."""

    def __init__(self, queue: EventQueue) -> None:
        """Begin with none.

        Args:
            queue: where to.
        """
        self._queue = queue
        self._waiting: list[tuple[WebhookEvent, asyncio.Future[bool]]] = []
        self._writer: asyncio.Task[None] | None = None

    async def note(self, event: WebhookEvent) -> bool:
        """Note an event; tell whether it is on the disk."""
        noted: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append((event, noted))
        if self._writer is None:
            self._writer = asyncio.create_task(self._write())
        return await noted

    async def _write(self) -> None:
        try:
            while self._waiting:
                waiting, self._waiting = self._waiting, []
                is_noted = await asyncio.to_thread(self._put, [event for event, _ in waiting])
                for _, noted in waiting:
                    if not noted.done():  # whoever sent it may have gone
                        noted.set_result(is_noted)
        finally:
            self._writer = None

    def _put(self, events: Sequence[WebhookEvent]) -> bool:
        try:
            return self._queue.put(events)
        except sqlite3.Error:  # the disk is full, or another process holds the file for too long
            return False


class Listener:
    """The answers of the receiver.

    Attributes:
        counts: events by what became of them: ``noted``, ``full``, ``unreadable``, ``too_large``, or why one was
            refused: ``unsigned``, ``stale``, ``ahead``, ``forged``.
    """

    def __init__(self, queue: EventQueue, secrets: Sequence[str], max_body_bytes: int) -> None:
        """Prepare to answer.

        Args:
            queue: where events are noted.
            secrets: the secrets, with any of which an event may be signed.
            max_body_bytes: the largest body.
        """
        self._queue, self._secrets, self._max_body_bytes = queue, tuple(secrets), max_body_bytes
        self._intake = Intake(queue)
        self.counts: Counter[str] = Counter()

    def app(self) -> Starlette:
        """Return the ASGI application."""
        return Starlette(
            routes=[
                Route(EVENTS_PATH, self._receive, methods=["POST"]),
                Route(HEALTH_PATH, self._health, methods=["GET"]),
            ]
        )

    async def _receive(self, request: Request) -> Response:
        """POST an event: 200 once it is on the disk. No answer says more than its status."""
        timestamp, signature = request.headers.get(TIMESTAMP_HEADER), request.headers.get(SIGNATURE_HEADER)
        refusal = refusal_by_time(timestamp, signature, time.time())
        if refusal is not None or timestamp is None or signature is None:
            return self._answer(refusal or "unsigned", 401)
        try:
            body = await asyncio.wait_for(self._body(request), _BODY_SECONDS)
        except (asyncio.TimeoutError, ClientDisconnect):
            return self._answer("unreadable", 408)
        if body is None:
            return self._answer("too_large", 413)
        is_large = len(body) >= _LARGE_BYTES
        genuine = (self._secrets, timestamp, signature, body)
        if not (await asyncio.to_thread(is_genuine, *genuine) if is_large else is_genuine(*genuine)):
            return self._answer("forged", 401)
        told = (body, datetime.now(timezone.utc))
        try:
            event = await asyncio.to_thread(read_event, *told) if is_large else read_event(*told)
        except UnreadableEventError:
            return self._answer("unreadable", 400)
        if not await self._intake.note(event):
            return self._answer("full", 503, {"retry-after": str(_RETRY_SECONDS)})
        return self._answer("noted", 200)

    async def _body(self, request: Request) -> bytes | None:
        """Read a body; None: it is too large."""
        declared = request.headers.get("content-length", "")
        if declared.isdigit() and int(declared[:18]) > self._max_body_bytes:
            return None
        parts, size = [], 0
        async for part in request.stream():
            size += len(part)
            if size > self._max_body_bytes:
                return None
            parts.append(part)
        return b"".join(parts)

    def _answer(self, outcome: str, status: int, headers: dict[str, str] | None = None) -> Response:
        self.counts[outcome] += 1
        return Response(status_code=status, headers=headers)

    async def _health(self, request: Request) -> Response:
        """GET how many events wait, and since when; 503: none would be noted."""
        try:
            backlog = await asyncio.to_thread(self._queue.backlog)
        except sqlite3.Error:
            return JSONResponse({"accepts": False}, 503)
        now = datetime.now(timezone.utc)
        seconds = None if backlog.oldest_at is None else round(max(0.0, (now - backlog.oldest_at).total_seconds()), 3)
        accepts = backlog.events < self._queue.max_pending
        facts = {"accepts": accepts, "waiting": backlog.events, "oldest_seconds": seconds}
        return JSONResponse(facts, 200 if accepts else 503)
