"""The source as dlt sees it: settings, resources and hints."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import fields
from datetime import date, datetime, timezone
from pathlib import Path
from typing import Any

import dlt
import pytest
from dlt.common.configuration.container import Container
from dlt.common.configuration.exceptions import ConfigurationValueError
from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext

from extend_source import ExtendSettings, SyncProgress, SyncSession, extend_source
from extend_source.config.groups import GROUPS
from extend_source.config.settings import TELEMETRY_SETTINGS, parse_start_date
from extend_source.ingest.webhook_events import WebhookEvent
from extend_source.sandbox import SandboxServer
from extend_source.tables import TABLES
from tests.conftest import NOW


@pytest.fixture
def server() -> Iterator[SandboxServer]:
    with SandboxServer(runs=3) as server:
        yield server


def extracted(**arguments: Any) -> SyncProgress:
    """Draw the rows of one table from the source, without a pipeline."""
    session = SyncSession()
    list(extend_source(session=session, **arguments).with_resources("processor_runs"))
    return session.progress


def test_the_arguments_are_the_settings_with_the_same_defaults() -> None:
    parameters = inspect.signature(extend_source).parameters
    arguments = {name: parameter.default for name, parameter in parameters.items()}
    settings = {field.name: field.default for field in fields(ExtendSettings) if not field.name.startswith("_")}

    assert arguments.keys() - settings.keys() == {"run_ids", "session", "unknown"}  # the last one is refused
    only_reports_need, only_syncs_need = {"prices", "credit_budget"}, set(TELEMETRY_SETTINGS)
    assert settings.keys() - arguments.keys() == only_reports_need | only_syncs_need
    shared = arguments.keys() & settings.keys() - {"api_key"}
    assert {name: arguments[name] for name in shared} == {name: settings[name] for name in shared}


def test_settings_come_from_the_environment(server: SandboxServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCES__EXTEND__BASE_URL", server.base_url)
    monkeypatch.setenv("SOURCES__EXTEND__API_KEY", server.api_key)
    monkeypatch.setenv("SOURCES__EXTEND__STATUSES", '["CANCELLED"]')

    assert extracted().listed == sum(
        server.workspace.summary(run_id)["status"] == "CANCELLED" for run_id in server.workspace.run_ids()
    )


def test_settings_come_from_the_config_files(server: SandboxServer, tmp_path: Path) -> None:
    (tmp_path / ".dlt").mkdir()
    (tmp_path / ".dlt" / "config.toml").write_text(
        f'[sources.extend]\nbase_url = "{server.base_url}"\nstart_date = 2020-01-01\nrequests_per_second = 0\n'
    )
    (tmp_path / ".dlt" / "secrets.toml").write_text(f'[sources.extend]\napi_key = "{server.api_key}"\n')
    Container()[PluggableRunContext].reload_providers()

    assert extracted().listed == 3


def test_the_source_works_outside_of_a_pipeline(server: SandboxServer) -> None:
    assert extracted(api_key=server.api_key, base_url=server.base_url).fetched == 3


def test_each_table_is_a_resource_of_its_own_name() -> None:
    source = extend_source(api_key="sk_x", objects=list(GROUPS))
    everything = {"keep_raw": True, "parse_output": "words", "verify_details": True, "history": True}
    with_all = extend_source(api_key="sk_x", objects=list(GROUPS), **everything)

    assert (
        [*source.resources]
        == [*source.selected_resources]
        == [*(name for name, table in TABLES.items() if not table.opt_in), "typed_tables"]
    )
    events = SyncSession(events=(WebhookEvent("evt_1", "workflow.created", None, None, None, (), NOW),))
    with_events = extend_source([], api_key="sk_x", session=events)
    assert [*with_all.resources] == [*with_all.selected_resources]
    assert {*with_all.resources} == {*TABLES, "typed_tables"} - {"webhook_events"}
    assert {*with_events.resources} - {*source.resources} == {"webhook_events"}
    assert source.max_table_nesting == 0


def test_groups_choose_tables_and_every_table_can_be_selected_all_the_same() -> None:
    source = extend_source(api_key="sk_x", objects=["processors"])

    chosen = {"processors", "processor_versions", "run_configs", "files", "tombstones", "sync_log", "credit_usage"}
    assert chosen <= source.selected_resources.keys()
    assert source.selected_resources.keys().isdisjoint(
        {"processor_runs", "typed_tables", "workflow_runs", "parse_runs"}
    )
    assert "workflow_runs" in source.with_resources("workflow_runs").selected_resources


def test_groups_that_do_not_exist_are_refused_with_those_that_do() -> None:
    with pytest.raises(ConfigurationValueError, match=f"objects takes {', '.join(GROUPS)}; not 'batches'"):
        extend_source(api_key="sk_x", objects=["runs", "batches"])
    with pytest.raises(ConfigurationValueError, match="objects takes at least one of runs, workflows"):
        extend_source(api_key="sk_x", objects=[])


def test_without_a_choice_runs_workflows_processors_and_parsing_are_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOURCES__EXTEND__OBJECTS")

    assert {"processor_runs", "workflow_runs", "processors", "parse_runs"} <= extend_source(
        api_key="sk_x"
    ).selected_resources.keys()


@pytest.mark.parametrize(
    ("parse_output", "tables"),
    [
        ("none", []),
        ("chunks", ["parse_runs", "parse_pages", "parse_chunks"]),
        ("blocks", ["parse_runs", "parse_pages", "parse_chunks", "parse_blocks", "parse_lines"]),
        ("words", ["parse_runs", "parse_pages", "parse_chunks", "parse_blocks", "parse_lines", "parse_words"]),
    ],
)
def test_the_tables_of_parse_runs_are_chosen_by_a_setting(parse_output: Any, tables: list[str]) -> None:
    source = extend_source(api_key="sk_x", parse_output=parse_output)

    named = [name for name in source.resources if name.startswith("parse_") and name != "parse_run_summaries"]
    assert named == tables


def test_an_unknown_part_of_parse_runs_is_refused_in_one_line() -> None:
    with pytest.raises(ConfigurationValueError) as refusal:
        extend_source(api_key="sk_x", parse_output="pages")

    assert str(refusal.value) == "parse_output takes none, chunks, blocks, words; not 'pages'."


def test_a_table_merges_in_the_scope_of_its_owner_without_its_markers() -> None:
    pages = extend_source(api_key="sk_x").resources["file_pages"].compute_table_schema()

    assert pages["x-merge-destination-scope"] == "file_id IN (SELECT file_id FROM {staging_table})"
    assert pages["x-merge-source-filter"] == "position >= 0"
    assert pages["columns"]["extra"]["data_type"] == "json"
    assert pages["columns"]["markdown"]["description"] == "The page as Markdown."
    assert [name for name, column in pages["columns"].items() if column.get("primary_key")] == ["file_id", "position"]


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ({"statuses": "FAILED"}, 'statuses takes a list, for example ["..."], not one text.'),
        ({"processor_types": ["extract"]}, "processor_types takes EXTRACT, CLASSIFY, SPLITTER; not 'extract'."),
        ({"max_concurrency": 0}, "max_concurrency takes a whole number from 1 up."),
        ({"requests_per_second": float("inf")}, "requests_per_second takes a number from 0 (no limit) up."),
        ({"start_date": 5}, "start_date takes an ISO date or time such as 2026-01-31."),
        ({"file_contents": "yes"}, "file_contents takes embedded, fetch, none; not 'yes'."),
    ],
)
def test_a_wrong_setting_is_refused_with_one_line(arguments: dict[str, Any], line: str) -> None:
    with pytest.raises(ConfigurationValueError) as caught:
        extend_source(api_key="sk_x", **arguments)

    assert str(caught.value) == line


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        ("2026-01-31", datetime(2026, 1, 31, tzinfo=timezone.utc)),
        ("2026-01-31T08:00:00Z", datetime(2026, 1, 31, 8, tzinfo=timezone.utc)),
        ("2026-01-31T08:00:00+02:00", datetime(2026, 1, 31, 6, tzinfo=timezone.utc)),
        (date(2026, 1, 31), datetime(2026, 1, 31, tzinfo=timezone.utc)),
        (datetime(2026, 1, 31, 8), datetime(2026, 1, 31, 8, tzinfo=timezone.utc)),
    ],
)
def test_start_dates_are_read_as_utc_unless_they_name_a_zone(value: Any, moment: datetime) -> None:
    assert parse_start_date(value) == moment


def test_a_lone_text_is_no_list_of_run_ids(server: SandboxServer) -> None:
    with pytest.raises(Exception, match=r"run_ids is one text, 'dpr_1'. Give a list of ids"):
        extracted(run_ids="dpr_1", api_key=server.api_key, base_url=server.base_url)
    with pytest.raises(Exception, match=r"run_ids is one text. Give a list of ids"):
        extracted(run_ids="sk_1", api_key=server.api_key, base_url=server.base_url)


@pytest.mark.slow
def test_dlts_expected_warning_about_json_columns_is_kept_out_of_the_log(
    server: SandboxServer, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    pipeline = dlt.pipeline("p", destination=dlt.destinations.duckdb(str(tmp_path / "x.duckdb")))

    pipeline.run(extend_source(api_key=server.api_key, base_url=server.base_url))

    assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == []
