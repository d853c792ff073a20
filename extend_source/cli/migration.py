"""The command ``migrate``."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from extend_source.cli.app import app, consoles, print_json, stoppable
from extend_source.cli.display.migration import show_migration
from extend_source.cli.display.progress import DltStep, shown_progress
from extend_source.cli.errors import DONE, SOME_FAILED, STOPPED, clear_errors
from extend_source.cli.options import Api, Choices, Json, Place, grouped
from extend_source.ingest.progress import SyncProgress
from extend_source.ingest.resolution import resolved_settings
from extend_source.migration.migrate import migrate as run_migrate

_CODES = {"stopped": STOPPED, "incomplete": SOME_FAILED}


@app.command(epilog="Example: extend-source migrate --yes")
@grouped
def migrate(
    place: Place,
    choices: Choices,
    api: Api,
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without this, only say what would be done.")] = False,
    load_unknown_erasures: Annotated[
        bool, typer.Option("--load-unknown-erasures", help="Go on although erased runs or files come back.")
    ] = False,
    leave_missing: Annotated[
        bool, typer.Option("--leave-missing", help="Switch although runs could not be loaded under their new ids.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Take a dataset from API 2025-04-21 to 2026-02-09, under the same name; the old rows stay in a backup."""
    console, errors = consoles(as_json)
    arguments = choices.arguments() | api.arguments()
    progress, step = SyncProgress(), DltStep()
    with clear_errors():
        budget = resolved_settings(**arguments).requests_per_second
        pipeline = place.existing_pipeline(step)
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
