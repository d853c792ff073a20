"""What the commands on a pipeline do: plan, sync, reconcile, rebuild and erase."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Collection
from contextlib import nullcontext
from dataclasses import asdict
from functools import partial
from pathlib import Path

import dlt
import typer
from rich.console import Console

import extend_source
from extend_source.cli.console import consoles, print_json, stoppable
from extend_source.cli.display.erasure import show_erasure
from extend_source.cli.display.progress import DltStep, shown_progress
from extend_source.cli.display.results import (
    show_forecast,
    show_plan,
    show_rebuild,
    show_result,
)
from extend_source.cli.display.terminal import show_lines
from extend_source.cli.errors import clear_errors, code_of_rebuild, code_of_result
from extend_source.cli.exit_codes import DONE, STOPPED, warn
from extend_source.cli.options import Api, Choices, NamedRuns, Place
from extend_source.cli.pipelines import existing_pipeline, ids_of, is_new, known_pipelines, pipeline_at, viewed_pipeline
from extend_source.error_codes import ErrorCode
from extend_source.ingest.progress import SyncProgress
from extend_source.ingest.resolution import resolved_settings
from extend_source.pipeline.held_database import database_file


def plan(place: Place, named: NamedRuns, choices: Choices, api: Api, *, reconcile: bool, as_json: bool) -> None:
    """Print what a sync would do; with `reconcile`, a reconcile."""
    console, errors = consoles(as_json)
    arguments = choices.arguments() | api.arguments()
    progress = SyncProgress()
    with clear_errors():
        budget = resolved_settings(**arguments).requests_per_second
        with viewed_pipeline(place, may_be_new=True) as pipeline:
            _warn_if_new(place)
            ids = ids_of(named, pipeline)
            with stoppable(progress), shown_progress(errors, progress, budget):
                result = extend_source.plan(pipeline, run_ids=ids, reconcile=reconcile, progress=progress, **arguments)
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
    others = known_pipelines() if is_new(place) else []
    if others:
        names = ", ".join(others)
        line = f"Pipeline {place.pipeline_name} is new here; those that have loaded: {names}."
        warn(ErrorCode.NEW_PIPELINE, line)


def _say_if_elsewhere(pipeline: dlt.Pipeline, errors: Console) -> None:
    """Say so where rows go to a file of another folder: that where dlt met a pipeline of this name first."""
    try:
        first = Path(pipeline.get_local_state_val("initial_cwd")).resolve()
    except KeyError:
        return
    if first == Path.cwd().resolve():
        return
    file = database_file(pipeline)
    if file is not None and file.parent.resolve() == first:
        show_lines(
            errors,
            f"Pipeline {pipeline.pipeline_name} loads into {file}, as it was first used there. "
            "For a file in this folder choose another name with --pipeline.",
        )


def sync(place: Place, named: NamedRuns, choices: Choices, api: Api, *, reconcile: bool, as_json: bool) -> None:
    """Load, and print what was done; with `reconcile`, compare the whole listing."""
    console, errors = consoles(as_json)
    arguments = choices.arguments() | api.arguments()
    progress, step = SyncProgress(), DltStep()
    with clear_errors():
        settings = resolved_settings(**arguments)
        budget, is_shown = settings.requests_per_second, settings.log_format is None
        if is_shown:
            progress.on_forecast = partial(show_forecast, errors, budget=budget)
        pipeline = pipeline_at(place, step)
        if is_shown:
            _say_if_elsewhere(pipeline, errors)
        ids = ids_of(named, pipeline)
        shown = shown_progress(errors, progress, budget, step) if is_shown else nullcontext()
        with stoppable(progress), shown:
            result = extend_source.sync(pipeline, run_ids=ids, reconcile=reconcile, progress=progress, **arguments)
    if as_json:
        print_json({**asdict(result), "complete": result.complete})
    else:
        show_result(console, result)
    raise typer.Exit(code_of_result(result))


def rebuild(place: Place, *, objects: list[str] | None, as_json: bool) -> None:
    """Rebuild what the settings name, or some groups of objects, and print what was done."""
    console, errors = consoles(as_json)
    progress, step = SyncProgress(), DltStep()
    with clear_errors(), stoppable(progress), shown_progress(errors, progress, 0, step):
        result = extend_source.rebuild(existing_pipeline(place, step), progress=progress, objects=objects)
    if as_json:
        print_json({**asdict(result), "complete": result.complete})
    else:
        show_rebuild(console, result)
    raise typer.Exit(code_of_rebuild(result))


def erase(place: Place, *, run_ids: Collection[str], file_ids: Collection[str], compact: bool, as_json: bool) -> None:
    """Erase, and print what was deleted."""
    console, _ = consoles(as_json)
    with clear_errors():
        result = extend_source.erase(existing_pipeline(place), run_ids=run_ids, file_ids=file_ids, compact=compact)
    if as_json:
        print_json(asdict(result))
    else:
        show_erasure(console, result)
