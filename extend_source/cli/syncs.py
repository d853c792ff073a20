"""The commands on a pipeline: plan, sync, reconcile, status, rebuild and erase."""

from __future__ import annotations

import shlex
import sys
from dataclasses import asdict
from functools import partial
from typing import Annotated

import typer

from extend_source.cli.app import app, consoles, print_json, stoppable
from extend_source.cli.display.progress import DltStep, shown_progress
from extend_source.cli.display.results import (
    show_erasure,
    show_forecast,
    show_plan,
    show_rebuild,
    show_result,
    show_status,
)
from extend_source.cli.errors import DONE, STOPPED, clear_errors, code_of_health, code_of_rebuild, code_of_result, warn
from extend_source.cli.options import Api, Choices, Json, NamedRuns, Place, grouped, parse_age
from extend_source.error_codes import ErrorCode
from extend_source.ingest.progress import SyncProgress
from extend_source.ingest.resolution import resolved_settings
from extend_source.operations.erase import erase as run_erase
from extend_source.operations.plan import plan as make_plan
from extend_source.operations.rebuild import rebuild as run_rebuild
from extend_source.operations.status import status as read_status
from extend_source.operations.sync import sync as run_sync

_HEALTH = ("state", "since", "reason", "code", "synced_at")


@app.command(epilog="Example: extend-source plan --start-date 2026-01-01 --status PROCESSED")
@grouped
def plan(
    place: Place,
    named: NamedRuns,
    choices: Choices,
    api: Api,
    reconcile: Annotated[bool, typer.Option("--reconcile", help="Plan a reconcile instead of a sync.")] = False,
    as_json: Json = False,
) -> None:
    """Say what a sync would fetch and how long it would take. Only lists; writes nothing."""
    console, errors = consoles(as_json)
    arguments = choices.arguments() | api.arguments()
    progress = SyncProgress()
    with clear_errors():
        budget = resolved_settings(**arguments).requests_per_second
        with place.viewed_pipeline(may_be_new=True) as pipeline:
            _warn_if_new(place)
            ids = named.ids(pipeline)
            with stoppable(progress), shown_progress(errors, progress, budget):
                result = make_plan(pipeline, run_ids=ids, reconcile=reconcile, progress=progress, **arguments)
    if as_json:
        print_json({**asdict(result), "runs": result.runs})
    else:
        show_plan(console, result, _given_options())
    raise typer.Exit(DONE if result.stopped_by is None else STOPPED)


def _given_options() -> str:
    """The options of this command, to be repeated with another one."""
    given = sys.argv[2:] if sys.argv[1:2] == ["plan"] else []
    return "".join(f" {shlex.quote(each)}" for each in given)


def _warn_if_new(place: Place) -> None:
    """Say so where a plan is of a pipeline's first sync although others have loaded: its name may be wrong."""
    others = place.others() if place.is_new() else []
    if others:
        names = ", ".join(others)
        line = f"Pipeline {place.pipeline_name} is new here; those that have loaded: {names}."
        warn(ErrorCode.NEW_PIPELINE, line)


@app.command(epilog="Example: extend-source sync --start-date 2026-01-01 --status PROCESSED")
@grouped
def sync(place: Place, named: NamedRuns, choices: Choices, api: Api, as_json: Json = False) -> None:
    """Load the runs that are new or have changed, or the ones named."""
    _sync(place, named, choices, api, reconcile=False, as_json=as_json)


@app.command(epilog="Example: extend-source reconcile --max-seconds 3600")
@grouped
def reconcile(place: Place, choices: Choices, api: Api, as_json: Json = False) -> None:
    """Compare the whole listing with what has landed, find deleted runs, and recheck reviewed ones."""
    _sync(place, NamedRuns(), choices, api, reconcile=True, as_json=as_json)


def _sync(place: Place, named: NamedRuns, choices: Choices, api: Api, *, reconcile: bool, as_json: bool) -> None:
    console, errors = consoles(as_json)
    arguments = choices.arguments() | api.arguments()
    progress, step = SyncProgress(), DltStep()
    with clear_errors():
        budget = resolved_settings(**arguments).requests_per_second
        progress.on_forecast = partial(show_forecast, errors, budget=budget)
        pipeline = place.pipeline(step)
        ids = named.ids(pipeline)
        with stoppable(progress), shown_progress(errors, progress, budget, step):
            result = run_sync(pipeline, run_ids=ids, reconcile=reconcile, progress=progress, **arguments)
    if as_json:
        print_json({**asdict(result), "complete": result.complete})
    else:
        show_result(console, result)
    raise typer.Exit(code_of_result(result))


@app.command(epilog="Example: extend-source status --max-age 2h")
@grouped
def status(
    place: Place,
    max_age: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="How old the last good sync may be: 30m, 2h, 1d. Exit 1: failing, 5: late."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Say how a pipeline is, and where it stands: watermark, last loads, errors. Needs no key and sends nothing."""
    console, _ = consoles(as_json)
    age = None if max_age is None else parse_age("--max-age", max_age)
    with clear_errors(), place.viewed_pipeline() as pipeline:
        result = read_status(pipeline, max_age=age)
    if as_json:
        facts = asdict(result)
        facts = {name: facts["health"][name] for name in _HEALTH} | {"failure": facts["failure"]} | facts
        del facts["health"]
        print_json({**facts, "has_run": result.has_run})
    else:
        show_status(console, result)
    raise typer.Exit(DONE if age is None else code_of_health(result.health))


@app.command(epilog="Example: extend-source rebuild")
@grouped
def rebuild(place: Place, as_json: Json = False) -> None:
    """Write all tables anew from the payloads kept with keep_raw. Needs no key and sends nothing."""
    console, errors = consoles(as_json)
    progress, step = SyncProgress(), DltStep()
    with clear_errors(), stoppable(progress), shown_progress(errors, progress, 0, step):
        result = run_rebuild(place.existing_pipeline(step), progress=progress)
    if as_json:
        print_json({**asdict(result), "complete": result.complete})
    else:
        show_rebuild(console, result)
    raise typer.Exit(code_of_rebuild(result))


@app.command(
    epilog="Example: extend-source erase --run-id dpr_Xj8mK2pL9nR4vT7qY5wZ --file-id file_xK9mLPqRtN3vS8wF5hB2cQ"
)
@grouped
def erase(
    place: Place,
    run_id: Annotated[list[str] | None, typer.Option("--run-id", metavar="ID", help="A run; repeat for more.")] = None,
    file_id: Annotated[
        list[str] | None, typer.Option("--file-id", metavar="ID", help="A file; repeat for more.")
    ] = None,
    compact: Annotated[
        bool, typer.Option("--compact", help="Then write the DuckDB file anew, without the bytes of deleted rows.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Delete every row of runs and files from every table, for good. Needs no key and sends nothing."""
    console, _ = consoles(as_json)
    with clear_errors():
        result = run_erase(place.existing_pipeline(), run_ids=run_id or (), file_ids=file_id or (), compact=compact)
    if as_json:
        print_json(asdict(result))
    else:
        show_erasure(console, result)
