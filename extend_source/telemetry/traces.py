"""Spans and metrics by OpenTelemetry's API; what exports them is the application's, or the environment's."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

from opentelemetry import metrics, trace
from opentelemetry.trace import Span, Status, StatusCode

from extend_source.ingest.progress import SyncProgress
from extend_source.telemetry.facts import Ending, SyncFacts

_NAME = "extend_source"


class Observer:
    """Traces a sync: a span for it, one within for each load, and its figures as metrics at the end."""

    def __init__(self, enabled: bool) -> None:
        """Prepare to trace.

        Args:
            enabled: True.
        """
        self._tracer, meter = trace.get_tracer(_NAME), metrics.get_meter(_NAME)
        self._labels: dict[str, str] = {}
        self._spans = ExitStack()
        self._load = ExitStack()
        counter = meter.create_counter
        self._syncs = counter("extend.syncs", "{sync}", "Syncs by outcome.")
        self._requests = counter("extend.requests", "{request}", "Requests sent, by endpoint.")
        self._retries = counter("extend.requests.retries", "{request}", "Second or later attempts.")
        self._throttled = counter("extend.requests.throttled", "{request}", "429 answers.")
        self._waiting = counter("extend.requests.waiting", "s", "Time in which the request budget held requests back.")
        self._received = counter("extend.received", "By", "Bytes of the bodies as they came over the wire.")
        self._objects = counter("extend.objects", "{object}", "Objects by type and by what became of them.")
        self._duration = meter.create_histogram("extend.sync.duration", "s", "How long syncs take.")
        self._lag = meter.create_gauge("extend.lag", "s", "The age of the watermark at the end of a sync.")

    def begin(self, facts: SyncFacts) -> None:
        """Begin the span of the sync."""
        self._labels = {f"extend.{name}": value for name, value in facts.labels().items()}
        self._sync_span = self._begin(self._spans, "extend.sync")

    def beat(self, progress: SyncProgress) -> None:
        """Say nothing: a span is told at its end."""

    def begin_load(self) -> None:
        """Begin the span of a load."""
        self._load_span = self._begin(self._load, "extend.load")

    def end_load(self, error_code: str | None) -> None:
        """End the span of a load."""
        _note_error(self._load_span, error_code)
        self._load.close()

    def end(self, ending: Ending) -> None:
        """End the span of the sync, and count."""
        span, labels = self._sync_span, self._labels
        span.set_attribute("extend.outcome", ending.outcome)
        span.set_attribute("extend.mode", ending.mode)
        span.set_attribute("extend.loads", ending.loads)
        span.set_attribute("extend.throttled", ending.throttled)
        span.set_attribute("extend.requests", sum(ending.requests.values()))
        for kind, counts in ending.objects.items():
            for name, count in counts.items():
                span.set_attribute(f"extend.{kind}.{name}", count)
                self._objects.add(count, labels | {"extend.object": kind, "extend.state": name})
        _note_error(span, ending.error_code)
        self._spans.close()
        self._syncs.add(1, labels | {"extend.outcome": ending.outcome})
        for endpoint, count in ending.requests.items():
            self._requests.add(count, labels | {"extend.endpoint": endpoint})
        self._retries.add(ending.retries, labels)
        self._throttled.add(ending.throttled, labels)
        self._waiting.add(ending.seconds_waiting, labels)
        self._received.add(ending.bytes_received, labels)
        self._duration.record(ending.seconds, labels | {"extend.outcome": ending.outcome})
        if ending.lag_seconds is not None:
            self._lag.set(ending.lag_seconds, labels)

    def _begin(self, stack: ExitStack, name: str) -> Span:
        # an exception is told by its code alone: its text may quote an answer
        made: Any = self._tracer.start_as_current_span(
            name, attributes=self._labels, record_exception=False, set_status_on_exception=False
        )
        span: Span = stack.enter_context(made)
        return span


def _note_error(span: Span, error_code: str | None) -> None:
    if error_code is not None:
        span.set_attribute("error.type", error_code)
        span.set_status(Status(StatusCode.ERROR, error_code))
