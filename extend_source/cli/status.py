"""What ``status`` does."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta

import typer

import extend_source
from extend_source.cli.console import consoles, print_json
from extend_source.cli.display.results import show_status
from extend_source.cli.errors import clear_errors, code_of_health
from extend_source.cli.existence import viewed_pipeline
from extend_source.cli.exit_codes import DONE
from extend_source.cli.options import Place

_HEALTH = ("state", "since", "reason", "code", "synced_at")


def show(place: Place, age: timedelta | None, *, as_json: bool) -> None:
    """Print how a pipeline is; with an age, the exit code says whether its last good sync is older."""
    console, _ = consoles(as_json)
    with clear_errors(), viewed_pipeline(place) as pipeline:
        result = extend_source.status(pipeline, max_age=age)
    if as_json:
        facts = asdict(result)
        facts = {name: facts["health"][name] for name in _HEALTH} | {"failure": facts["failure"]} | facts
        del facts["health"]
        print_json({**facts, "has_run": result.has_run})
    else:
        show_status(console, result)
    raise typer.Exit(DONE if age is None else code_of_health(result.health))
