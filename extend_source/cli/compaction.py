"""What ``compact`` does."""

from __future__ import annotations

from dataclasses import asdict

import extend_source
from extend_source.cli.console import consoles, print_json
from extend_source.cli.display.compaction import show_compacted_table, show_compaction
from extend_source.cli.errors import clear_errors
from extend_source.cli.existence import existing_pipeline
from extend_source.cli.options import Place


def compact(place: Place, *, as_json: bool) -> None:
    """Compact a dataset, and print what was written anew."""
    console, progress = consoles(as_json)
    with clear_errors():
        pipeline = existing_pipeline(place)
        result = extend_source.compact(pipeline, on_table=lambda table: show_compacted_table(progress, table))
    if as_json:
        print_json(asdict(result))
    else:
        show_compaction(console, result)
