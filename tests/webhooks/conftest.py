"""A receiver of events on the loopback, and senders of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from extend_source.integrations.webhooks.listener import EVENTS_PATH, HEALTH_PATH, Listener
from extend_source.integrations.webhooks.queue import EventQueue
from extend_source.integrations.webhooks.server import served
from extend_source.sandbox import SandboxServer, signed_headers
from tests.acceptance.warehouse import Warehouse

SECRET = "wss_0123456789abcdef"


@dataclass(frozen=True)
class Receiver:
    """A receiver that is served, and its queue."""

    address: str
    listener: Listener
    queue: EventQueue
    client: httpx.Client

    def post(self, body: bytes, headers: dict[str, str]) -> int:
        """Send a body; return the status of the answer."""
        return self.client.post(self.address + EVENTS_PATH, content=body, headers=headers).status_code

    def send(self, event: dict[str, Any], secret: str = SECRET, timestamp: int | None = None) -> int:
        """Send an event as Extend does; return the status of the answer."""
        body = json.dumps(event).encode()
        return self.post(body, signed_headers(secret, body, timestamp))

    def health(self) -> tuple[int, dict[str, Any]]:
        """Ask how it is."""
        answer = self.client.get(self.address + HEALTH_PATH)
        return answer.status_code, answer.json()


MakeReceiver = Callable[..., Receiver]


@contextmanager
def receiver_of(
    path: Path, secrets: tuple[str, ...] = (SECRET,), max_pending: int = 100_000, max_body_bytes: int = 1_000_000
) -> Iterator[Receiver]:
    """Serve a receiver with a queue in a file."""
    with closing(EventQueue(path, max_pending)) as queue:
        listener = Listener(queue, secrets, max_body_bytes)
        with (
            served(listener.app(), "127.0.0.1", 0) as (address, _),
            httpx.Client(timeout=30, trust_env=False) as client,
        ):
            yield Receiver(address, listener, queue, client)


@pytest.fixture
def make_receiver(tmp_path: Path) -> Iterator[MakeReceiver]:
    """Makes receivers, which end with the test."""
    with ExitStack() as stack:
        yield lambda **arguments: stack.enter_context(receiver_of(tmp_path / "events.sqlite", **arguments))


@pytest.fixture
def receiver(make_receiver: MakeReceiver) -> Receiver:
    """A receiver with an empty queue."""
    return make_receiver()


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Warehouse]:
    """An empty warehouse in front of a stand-in with a few runs."""
    with SandboxServer(runs=12) as server:
        yield Warehouse(server, tmp_path)
