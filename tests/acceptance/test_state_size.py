"""Many listed runs leave a small state and cost one request at the next look."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import dlt
import duckdb
import pytest

from extend_source import SyncSession, extend_source

pytestmark = pytest.mark.thorough

RUNS = 200_000
PAGE = 1000
NEWEST = datetime(2026, 1, 1, tzinfo=timezone.utc)


def page_of(number: int) -> bytes:
    """A page of summaries, newest change first, ten seconds apart."""
    rows = []
    for place in range(number * PAGE, (number + 1) * PAGE):
        moment = (NEWEST - timedelta(seconds=10 * place)).strftime("%Y-%m-%dT%H:%M:%SZ")
        rows.append(
            f'{{"id":"dpr_{place:021d}","status":"PROCESSED","processorId":"dp_1","processorName":"Invoices",'
            f'"processorVersionId":"dpv_1","type":"EXTRACT","createdAt":"{moment}","updatedAt":"{moment}",'
            f'"usage":{{"credits":2.5}}}}'
        )
    token = f',"nextPageToken":"{number + 1}"' if (number + 1) * PAGE < RUNS else ""
    return f'{{"success":true,"processorRuns":[{",".join(rows)}]{token}}}'.encode()


@contextmanager
def long_history() -> Iterator[tuple[str, list[str]]]:
    """Serve that many summaries on the loopback; yields the address and the list of paths asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            url = urlsplit(self.path)
            asked.append(url.path)
            body = page_of(int(parse_qs(url.query).get("nextPageToken", ["0"])[0]))
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", asked
        finally:
            server.shutdown()
            thread.join()


def test_two_hundred_thousand_listed_runs_leave_a_state_of_less_than_two_kilobytes(tmp_path: Path) -> None:
    database = tmp_path / "history.duckdb"
    pipeline = dlt.pipeline("history", destination=dlt.destinations.duckdb(str(database)), dataset_name="extend")

    def listed(address: str) -> int:
        session = SyncSession()
        source = extend_source(api_key="sk_x", base_url=address, requests_per_second=0, session=session)
        pipeline.run(source.with_resources("processor_run_summaries"))
        return session.progress.listed

    with long_history() as (address, asked):
        first = listed(address)
        requests = len(asked)
        again = listed(address)

    assert (first, requests) == (RUNS, RUNS // PAGE)
    assert (again, len(asked)) == (PAGE, RUNS // PAGE + 1)
    assert set(asked) == {"/processor_runs"}
    assert len(json.dumps(pipeline.state["sources"]["extend"])) < 2048
    with duckdb.connect(str(database), read_only=True) as connection:
        [(largest,)] = connection.sql("select max(strlen(state)) from extend._dlt_pipeline_state").fetchall()
        assert 0 < largest < 2048
        assert connection.sql("select count(*) from extend.processor_run_summaries").fetchall() == [(RUNS,)]
