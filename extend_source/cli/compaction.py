"""The command ``compact``."""

from __future__ import annotations

from dataclasses import asdict

from extend_source.cli.app import app, consoles, print_json
from extend_source.cli.display.results import show_compacted_table, show_compaction
from extend_source.cli.errors import clear_errors
from extend_source.cli.options import Json, Place, grouped
from extend_source.operations.compact import compact as run_compact


@app.command(epilog="Example: extend-source compact --destination filesystem")
@grouped
def compact(place: Place, as_json: Json = False) -> None:
    """Write the many small files of a lake anew as few, or a DuckDB file without free space. Needs no key."""
    console, progress = consoles(as_json)
    with clear_errors():
        result = run_compact(place.existing_pipeline(), on_table=lambda table: show_compacted_table(progress, table))
    if as_json:
        print_json(asdict(result))
    else:
        show_compaction(console, result)
