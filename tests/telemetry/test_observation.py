"""What a sync tells: log lines and figures for Prometheus, over a real sync; and nothing at all unless asked."""

from __future__ import annotations

import json
import logging
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from extend_source import UsageError, sync
from extend_source.sandbox import PRESIGNED_URL_CANARY, SandboxServer
from extend_source.telemetry import observation
from extend_source.telemetry.logs import FIELDS, LOGGER
from tests.acceptance.warehouse import Warehouse

MIB = "SOURCES__EXTEND__"
SECRETS = ("sk_sandbox", "sk_wrong", PRESIGNED_URL_CANARY, "http://", "https://", "/processor_runs", ".pdf")
"""What no telemetry may hold: keys, links, addresses, paths, and names of documents."""


@pytest.fixture(autouse=True)
def logger_as_it_was() -> Iterator[None]:
    before = LOGGER.handlers[:], LOGGER.propagate, LOGGER.level
    yield
    LOGGER.handlers[:], LOGGER.propagate, level = before
    LOGGER.setLevel(level)


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Warehouse]:
    with SandboxServer(runs=5) as server:
        yield Warehouse(server, tmp_path)


def lines(text: str) -> list[dict[str, Any]]:
    """The lines of JSON; anything else fails."""
    return [json.loads(line) for line in text.splitlines()]


def figures(folder: Path) -> dict[str, float]:
    """What node_exporter reads: the samples of all files, by name and labels; each metric with its type before it."""
    found: dict[str, float] = {}
    typed: set[str] = set()
    for path in sorted(folder.glob("*.prom")):
        for line in path.read_text("utf-8").splitlines():
            if line.startswith("# TYPE "):
                typed.add(line.split()[2])
            elif not line.startswith("#"):
                sample = re.fullmatch(r"(\w+)\{((?:\w+=\"(?:[^\"\\\n]|\\.)*\",?)*)\} (\S+)", line)
                assert sample is not None, line
                assert sample.group(1) in typed
                assert line.rpartition(" ")[0] not in found, "a sample twice"
                found[line.rpartition(" ")[0]] = float(sample.group(3))
    return found


LABELS = 'pipeline="extend",dataset="extend",destination="duckdb",kind="sync"'


@pytest.mark.slow
def test_a_sync_logs_its_beginning_its_loads_and_its_end_in_json(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv(f"{MIB}LOG_FORMAT", "json")
    result = warehouse.sync()
    text = capsys.readouterr().err
    told = lines(text)

    assert [line["event"] for line in told] == ["sync.began", "load.ended", "sync.ended"]
    own = {"pipeline": "extend", "dataset": "extend", "destination": "duckdb", "kind": "sync"}
    assert {name: told[0][name] for name in own} == own
    end = told[-1]
    assert (end["level"], end["outcome"], end["mode"], end["loads"]) == ("info", "ok", "full", 1)
    assert end["requests"] == {"list_runs": 1, "get_run": 5}
    assert end["objects"] == {
        "processor_run": {"listed": 5, "known": 0, "fetched": 5, "changed": 5, "failed": 0, "gone": 0}
    }
    assert result.watermark is not None
    assert end["watermark"] == result.watermark.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", end["time"])
    assert [secret for secret in SECRETS if secret in text] == []

    # a sync that is refused says so by a code, and repeats nothing of the answer
    with pytest.raises(Exception, match="401"):
        sync(warehouse.pipeline, **warehouse.settings(api_key="sk_wrong"))
    text = capsys.readouterr().err
    end = lines(text)[-1]
    assert (end["level"], end["outcome"], end["error_code"]) == ("error", "failed", "EXT-209")
    assert [secret for secret in SECRETS if secret in text] == []


@pytest.mark.slow
def test_a_quiet_sync_and_one_that_stops_early_say_so(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv(f"{MIB}LOG_FORMAT", "json")
    warehouse.sync(max_runs=2)
    warehouse.sync(quiet_log_minutes=60)
    warehouse.sync(quiet_log_minutes=60)
    ends = [line for line in lines(capsys.readouterr().err) if line["event"] == "sync.ended"]
    assert [(end["outcome"], end.get("stopped_by"), end["mode"]) for end in ends] == [
        ("stopped", "max_runs", "full"),
        ("ok", None, "full"),
        ("ok", None, "quiet"),
    ]


@pytest.mark.slow
def test_records_go_to_the_handlers_of_the_application(
    warehouse: Warehouse,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
):
    monkeypatch.setenv(f"{MIB}LOG_FORMAT", "records")
    warehouse.sync()
    records = [record for record in caplog.records if record.name == "extend_source"]
    assert [record.getMessage() for record in records] == ["sync.began", "load.ended", "sync.ended"]
    assert getattr(records[-1], FIELDS)["requests"] == {"list_runs": 1, "get_run": 5}
    assert {record.levelno for record in records} == {logging.INFO}
    assert capsys.readouterr().err == ""


@pytest.mark.slow
def test_a_sync_that_takes_long_says_that_it_is_alive(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    assert observation.HEARTBEAT_SECONDS == 30.0
    monkeypatch.setattr(observation, "HEARTBEAT_SECONDS", 0.2)
    monkeypatch.setenv(f"{MIB}LOG_FORMAT", "json")
    warehouse.server.before_each_request = lambda request: time.sleep(0.5 if request.route == "get_run" else 0)
    warehouse.sync(max_concurrency=1)
    warehouse.server.before_each_request = None
    beats = [line for line in lines(capsys.readouterr().err) if line["event"] == "sync.running"]
    assert len(beats) >= 5
    assert beats[-1]["objects"]["processor_run"]["listed"] == 5
    assert [beat["requests"] for beat in beats] == sorted(beat["requests"] for beat in beats)


@pytest.mark.slow
def test_figures_are_in_a_file_and_a_failure_keeps_the_time_of_the_last_success(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    folder = tmp_path / "textfile"
    folder.mkdir()
    monkeypatch.setenv(f"{MIB}PROMETHEUS_FOLDER", str(folder))
    result = warehouse.sync()
    first = figures(folder)

    assert [path.name for path in folder.iterdir()] == ["extend_source_extend_sync.prom"]
    assert (folder / "extend_source_extend_sync.prom").stat().st_mode & 0o777 == 0o644
    assert result.watermark is not None
    ended_at = first[f"extend_sync_last_success_timestamp_seconds{{{LABELS}}}"]
    assert abs(ended_at - time.time()) < 60
    assert first[f"extend_watermark_timestamp_seconds{{{LABELS}}}"] == result.watermark.timestamp()
    assert first[f"extend_sync_succeeded{{{LABELS}}}"] == 1
    assert first[f'extend_sync_requests{{{LABELS},endpoint="get_run"}}'] == 5
    assert first[f'extend_sync_objects{{{LABELS},object="processor_run",state="fetched"}}'] == 5
    assert first[f"extend_sync_throttled{{{LABELS}}}"] == 0

    with pytest.raises(Exception, match="401"):
        sync(warehouse.pipeline, **warehouse.settings(api_key="sk_wrong"))
    second = figures(folder)
    assert second[f"extend_sync_succeeded{{{LABELS}}}"] == 0
    assert second[f"extend_sync_last_success_timestamp_seconds{{{LABELS}}}"] == ended_at
    assert second[f"extend_watermark_timestamp_seconds{{{LABELS}}}"] == result.watermark.timestamp()
    assert second[f"extend_sync_last_end_timestamp_seconds{{{LABELS}}}"] > ended_at
    text = "".join(path.read_text() for path in folder.iterdir())
    assert [secret for secret in SECRETS if secret in text] == []


@pytest.mark.slow
def test_429_answers_are_counted(warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(f"{MIB}PROMETHEUS_FOLDER", str(tmp_path))
    warehouse.server.faults.set(["429:x2"])
    warehouse.sync()
    found = figures(tmp_path)
    assert found[f"extend_sync_throttled{{{LABELS}}}"] == 2
    assert found[f"extend_sync_retries{{{LABELS}}}"] == 2


def test_a_folder_that_is_none_is_refused_before_anything_is_asked(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv(f"{MIB}PROMETHEUS_FOLDER", str(tmp_path / "nowhere"))
    with pytest.raises(
        UsageError, match=r"^prometheus_folder '.*nowhere' is no folder that can be written to\. Make it"
    ):
        warehouse.sync()
    assert warehouse.server.requests.total == 0


@pytest.mark.slow
def test_a_disk_that_is_full_is_no_reason_to_fail(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    folder = tmp_path / "textfile"
    folder.mkdir()
    monkeypatch.setenv(f"{MIB}PROMETHEUS_FOLDER", str(folder))
    warehouse.server.before_each_request = lambda request: (
        folder.rename(tmp_path / "moved") if folder.exists() else None
    )
    monkeypatch.setattr(logging.getLogger("dlt"), "propagate", True)
    result = warehouse.sync()
    warehouse.server.before_each_request = None
    assert result.complete
    assert "prometheus is not told of this sync: FileNotFoundError" in caplog.text


@pytest.mark.parametrize("setting", ["OPENTELEMETRY", "OPENLINEAGE"])
def test_what_is_not_installed_is_named(warehouse: Warehouse, setting: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    monkeypatch.setitem(sys.modules, "openlineage", None)
    monkeypatch.setenv(f"{MIB}{setting}", "true")
    extra = {"OPENTELEMETRY": "telemetry", "OPENLINEAGE": "openlineage"}[setting]
    with pytest.raises(UsageError, match=rf"^{setting.lower()} = true needs an extra\. Run: pip install .*\[{extra}\]"):
        warehouse.sync()
    assert warehouse.server.requests.total == 0


def test_a_log_format_that_there_is_not_is_refused(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(f"{MIB}LOG_FORMAT", "xml")
    with pytest.raises(Exception, match=r"log_format takes json, records; not 'xml'\."):
        warehouse.sync()


@pytest.mark.slow
def test_nothing_of_it_is_imported_unless_it_is_asked_for(tmp_path: Path):
    program = (
        "import sys, threading, dlt\n"
        "from extend_source import sync\n"
        "from extend_source.sandbox import SandboxServer\n"
        "with SandboxServer(runs=1) as server:\n"
        "    pipeline = dlt.pipeline('extend', destination=dlt.destinations.duckdb('x.duckdb'), dataset_name='d')\n"
        "    sync(pipeline, api_key=server.api_key, base_url=server.base_url)\n"
        "names = ('extend_source.telemetry.', 'opentelemetry', 'openlineage')\n"
        "print(sorted(name for name in sys.modules if name.startswith(names)))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "['extend_source.telemetry.observation']"
