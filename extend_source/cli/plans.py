"""What ``plan`` does."""

from __future__ import annotations

import shlex
import sys
from dataclasses import asdict

import typer

import extend_source
from extend_source.cli.console import consoles, print_json, stoppable
from extend_source.cli.display.progress import shown_progress
from extend_source.cli.display.results import show_plan
from extend_source.cli.errors import clear_errors
from extend_source.cli.existence import viewed_pipeline
from extend_source.cli.exit_codes import DONE, STOPPED, warn
from extend_source.cli.options import Api, Choices, NamedRuns, Place
from extend_source.cli.pipelines import ids_of, is_new, known_pipelines
from extend_source.error_codes import ErrorCode
from extend_source.ingest.progress import SyncProgress
from extend_source.ingest.resolution import resolved_settings


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
