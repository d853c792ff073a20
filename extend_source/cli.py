"""The shell: ``extend-source`` and ``python -m extend_source``."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from typing import Annotated, Any, NoReturn

import dlt
import typer
from dlt.common.configuration.exceptions import ConfigFieldMissingException, ConfigurationException
from dlt.common.configuration.resolve import resolve_configuration
from dlt.common.destination.exceptions import UnknownDestinationModule
from dlt.common.exceptions import MissingDependencyException
from rich.console import Console

from extend_source import __version__
from extend_source.api import AccessRefused, ExtendError, InvalidRequest, InvalidSetting, UnsupportedApiVersion
from extend_source.checking import check as check_settings
from extend_source.config import SECTION, ExtendSettings
from extend_source.demo import run_demo, show_demo, stand_in
from extend_source.display import show_check, show_result, shown_progress
from extend_source.progress import SyncProgress
from extend_source.redaction import redact
from extend_source.runner import sync as run_sync

DEFAULT_PIPELINE = "extend_pipeline"
"""Not ``extend``: the DuckDB file is called after the pipeline and must not have the name of the dataset."""

DONE, FAILED, WRONG_USE, SOME_FAILED, REFUSED, STOPPED = 0, 1, 2, 3, 4, 5

app = typer.Typer(
    help="Load Extend (extend.ai) processor runs into DuckDB or any dlt destination.",
    epilog="Exit codes: 0 done, 1 failed, 2 wrong use, 3 done but some runs are in fetch_errors, 4 refused, "
    "5 stopped, more to do. The key comes from SOURCES__EXTEND__API_KEY or .dlt/secrets.toml.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)

Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON, for machines.")]
BaseUrl = Annotated[str | None, typer.Option(help="The deployment's address; by default the setting base_url.")]
WorkspaceId = Annotated[str | None, typer.Option(help="The workspace; needed with an organisation-wide key.")]
ApiVersion = Annotated[str | None, typer.Option(help="The API version to ask for.")]


def main() -> None:
    """Run the shell."""
    app()


@app.callback(invoke_without_command=True)
def _root(
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    if version:
        typer.echo(f"dlt-source-extend {__version__}")
        raise typer.Exit()


@app.command(epilog="Example: extend-source demo")
def demo(
    database: Annotated[Path, typer.Option(help="The DuckDB file to write; the default one is replaced.")] = Path(
        "extend_demo.duckdb"
    ),
    runs: Annotated[int, typer.Option(min=1, max=100_000, help="Runs that the stand-in API has.")] = 500,
    seed: Annotated[int, typer.Option(help="What the sample data grow from.")] = 7,
    as_json: Json = False,
) -> None:
    """Load sample runs from a stand-in API into DuckDB. Needs no key and no network."""
    console, errors = _consoles(as_json)
    _require_sandbox()
    if database.exists() and database != Path("extend_demo.duckdb"):
        _fail(WRONG_USE, f"{database} exists. Name another file with --database, or delete it.")
    progress = SyncProgress()
    with _clear_errors():
        console.print(f"Stand-in API with {runs:,} runs, seed {seed}, on a free loopback port.", highlight=False)
        with stand_in(seed, runs) as (base_url, api_key), _stoppable(progress), shown_progress(errors, progress, 0):
            result = run_demo(database, base_url, api_key, progress)
    if as_json:
        _print_json({"database": str(database), **asdict(result)})
        return
    show_demo(console, database, result)


@app.command(epilog="Example: extend-source check --base-url https://api.eu1.extend.ai")
def check(
    base_url: BaseUrl = None, workspace_id: WorkspaceId = None, api_version: ApiVersion = None, as_json: Json = False
) -> None:
    """Say whether key, region, version and workspace are right, and which of them is wrong."""
    console, _ = _consoles(as_json)
    with _clear_errors():
        result = check_settings(_settings(base_url=base_url, workspace_id=workspace_id, api_version=api_version))
    if as_json:
        _print_json({"ok": result.ok, "findings": [asdict(finding) for finding in result.findings]})
    else:
        show_check(console, result)
    if result.error is not None:
        raise typer.Exit(_exit_code(result.error))


@app.command(epilog="Example: extend-source sync --start-date 2026-01-01 --status PROCESSED")
def sync(
    run_id: Annotated[list[str] | None, typer.Option(help="Load this run only; can be repeated.")] = None,
    pipeline_name: Annotated[str, typer.Option("--pipeline", help="The dlt pipeline.")] = DEFAULT_PIPELINE,
    destination: Annotated[str, typer.Option(help="Any dlt destination.")] = "duckdb",
    dataset: Annotated[str, typer.Option(help="The dataset (schema) to load into.")] = "extend",
    start_date: Annotated[str | None, typer.Option(help="Only runs updated since: 2026-01-31.")] = None,
    processor_id: Annotated[list[str] | None, typer.Option(help="Only this processor; can be repeated.")] = None,
    processor_type: Annotated[list[str] | None, typer.Option(help="EXTRACT, CLASSIFY or SPLITTER.")] = None,
    status: Annotated[list[str] | None, typer.Option(help="PROCESSED, FAILED, ...; can be repeated.")] = None,
    refresh: Annotated[bool, typer.Option("--refresh", help="Fetch again what has landed.")] = False,
    file_contents: Annotated[str | None, typer.Option(help="embedded, fetch or none.")] = None,
    requests_per_second: Annotated[float | None, typer.Option(help="The request budget; 0: no limit.")] = None,
    base_url: BaseUrl = None,
    workspace_id: WorkspaceId = None,
    as_json: Json = False,
) -> None:
    """Load the runs that are new or have changed, or the ones named."""
    console, errors = _consoles(as_json)
    chosen = {
        "start_date": start_date,
        "processor_ids": processor_id,
        "processor_types": processor_type,
        "statuses": status,
        "refresh": refresh or None,
        "file_contents": file_contents,
        "requests_per_second": requests_per_second,
        "base_url": base_url,
        "workspace_id": workspace_id,
    }
    arguments: dict[str, Any] = {name: value for name, value in chosen.items() if value not in (None, [])}
    progress = SyncProgress()
    with _clear_errors():
        budget = _settings(**arguments).requests_per_second
        pipeline = dlt.pipeline(pipeline_name, destination=destination, dataset_name=dataset)
        with _stoppable(progress), shown_progress(errors, progress, budget):
            result = run_sync(pipeline, progress=progress, run_ids=run_id or None, **arguments)
    if as_json:
        _print_json({**asdict(result), "complete": result.complete})
    else:
        show_result(console, result)
    if result.stopped_by:
        raise typer.Exit(STOPPED)
    if not result.complete:
        raise typer.Exit(SOME_FAILED)


@app.command(epilog="Example: extend-source sandbox --port 8080 --fault 429:0.2 --fault truncated:0.05@run")
def sandbox(
    port: Annotated[int, typer.Option(min=0, max=65_535, help="The port; 0: a free one.")] = 0,
    seed: Annotated[int, typer.Option(help="What the sample data grow from.")] = 7,
    runs: Annotated[int, typer.Option(min=0, max=1_000_000, help="How many runs there are.")] = 500,
    fault: Annotated[list[str] | None, typer.Option(help="What goes wrong, and how often; can be repeated.")] = None,
) -> None:
    """Serve a stand-in for the Extend API on the loopback, for tests of your own pipelines."""
    _require_sandbox()
    from extend_source.sandbox import DEFAULT_API_KEY, parse_fault, serve

    try:
        faults = [parse_fault(text) for text in fault or []]
    except ValueError as error:
        _fail(WRONG_USE, str(error))

    def ready(base_url: str) -> None:
        typer.echo(f"Serving {runs} runs (seed {seed}) at {base_url} - stop with Ctrl-C. In another shell:")
        typer.echo(f"  export SOURCES__EXTEND__BASE_URL={base_url} SOURCES__EXTEND__API_KEY={DEFAULT_API_KEY}")
        typer.echo("  extend-source sync")
        sys.stdout.flush()

    try:
        serve(port=port, seed=seed, runs=runs, faults=faults, on_ready=ready)
    except OSError as error:
        _fail(FAILED, f"Port {port} cannot be used: {error.strerror}. Choose another one with --port.")
    except KeyboardInterrupt:
        raise typer.Exit(DONE) from None


def _settings(**arguments: Any) -> ExtendSettings:
    """Resolve the settings as the source will."""
    given = {name: value for name, value in arguments.items() if value is not None}
    return resolve_configuration(ExtendSettings(), sections=("sources", SECTION), explicit_value=given)


@contextmanager
def _clear_errors() -> Iterator[None]:
    """Turn what went wrong into one line on stderr and an exit code."""
    try:
        yield
    except (typer.Exit, SystemExit):
        raise
    except KeyboardInterrupt:
        _fail(FAILED, "Ended at once. Run the sync again: what has landed is not fetched twice.")
    except Exception as error:
        _fail(*_explain(error))


def _explain(error: BaseException) -> tuple[int, str]:
    """Say what went wrong, as an exit code and one line that says what to do."""
    while error.__cause__ is not None and not isinstance(error, ExtendError | ConfigurationException):
        error = error.__cause__
    text = _one_line(error)
    if isinstance(error, ExtendError):
        return _exit_code(error), str(error)
    if isinstance(error, ConfigFieldMissingException):
        fields = ", ".join(error.fields)
        if "api_key" in error.fields:
            where = "SOURCES__EXTEND__API_KEY, or api_key under [sources.extend] in .dlt/secrets.toml"
            return REFUSED, f"No api_key. Set {where} (see .dlt/example.secrets.toml)."
        return (
            WRONG_USE,
            f"The destination needs {fields}. Set them in .dlt/secrets.toml; dlt's documentation says how.",
        )
    if isinstance(error, UnknownDestinationModule):
        return WRONG_USE, f"There is no destination {error.ref!r}. Try duckdb, postgres, snowflake or bigquery."
    if isinstance(error, MissingDependencyException):
        needed = " ".join(error.dependencies)
        return WRONG_USE, f"A package is missing. Run: pip install {needed}"
    if isinstance(error, ConfigurationException):
        return WRONG_USE, text
    if "Could not set lock on file" in text:
        return FAILED, "Another process has the DuckDB file open. Close it, then run the sync again."
    return FAILED, text


@contextmanager
def _stoppable(progress: SyncProgress) -> Iterator[None]:
    """Let the first Ctrl-C or SIGTERM end a sync with what it has; the second one ends it at once."""

    def stop(number: int, frame: FrameType | None) -> None:
        if progress.stop_requested:
            signal.default_int_handler(signal.SIGINT, frame)
        progress.stop_requested = True

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _exit_code(error: ExtendError) -> int:
    if isinstance(error, AccessRefused):
        return REFUSED
    wrong_use = isinstance(error, InvalidRequest | InvalidSetting | UnsupportedApiVersion)
    return WRONG_USE if wrong_use else FAILED


def _one_line(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return redact(text or type(error).__name__)


def _fail(code: int, line: str) -> NoReturn:
    typer.echo(f"extend-source: {line}", err=True)
    raise typer.Exit(code)


def _require_sandbox() -> None:
    if find_spec("starlette") is None or find_spec("uvicorn") is None:
        _fail(WRONG_USE, 'The stand-in API needs an extra. In a checkout: pip install ".[sandbox]"')


def _consoles(as_json: bool) -> tuple[Console, Console]:
    """The consoles for results and for progress; with --json stdout is left to the JSON."""
    return Console(stderr=as_json, highlight=False), Console(stderr=True, highlight=False)


def _print_json(value: dict[str, Any]) -> None:
    encode: Callable[[Any], str] = str
    typer.echo(json.dumps(value, default=encode, indent=2))
