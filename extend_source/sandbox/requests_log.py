"""What the stand-in was asked: the evidence for tests about the number and the kind of requests."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

_KEPT_HEADERS = ("user-agent", "x-extend-api-version", "x-extend-workspace-id", "accept", "accept-encoding")
"""Never the Authorization header: a log is no place for a key."""

DOWNLOAD = "download"
"""The route of signed links, which no rate limit counts."""


@dataclass
class LoggedRequest:
    """One request.

    Attributes:
        route: ``list_runs``, ``get_run``, ``get_file``, ``list_files``, ``cancel_run``, ``delete_run``,
            ``delete_file``, ``download`` or ``unknown``; under 2026-02-09 ``list_extract_runs``,
            ``get_extract_run`` and so on for each kind of run, parse runs and definitions as well.
        method: HTTP method.
        path: Path without the query.
        query: Query parameters.
        headers: Some of the request headers, in lower case, without the key.
        started_at: Seconds on a steady clock.
        status: HTTP status; None while the answer is not ready.
        fault: Name of the fault that hit it.
        answered_at: Seconds on the same clock when its answer was about to be sent; None before.
    """

    route: str
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    started_at: float = field(default_factory=time.monotonic)
    status: int | None = None
    fault: str | None = None
    answered_at: float | None = None

    def answer(self, status: int) -> None:
        """Note the answer, just before it is sent: a client that has read it may ask the log."""
        self.status, self.answered_at = status, time.monotonic()


BeforeRequest = Callable[[LoggedRequest], None]
"""Called with a request that has arrived, before anything of its answer is made."""


@dataclass(frozen=True)
class OddAnswer:
    """An answer that no workspace makes, such as a proxy's.

    Attributes:
        status: The HTTP status.
        body: The body, or its pieces, of which there may be no end.
        headers: Headers beyond the length of the body.
    """

    status: int
    body: bytes | Iterable[bytes] = b""
    headers: Mapping[str, str] = field(default_factory=dict)


Instead = Callable[[LoggedRequest], OddAnswer | None]
"""Says what is sent in place of the answer; None: the answer itself."""


class RequestLog:
    """All requests since the start or the last ``reset``, in order of arrival."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: list[LoggedRequest] = []
        self._in_flight = 0
        self._most_in_flight = 0

    def begin(
        self, route: str, method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str]
    ) -> LoggedRequest:
        """Note a request that has just arrived."""
        kept = {name: headers[name] for name in _KEPT_HEADERS if name in headers}
        entry = LoggedRequest(route, method, path, dict(query), kept)
        with self._lock:
            self._entries.append(entry)
            self._in_flight += 1
            self._most_in_flight = max(self._most_in_flight, self._in_flight)
        return entry

    def end(self) -> None:
        """Note that a request has been answered to the end."""
        with self._lock:
            self._in_flight = max(0, self._in_flight - 1)

    @property
    def entries(self) -> list[LoggedRequest]:
        """A copy of the list of requests."""
        with self._lock:
            return list(self._entries)

    @property
    def total(self) -> int:
        """Number of requests."""
        with self._lock:
            return len(self._entries)

    @property
    def counts(self) -> Counter[str]:
        """Number of requests by route."""
        return Counter(entry.route for entry in self.entries)

    @property
    def statuses(self) -> Counter[int | None]:
        """Number of requests by status."""
        return Counter(entry.status for entry in self.entries)

    @property
    def most_in_flight(self) -> int:
        """The largest number of requests that were being answered at the same time."""
        with self._lock:
            return self._most_in_flight

    def busiest_second(self) -> int:
        """Return the largest number of requests that arrived within any one second, downloads left out."""
        times = sorted(entry.started_at for entry in self.entries if entry.route != DOWNLOAD)
        best, start = 0, 0
        for end, moment in enumerate(times):
            while times[start] <= moment - 1:
                start += 1
            best = max(best, end - start + 1)
        return best

    def of(self, route: str) -> list[LoggedRequest]:
        """Return the requests to one route."""
        return [entry for entry in self.entries if entry.route == route]

    def reset(self) -> None:
        """Forget all requests."""
        with self._lock:
            self._entries.clear()
            self._most_in_flight = self._in_flight

    def as_json(self) -> dict[str, Any]:
        """Return the counters and the requests as a JSON object."""
        return {
            "total": self.total,
            "counts": dict(self.counts),
            "statuses": {str(status): number for status, number in self.statuses.items()},
            "requests": [
                {
                    "route": entry.route,
                    "method": entry.method,
                    "path": entry.path,
                    "query": entry.query,
                    "headers": entry.headers,
                    "status": entry.status,
                    "fault": entry.fault,
                }
                for entry in self.entries
            ],
        }
