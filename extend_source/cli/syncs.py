"""What ``sync`` and ``reconcile`` do."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import asdict
from functools import partial
from pathlib import Path

import dlt
import typer
from rich.console import Console

import extend_source
from extend_source.cli.console import consoles, print_json, stoppable
from extend_source.cli.display.progress import DltStep, shown_progress
from extend_source.cli.display.results import show_forecast, show_result
from extend_source.cli.display.terminal import show_lines
from extend_source.cli.errors import clear_errors, code_of_result
from extend_source.cli.options import Api, Choices, NamedRuns, Place
from extend_source.cli.pipelines import ids_of, pipeline_at
from extend_source.ingest.progress import SyncProgress
from extend_source.ingest.resolution import resolved_settings
from extend_source.pipeline.held_database import database_file


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
