"""Spans and metrics in OpenTelemetry's own SDK, and lineage over real HTTP, of real syncs."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from extend_source import AccessRefused, sync
from extend_source.sandbox import SandboxServer
from tests.acceptance.warehouse import Warehouse
from tests.telemetry.test_observation import SECRETS

pytestmark = pytest.mark.integrations

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "how-to" / "telemetry.md").read_text("utf-8")

EXPORTER, READER = InMemorySpanExporter(), InMemoryMetricReader()
LABELS = {
    "extend.pipeline": "extend",
    "extend.dataset": "extend",
    "extend.destination": "duckdb",
    "extend.kind": "sync",
}


@pytest.fixture(scope="module", autouse=True)
def providers() -> None:
    """What an application sets up once; a process has one of each."""
    tracing = TracerProvider()
    tracing.add_span_processor(SimpleSpanProcessor(EXPORTER))
    trace.set_tracer_provider(tracing)
    metrics.set_meter_provider(MeterProvider([READER]))


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Warehouse]:
    with SandboxServer(runs=5) as server:
        yield Warehouse(server, tmp_path)


def spans() -> dict[str, ReadableSpan]:
    """The spans since the last call, by name."""
    found = {span.name: span for span in EXPORTER.get_finished_spans()}
    EXPORTER.clear()
    return found


def measured() -> dict[tuple[str, frozenset[tuple[str, Any]]], float]:
    """The value of each metric, by name and by the labels that it has beside those of the sync."""
    data = READER.get_metrics_data()
    found = {}
    for resource in data.resource_metrics if data else ():
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                for point in metric.data.data_points:
                    labels = dict(point.attributes or {})
                    assert {name: labels.pop(name) for name in LABELS} == LABELS
                    value = point.sum if hasattr(point, "sum") else point.value
                    found[metric.name, frozenset(labels.items())] = value
    return found


def test_a_sync_is_a_span_with_its_loads_within_and_its_figures_are_metrics(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCES__EXTEND__OPENTELEMETRY", "true")
    warehouse.server.faults.set(["429:x2@run"])
    warehouse.sync()
    told = spans()

    assert told.keys() == {"extend.sync", "extend.load"}
    whole, load = told["extend.sync"], told["extend.load"]
    assert load.parent is not None
    assert load.parent.span_id == whole.context.span_id
    attributes = dict(whole.attributes or {})
    assert LABELS.items() <= attributes.items()
    assert attributes["extend.outcome"] == "ok"
    assert attributes["extend.mode"] == "full"
    assert attributes["extend.processor_run.fetched"] == 5
    assert attributes["extend.requests"] == 8, "a listing, five runs, and two that were told to wait"
    assert whole.status.is_ok

    found = measured()
    assert found["extend.requests", frozenset({("extend.endpoint", "get_run")})] == 7
    assert found["extend.requests", frozenset({("extend.endpoint", "list_runs")})] == 1
    assert found["extend.requests.throttled", frozenset()] == 2
    assert found["extend.requests.retries", frozenset()] == 2
    objects = frozenset({("extend.object", "processor_run"), ("extend.state", "fetched")})
    assert found["extend.objects", objects] == 5
    assert found["extend.syncs", frozenset({("extend.outcome", "ok")})] == 1
    assert found["extend.lag", frozenset()] > 0
    assert found["extend.sync.duration", frozenset({("extend.outcome", "ok")})] > 0

    with pytest.raises(AccessRefused):
        sync(warehouse.pipeline, **warehouse.settings(api_key="sk_wrong"))
    failed = spans()["extend.sync"]
    assert dict(failed.attributes or {})["error.type"] == "EXT-209"
    assert (failed.status.is_ok, failed.status.description, list(failed.events)) == (False, "EXT-209", [])
    assert measured()["extend.syncs", frozenset({("extend.outcome", "failed")})] == 1
    text = "".join(span.to_json() for span in (whole, load, failed))
    assert [secret for secret in SECRETS if secret in text] == []


def test_without_the_setting_there_are_neither_spans_nor_metrics(warehouse: Warehouse) -> None:
    before = measured()
    warehouse.sync()
    assert spans() == {}
    assert measured() == before


class Collector(ThreadingHTTPServer):
    """Takes OpenLineage's events over HTTP."""

    events: list[dict[str, Any]]


class _Taker(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, Collector)
        self.server.events.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
        self.send_response(201)
        self.end_headers()

    def log_message(self, *arguments: Any) -> None:
        pass


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    server = Collector(("127.0.0.1", 0), _Taker)
    server.events = []
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setenv("OPENLINEAGE_URL", f"http://127.0.0.1:{server.server_address[1]}")
    monkeypatch.setenv("OPENLINEAGE_NAMESPACE", "documents")
    monkeypatch.setenv("SOURCES__EXTEND__OPENLINEAGE", "true")
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_sync_is_the_run_of_a_job_that_reads_objects_and_writes_tables(
    warehouse: Warehouse, collector: Collector
) -> None:
    warehouse.sync()
    began, ended = collector.events
    assert (began["eventType"], ended["eventType"]) == ("START", "COMPLETE")
    assert began["run"]["runId"] == ended["run"]["runId"]
    assert {name: ended["job"][name] for name in ("namespace", "name")} == {
        "namespace": "documents",
        "name": "extend.sync",
    }
    assert [(each["namespace"], each["name"]) for each in ended["inputs"]] == [("extend", "processor_run")]
    outputs = {(each["namespace"], each["name"]) for each in ended["outputs"]}
    assert {("duckdb", "extend.processor_runs"), ("duckdb", "extend.extraction_fields")} <= outputs
    assert {name for _, name in outputs} == {f"extend.{table}" for table in warehouse.tables()}

    with pytest.raises(AccessRefused):
        sync(warehouse.pipeline, **warehouse.settings(api_key="sk_wrong"))
    assert [event["eventType"] for event in collector.events] == ["START", "COMPLETE", "START", "FAIL"]
    text = json.dumps([{name: event[name] for name in ("inputs", "outputs", "job")} for event in collector.events])
    assert [secret for secret in SECRETS if secret in text] == []


def test_a_collector_that_is_gone_is_no_reason_to_fail(
    warehouse: Warehouse, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENLINEAGE_URL", "http://127.0.0.1:9")
    assert warehouse.sync().complete
    assert collector.events == []


def run_as_written(command: list[str], warehouse: Warehouse) -> str:
    """Run what a page shows, in a folder of its own; return what it prints."""
    environment = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ} | {
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])),
        "HOME": str(warehouse.folder),
        "DLT_DATA_DIR": str(warehouse.folder / "dlt"),
        "RUNTIME__DLTHUB_TELEMETRY": "false",
        "SOURCES__EXTEND__API_KEY": warehouse.server.api_key,
        "SOURCES__EXTEND__BASE_URL": warehouse.server.base_url,
    }
    done = subprocess.run(command, cwd=warehouse.folder, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_program_of_the_page_prints_its_spans_and_metrics(warehouse: Warehouse) -> None:
    program = DOCS / "examples" / "telemetry.py"
    assert program.read_text("utf-8").split('"""\n', 1)[1].strip() in PAGE
    printed = run_as_written([sys.executable, str(program)], warehouse)
    assert printed.splitlines().count("5 runs") == 1
    for name in ('"name": "extend.sync"', '"name": "extend.load"', '"extend.requests"', '"extend.lag"'):
        assert name in printed, name


def test_the_commands_of_the_page_leave_events_of_lineage_in_a_file(warehouse: Warehouse) -> None:
    (commands,) = re.findall(r"^```sh\n(.*?)^```", PAGE.partition("## OpenLineage")[2], re.DOTALL | re.MULTILINE)
    run_as_written(["bash", "-ec", commands], warehouse)
    events = [json.loads(line) for line in (warehouse.folder / "lineage.json").read_text().splitlines()]
    assert [(event["eventType"], event["job"]["namespace"], event["job"]["name"]) for event in events] == [
        ("START", "documents", "extend_pipeline.sync"),
        ("COMPLETE", "documents", "extend_pipeline.sync"),
    ]
