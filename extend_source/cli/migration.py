"""What ``migrate`` does."""

from __future__ import annotations

from dataclasses import asdict

import typer

from extend_source.cli.console import consoles, print_json, stoppable
from extend_source.cli.display.migration import show_migration
from extend_source.cli.display.progress import DltStep, shown_progress
from extend_source.cli.errors import clear_errors
from extend_source.cli.existence import existing_pipeline
from extend_source.cli.exit_codes import DONE, SOME_FAILED, STOPPED
from extend_source.cli.options import Api, Choices, Place
from extend_source.ingest.progress import SyncProgress
from extend_source.ingest.resolution import resolved_settings
from extend_source.migration.migrate import migrate as run_migrate

_CODES = {"stopped": STOPPED, "incomplete": SOME_FAILED}


def migrate(
    place: Place,
    choices: Choices,
    api: Api,
    *,
    yes: bool,
    load_unknown_erasures: bool,
    leave_missing: bool,
    as_json: bool,
) -> None:
    """Migrate a dataset, or with `yes` False say what would be done."""
    console, errors = consoles(as_json)
    arguments = choices.arguments() | api.arguments()
    progress, step = SyncProgress(), DltStep()
    with clear_errors():
        budget = resolved_settings(**arguments).requests_per_second
        pipeline = existing_pipeline(place, step)
        with stoppable(progress), shown_progress(errors, progress, budget, step):
            result = run_migrate(
                pipeline,
                dry_run=not yes,
                load_unknown_erasures=load_unknown_erasures,
                leave_missing=leave_missing,
                progress=progress,
                **arguments,
            )
    if as_json:
        print_json(asdict(result))
    else:
        show_migration(console, result)
    raise typer.Exit(_CODES.get(result.state, DONE))
