"""Counts of what went over the wire, for progress displays and the ``sync_log``."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class RequestStatistics:
    """What a client has sent and received so far; it only ever grows.

    Attributes:
        requests: requests sent, every attempt counted.
        requests_by_endpoint: the same by the name of the endpoint, such as ``get_run``.
        retries: how many of the requests were second or later attempts.
        throttled: 429 answers.
        seconds_waiting: seconds in which a request was ready and the request budget held it back.
        bytes_received: bytes of the bodies as they came over the wire (compressed).
        bytes_decoded: bytes of the bodies as they were decoded.
    """

    requests: int = 0
    requests_by_endpoint: Counter[str] = field(default_factory=Counter)
    retries: int = 0
    throttled: int = 0
    seconds_waiting: float = 0.0
    bytes_received: int = 0
    bytes_decoded: int = 0

    def sent(self, endpoint: str, *, retry: bool, waited: float) -> None:
        """Count a request that is about to be sent.

        Args:
            endpoint: the name of the endpoint.
            retry: whether it is a second or later attempt.
            waited: seconds the request budget held it back.
        """
        self.requests += 1
        self.requests_by_endpoint[endpoint] += 1
        self.retries += retry
        self.seconds_waiting += waited
