"""Events of the stand-in: runs that have ended are told to receivers on this machine, signed as Extend signs.

As documented for webhooks (docs, events and configuration; SDK 1.20.0, wrapper/webhooks). What the documentation leaves
open, such as when a failed delivery is repeated, is left to whoever drives the stand-in.
"""

from __future__ import annotations

import hashlib
import hmac
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass

import httpx

from extend_source.sandbox.auth import API_VERSIONS
from extend_source.sandbox.generation_2026.runs import full_run, kind_of
from extend_source.sandbox.records import Json
from extend_source.sandbox.rendering import encode
from extend_source.sandbox.seeding import make_id, rng_for
from extend_source.sandbox.workspace import Workspace

_TOLD = {"PROCESSED": "processed", "FAILED": "failed"}
"""The second word of the event's type, by how a run ends. A cancelled one is not told of."""

_TIMEOUT_SECONDS = 30.0
_LINK = "https://files.sandbox.invalid/payloads/{id}?X-Amz-Signature=sandbox"


@dataclass(frozen=True)
class WebhookEndpoint:
    """A receiver of events.

    Attributes:
        url: Where it listens.
        secret: What its events are signed with.
        version: The version of the API that their payloads are in.
        by_link: Whether each payload is a link, as large ones are.
    """

    url: str
    secret: str
    version: str = API_VERSIONS[0]
    by_link: bool = False

    def __post_init__(self) -> None:
        if self.version not in API_VERSIONS:
            raise ValueError(f"version must be one of {', '.join(API_VERSIONS)}")


def signed_headers(secret: str, body: bytes, timestamp: int | None = None) -> dict[str, str]:
    """Return the headers that say who sends a body.

    Args:
        secret: The whole secret of the endpoint.
        body: The body.
        timestamp: Unix seconds; None: now.
    """
    moment = str(int(time.time()) if timestamp is None else timestamp)
    message = b":".join((b"v0", moment.encode(), body))
    digest = hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()
    return {
        "content-type": "application/json",
        "x-extend-request-timestamp": moment,
        "x-extend-request-signature": digest,
    }


def run_event(workspace: Workspace, run_id: str, version: str = API_VERSIONS[0], *, by_link: bool = False) -> Json:
    """Return the event that a run has ended; each delivery of it is the same.

    Args:
        workspace: Where the run is.
        run_id: Its id in API 2025-04-21.
        version: The version of the API that the event is in.
        by_link: Whether the payload is a link.

    Raises:
        ValueError: The run has not ended so that it is told of.
    """
    with workspace.lock:
        run = workspace.runs[run_id]
        kind = kind_of(run)
        if run.status not in _TOLD or (kind is None and version != API_VERSIONS[0]):
            raise ValueError(f"there is no event of run {run_id}, which is {run.status}")
        if version == API_VERSIONS[0] or kind is None:
            name, payload = "processor_run", workspace.run_payload(run_id)
        else:
            name, payload = kind.run, full_run(workspace, kind, run)
        if by_link:
            link = _LINK.format(id=payload["id"])
            payload = {"object": "signed_data_url", "data": link, "id": payload["id"], "metadata": {}}
        event_id = make_id("evt", rng_for(workspace.seed, "event", version, run_id, run.status))
        return {"eventId": event_id, "eventType": f"{name}.{_TOLD[run.status]}", "payload": payload}


class Webhooks:
    """The receivers of an organization, and what they have been told."""

    def __init__(self) -> None:
        self._endpoints: dict[WebhookEndpoint, set[str]] = {}
        self._lock = threading.Lock()

    @property
    def endpoints(self) -> list[WebhookEndpoint]:
        """The receivers."""
        return list(self._endpoints)

    def add(self, endpoint: WebhookEndpoint, workspaces: Iterable[Workspace]) -> None:
        """Add a receiver; it is told of the runs that end from now on."""
        self._endpoints[endpoint] = {run_id for each in workspaces for run_id in _ended(each)}

    def clear(self) -> None:
        """Forget all receivers."""
        self._endpoints.clear()

    def tell(self, workspace: Workspace) -> int:
        """Tell of all runs that have ended; what a receiver does not take is told again the next time.

        Returns:
            How many events were taken.
        """
        taken = 0
        with self._lock, httpx.Client(timeout=_TIMEOUT_SECONDS, trust_env=False) as client:
            for endpoint, told in self._endpoints.items():
                for run_id in [each for each in _ended(workspace) if each not in told]:
                    body = encode(run_event(workspace, run_id, endpoint.version, by_link=endpoint.by_link))
                    if _is_taken(client, endpoint, body):
                        told.add(run_id)
                        taken += 1
        return taken


def _ended(workspace: Workspace) -> list[str]:
    with workspace.lock:
        return [run.id for run in workspace.runs.values() if run.status in _TOLD and kind_of(run) is not None]


def _is_taken(client: httpx.Client, endpoint: WebhookEndpoint, body: bytes) -> bool:
    try:
        answer = client.post(endpoint.url, content=body, headers=signed_headers(endpoint.secret, body))
    except httpx.HTTPError:
        return False
    return answer.is_success
