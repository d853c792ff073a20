"""Named faults: what goes wrong on the wire, how often, and on which endpoints."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from extend_source.sandbox.limits import RetryAfter
from extend_source.sandbox.seeding import rng_for

FAULT_NAMES = {
    "429": "rate limit refusal",
    "5xx": "500, 502, 503 or 504 in turn; or give one of these numbers as the name",
    "html": "an HTML error page with status 502 or 503",
    "truncated": "a JSON body cut off in the middle, with the length of what is left",
    "slow": "a body that arrives in small pieces",
    "dropped": "a connection closed in the middle of the body",
    "wrong_id": "the body of another object",
    "shifting_pages": "rows are updated before each page, so that pages shift",
    "success_false": "status 200 with success: false",
    "unauthorized": "the key is refused; with N+ from the N-th request on",
}
"""The faults and what they do."""

SERVER_ERRORS = (500, 502, 503, 504)
DEFAULT_PROBABILITY = 0.1
"""The share of requests hit by a fault written without a rate, as in ``truncated``."""

_LISTS_OF_RUNS = ("list_runs", "list_extract_runs", "list_classify_runs", "list_split_runs")
_OTHER_LISTS = (
    *("list_parse_runs", "list_files", "list_extractors", "list_classifiers", "list_splitters"),
    *("list_processors", "list_workflows", "list_workflow_runs", "list_verify_runs", "list_edit_runs"),
    "list_edit_templates",
    *("list_webhook_endpoints", "list_webhook_subscriptions"),
)
_RUNS = (
    *("get_run", "get_extract_run", "get_classify_run", "get_split_run", "get_parse_run", "get_parser_run"),
    "get_verify_run",
)
_DEFINITIONS = ("get_extractor", "get_classifier", "get_splitter", "get_workflow")
_VERSIONS = ("get_extractor_version", "get_classifier_version", "get_splitter_version", "get_workflow_version")
_FORMS = ("get_form_detection_run", "get_edit_template")
_BATCHES = ("get_batch_run", "get_batch_processor_run")
_ROUTES = {
    "list": _LISTS_OF_RUNS + _OTHER_LISTS,
    "run": _RUNS,
    "file": ("get_file",),
    "workflow_run": ("get_workflow_run",),
    "definition": (*_DEFINITIONS, "list_processor_versions"),
    "version": (*_VERSIONS, "list_processor_versions"),
    "edit_run": ("get_edit_run",),
    "form": _FORMS,
    "items": ("list_evaluation_set_items",),
    "evaluation": ("get_evaluation_set_item", "get_evaluation_set_run", "get_batch_processor_run"),
    "batch": _BATCHES,
}
_DEFAULT_ENDPOINTS = {
    "wrong_id": (*_RUNS, "get_file", *_DEFINITIONS, "get_workflow_run", "get_edit_run", *_FORMS, *_BATCHES),
    "shifting_pages": _LISTS_OF_RUNS,
}
"""Routes of all versions of the API. In 2025-04-21 a processor comes with its versions, in one request."""

Endpoint = Literal[
    "list", "run", "file", "workflow_run", "definition", "version", "edit_run", "form", "items", "evaluation", "batch"
]


@dataclass(frozen=True)
class Fault:
    """Something that goes wrong now and then.

    Attributes:
        name: One of ``FAULT_NAMES``.
        probability: Share of the matching requests it hits.
        count: It stops after hitting this many.
        schedule: Numbers (from 1) of the matching requests it hits, exactly these.
        first: It begins with this matching request.
        endpoint: ``list``, ``run``, ``file``, ``workflow_run``, ``definition``, ``version``, ``edit_run``, ``form``,
            ``items`` (of evaluation sets), ``evaluation`` or ``batch``; None for all that make sense.
        status: A fixed status for ``5xx``.
        retry_after: What ``429`` says in its Retry-After header.
        seconds: How long ``slow`` takes over a body.
    """

    name: str
    probability: float = 1.0
    count: int | None = None
    schedule: frozenset[int] | None = None
    first: int = 1
    endpoint: Endpoint | None = None
    status: int | None = None
    retry_after: RetryAfter = "seconds"
    seconds: float = 0.5

    def __post_init__(self) -> None:
        if self.name not in FAULT_NAMES:
            raise ValueError(f"unknown fault {self.name!r}; known: {', '.join(FAULT_NAMES)}")
        if not 0 <= self.probability <= 1:
            raise ValueError(f"a probability is a number from 0 to 1, not {self.probability}")

    def matches(self, route: str) -> bool:
        """Whether the fault concerns a route, by the route's name."""
        if self.endpoint is not None:
            return route in _ROUTES[self.endpoint]
        return route in _DEFAULT_ENDPOINTS.get(self.name, (route,))


_FORM = re.compile(
    r"(?P<name>[a-z0-9_]+)"
    r"(?::(?:(?P<share>[0-9]*\.[0-9]+|[01])|x(?P<count>\d+)|\#(?P<schedule>\d+(?:,\d+)*)|(?P<first>\d+)\+))?"
    rf"(?:@(?P<endpoint>{'|'.join(_ROUTES)}))?"
)


def parse_fault(text: str) -> Fault:
    """Read a fault from its short form ``name[:rate][@endpoint]``.

    The rate is a share (``0.2``), a number of hits (``x3``), the numbers of the requests to hit (``#1,4,9``)
    or the first request to hit (``20+``). Without a rate, one request in ten is hit, and every one for
    ``unauthorized``.

    Args:
        text: For example ``429:0.2``, ``truncated``, ``5xx:0.05@run``, ``503:x3@list``, ``unauthorized:20+``.

    Raises:
        ValueError: The text is not of this form, or there is no such fault.
    """
    found = _FORM.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is not a fault; write name[:rate][@endpoint], as in 429:0.2 or dropped:x3@run")
    name, status = found["name"], None
    if name.isdigit() and int(name) in SERVER_ERRORS:
        name, status = "5xx", int(name)
    exact = found["count"] or found["schedule"] or found["first"] or name == "unauthorized"
    share = float(found["share"]) if found["share"] else 1.0 if exact else DEFAULT_PROBABILITY
    return Fault(
        name=name,
        probability=share,
        count=int(found["count"]) if found["count"] else None,
        schedule=frozenset(map(int, found["schedule"].split(","))) if found["schedule"] else None,
        first=int(found["first"] or 1),
        endpoint=found["endpoint"],  # type: ignore[arg-type]  # the pattern allows nothing else
        status=status,
    )


class FaultInjector:
    """Decides for each request whether and how it goes wrong; the decisions follow from the seed.

    Args:
        faults: Faults or their short forms; the first that fires wins.
        seed: What random decisions depend on.
    """

    def __init__(self, faults: Iterable[Fault | str] = (), seed: int = 0) -> None:
        self._seed = seed
        self._lock = threading.Lock()
        self.set(faults)

    @property
    def faults(self) -> tuple[Fault, ...]:
        """The faults in force."""
        return self._faults

    def set(self, faults: Iterable[Fault | str]) -> None:
        """Replace all faults and start counting anew."""
        parsed = tuple(parse_fault(fault) if isinstance(fault, str) else fault for fault in faults)
        with self._lock:
            self._faults = parsed
            self._seen = [0] * len(parsed)
            self._fired = [0] * len(parsed)
            self._rng = rng_for("faults", self._seed)

    def clear(self) -> None:
        """Let everything go well from now on."""
        self.set(())

    def choose(self, route: str) -> Fault | None:
        """Return the fault that hits the next request to a route, or None."""
        with self._lock:
            for number, fault in enumerate(self._faults):
                if fault.matches(route) and self._fires(number, fault):
                    self._fired[number] += 1
                    return fault
            return None

    def server_error(self, fault: Fault) -> int:
        """Return the status a ``5xx`` or ``html`` fault answers with."""
        if fault.status is not None:
            return fault.status
        with self._lock:
            fired = sum(self._fired)
        return SERVER_ERRORS[fired % len(SERVER_ERRORS)] if fault.name == "5xx" else (502, 503)[fired % 2]

    def _fires(self, number: int, fault: Fault) -> bool:
        self._seen[number] += 1
        seen = self._seen[number]
        if fault.schedule is not None:
            return seen in fault.schedule
        if seen < fault.first or (fault.count is not None and self._fired[number] >= fault.count):
            return False
        return fault.probability >= 1 or self._rng.random() < fault.probability
