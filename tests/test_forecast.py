"""A long first sync says how long it takes, and offers parts with their figures."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta, timezone
from typing import Any

import dlt
import pytest
from typer.testing import CliRunner

from extend_source import SyncProgress, plan, sync
from extend_source.cli import app
from extend_source.config.settings import ExtendSettings
from extend_source.ingest.forecast import SyncForecast, SyncPart, forecast_of
from extend_source.sandbox import SandboxServer

NOON = datetime(2026, 2, 2, 12, tzinfo=timezone.utc)


def settings_of(**given: Any) -> ExtendSettings:
    return ExtendSettings(api_key="sk_sandbox", **given)


def hourly(runs: int) -> list[datetime | None]:
    """Runs that changed one an hour, the newest at noon."""
    return [NOON - timedelta(hours=number) for number in range(runs)]


def test_a_million_runs_take_28_hours_and_parts_take_less_than_one() -> None:
    times = [NOON - timedelta(minutes=number) for number in range(1_000_000)]

    forecast = forecast_of(settings_of(), times, requests=1_000_000)

    # the newest 35,964 runs, those of an hour, go back to 2026-01-08 12:36
    since_midnight = 24 * 24 * 60 + 12 * 60 + 1
    assert forecast is not None
    assert (forecast.runs, forecast.minutes) == (1_000_000, 1666.667)
    assert [(part.option, part.runs) for part in forecast.parts] == [
        ("--max-runs 20000", 20_000),
        ("--start-date 2026-01-09", since_midnight),
    ]
    assert all(part.minutes < 60 for part in forecast.parts)


@pytest.mark.parametrize(
    "limit", [{"max_runs": 5}, {"max_requests": 5}, {"max_seconds": 5.0}, {"start_date": "2026-01-01"}]
)
def test_what_is_limited_already_gets_no_offer(limit: dict[str, Any]) -> None:
    assert forecast_of(settings_of(**limit), hourly(50_000), 50_000) is None


@pytest.mark.parametrize(
    ("rate", "runs", "requests"), [(0.0, 50_000, 50_000), (10.0, 36_000, 36_000), (10.0, 0, 50_000)]
)
def test_what_takes_an_hour_or_less_or_no_known_time_gets_no_offer(rate: float, runs: int, requests: int) -> None:
    assert forecast_of(settings_of(requests_per_second=rate), hourly(runs), requests) is None


def test_parse_runs_count_into_each_run() -> None:
    forecast = forecast_of(settings_of(), hourly(30_000), requests=60_000)

    assert forecast is not None
    assert forecast.minutes == 100.0
    assert forecast.parts[0] == SyncPart("max_runs", 10_000, 10_000, 33.35)


def test_a_day_that_alone_takes_too_long_is_not_offered() -> None:
    forecast = forecast_of(settings_of(), [NOON] * 50_000, 50_000)

    assert forecast is not None
    assert [part.setting for part in forecast.parts] == ["max_runs"]


@pytest.fixture(scope="module")
def server() -> Iterator[SandboxServer]:
    with SandboxServer(runs=120) as stand_in:
        yield stand_in


SLOW = 0.02
"""Requests per second: 121 of them take 1 h 40 min."""


def test_the_plan_of_a_long_first_sync_offers_what_a_part_of_it_holds(server: SandboxServer) -> None:
    pipeline = dlt.pipeline("first", destination="duckdb", dataset_name="extend")
    arguments: dict[str, Any] = {"api_key": server.api_key, "base_url": server.base_url, "requests_per_second": SLOW}
    result = plan(pipeline, **arguments)
    by_runs, by_date = result.parts

    assert by_runs == SyncPart("max_runs", 50, 50, 42.5)
    assert isinstance(by_date.value, date)
    assert by_date.runs == sum(
        run.updated_at >= datetime(by_date.value.year, by_date.value.month, by_date.value.day, tzinfo=timezone.utc)
        for run in server.workspace.runs.values()
    )
    assert plan(pipeline, **arguments | {"requests_per_second": 10.0}).parts == []


def test_a_long_first_sync_says_so_before_it_fetches(server: SandboxServer) -> None:
    said: list[tuple[SyncForecast, int]] = []
    progress = SyncProgress()

    def on_forecast(forecast: SyncForecast) -> None:
        said.append((forecast, progress.fetched))
        progress.stop_requested = True

    progress.on_forecast = on_forecast
    pipeline = dlt.pipeline("first", destination="duckdb", dataset_name="extend")
    result = sync(
        pipeline,
        progress=progress,
        api_key=server.api_key,
        base_url=server.base_url,
        requests_per_second=SLOW,
    )

    ((forecast, fetched),) = said
    assert (forecast.runs, forecast.minutes, fetched) == (120, 100.0, 0)
    assert forecast.parts[0].option == "--max-runs 50"
    assert (result.stopped_by, result.left) == ("request", 120)


def test_the_shell_repeats_the_options_in_the_commands_that_it_offers(
    server: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ["plan", "--pipeline", "mine", "--base-url", server.base_url, "--requests-per-second", str(SLOW)]
    monkeypatch.setattr("sys.argv", ["extend-source", *arguments])
    outcome = CliRunner().invoke(app, arguments, env={"SOURCES__EXTEND__API_KEY": server.api_key})

    lines = outcome.stdout.splitlines()
    assert outcome.exit_code == 0
    assert "To begin with a part; a sync without that option goes on from there:" in lines
    assert lines[5] == (
        f"  the newest 50 runs, 42 min 30 s: extend-source sync --pipeline mine --base-url {server.base_url} "
        f"--requests-per-second {SLOW} --max-runs 50"
    )
