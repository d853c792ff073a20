"""What ``demo``, ``check`` and ``sandbox`` do."""

from __future__ import annotations

import sys
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import typer
from dlt.common.configuration.exceptions import ConfigurationValueError

from extend_source.cli.console import consoles, print_json, stoppable
from extend_source.cli.demo import run_demo, show_demo, stand_in
from extend_source.cli.display.progress import shown_progress
from extend_source.cli.display.results import show_check, show_comparison
from extend_source.cli.errors import clear_errors, code_of_error, code_of_result
from extend_source.cli.exit_codes import DONE, FAILED, WRONG_USE, fail
from extend_source.cli.options import DEMO_DATABASE, Api
from extend_source.config.settings import parse_start_date
from extend_source.error_codes import ErrorCode
from extend_source.ingest.progress import SyncProgress
from extend_source.ingest.resolution import resolved_settings
from extend_source.operations.check import check as check_settings
from extend_source.survey import compare as compare_api
from extend_source.survey import writable_report

_YEARS = range(1971, 3000)


def demo(*, database: Path, runs: int, seed: int, now: str | None, as_json: bool) -> None:
    """Load the sample runs."""
    console, errors = consoles(as_json)
    if database.exists() and database != DEMO_DATABASE:
        fail(WRONG_USE, ErrorCode.FILE_EXISTS, f"{database} exists. Name another file with --database, or delete it.")
    progress, moment = SyncProgress(), _moment(now)
    with clear_errors():
        console.print(f"Stand-in API with {runs:,} runs, seed {seed}, on a free loopback port.", highlight=False)
        with (
            stand_in(seed, runs, moment) as (base_url, api_key),
            stoppable(progress),
            shown_progress(errors, progress, 0),
        ):
            result = run_demo(database, base_url, api_key, progress)
    if as_json:
        print_json({"database": str(database), **asdict(result)})
    else:
        show_demo(console, database, result)
    raise typer.Exit(code_of_result(result.sync))


def check(api: Api, *, compare: Path | None, as_json: bool) -> None:
    """Print what is right and what is wrong; compare the API with what is expected where a file is named."""
    console, errors = consoles(as_json)
    compared = None
    with clear_errors():
        if compare is not None:
            writable_report(compare)
        settings = resolved_settings(**api.arguments())
        result = check_settings(settings)
        if not as_json:
            show_check(console, result)
        if compare is not None and any(each.answer == "yes" for each in result.lists):
            with errors.status("Comparing") as status:
                compared = compare_api(settings, compare, status.update)
    if as_json:
        code = None if result.error is None else result.error.error_code
        facts = {name: [asdict(each) for each in getattr(result, name)] for name in ("findings", "lists")}
        print_json({"ok": result.ok, "code": code, **facts, "compared": compared and asdict(compared)})
    elif compared is not None:
        show_comparison(console, compared)
    if result.error is not None:
        raise typer.Exit(code_of_error(result.error))


def sandbox(*, port: int, seed: int, runs: int, now: str | None, fault: list[str] | None, as_json: bool) -> None:
    """Serve the stand-in until it is stopped."""
    from extend_source.sandbox import DEFAULT_API_KEY, parse_fault, serve

    moment = _moment(now)
    try:
        faults = [parse_fault(text) for text in fault or []]
    except ValueError as error:
        fail(WRONG_USE, ErrorCode.BAD_COMMAND, str(error))

    def ready(base_url: str) -> None:
        if as_json:
            print_json({"base_url": base_url, "api_key": DEFAULT_API_KEY, "runs": runs, "seed": seed}, on_one_line=True)
        else:
            typer.echo(f"Serving {runs} runs (seed {seed}) at {base_url} - stop with Ctrl-C. In another shell:")
            typer.echo(f"  export SOURCES__EXTEND__BASE_URL={base_url} SOURCES__EXTEND__API_KEY={DEFAULT_API_KEY}")
            typer.echo("  extend-source sync")
        sys.stdout.flush()

    try:
        serve(port=port, seed=seed, runs=runs, now=moment, faults=faults, on_ready=ready)
    except OSError as error:
        fail(
            FAILED,
            ErrorCode.PORT_TAKEN,
            f"Port {port} cannot be used: {error.strerror}. Choose another one with --port.",
        )
    except KeyboardInterrupt:
        raise typer.Exit(DONE) from None


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    with suppress(ConfigurationValueError):
        moment = parse_start_date(text)
        if moment.year in _YEARS:
            return moment
    fail(WRONG_USE, ErrorCode.BAD_COMMAND, f"--now takes an ISO date or time such as 2026-01-31T09:00; not {text!r}.")
