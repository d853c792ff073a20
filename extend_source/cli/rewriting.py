"""What ``rebuild`` and ``erase`` do: they change what has landed, without a request."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict

import typer

import extend_source
from extend_source.cli.console import consoles, print_json, stoppable
from extend_source.cli.display.erasure import show_erasure
from extend_source.cli.display.progress import DltStep, shown_progress
from extend_source.cli.display.results import show_rebuild
from extend_source.cli.errors import clear_errors, code_of_rebuild
from extend_source.cli.existence import existing_pipeline
from extend_source.cli.options import Place
from extend_source.ingest.progress import SyncProgress


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
