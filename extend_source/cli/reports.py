"""What ``report quality``, ``views`` and ``dbt`` do."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import typer

from extend_source.cli.console import consoles, print_json
from extend_source.cli.csv_output import print_csv
from extend_source.cli.display.reports import show_current_views, show_quality
from extend_source.cli.errors import clear_errors
from extend_source.cli.existence import existing_pipeline, viewed_pipeline
from extend_source.cli.options import Place
from extend_source.reports.current import create_current_views
from extend_source.reports.dbt import dbt_sources
from extend_source.reports.quality import QualityReport, quality_report
from extend_source.reports.queries import QueryResult


def quality(place: Place, names: list[str] | None, *, as_json: bool, as_csv: bool) -> None:
    """Print the results of queries; None: of all."""
    console, _ = consoles(as_json or as_csv)
    with clear_errors(), viewed_pipeline(place) as pipeline:
        result = quality_report(pipeline, names)
    if as_json:
        print_json(_for_machines(result))
    elif as_csv:
        _print_csv(result)
    else:
        show_quality(console, result)


def views(place: Place, *, as_json: bool) -> None:
    """Make the views."""
    console, _ = consoles(as_json)
    with clear_errors():
        result = create_current_views(existing_pipeline(place))
    if as_json:
        print_json(asdict(result))
    else:
        show_current_views(console, result)


def dbt(place: Place | None) -> None:
    """Print the source for dbt: of a pipeline, or of none."""
    with clear_errors():
        if place is None:
            text = dbt_sources()
        else:
            with viewed_pipeline(place) as pipeline:
                text = dbt_sources(pipeline)
    typer.echo(text, nl=False)


def _for_machines(result: QualityReport) -> dict[str, Any]:
    """The report with each row as an object."""
    queries = [
        {**asdict(query), "rows": [dict(zip(query.columns, row, strict=True)) for row in query.rows]}
        for query in result.queries
    ]
    return {**asdict(result), "queries": queries}


def _print_csv(result: QualityReport) -> None:
    """Print one query as plain CSV, several with the name before and an empty line between them."""
    for number, query in enumerate(result.queries):
        if len(result.queries) > 1:
            typer.echo(f"{chr(10) if number else ''}# {query.name}")
        _write_csv(query)


def _write_csv(query: QueryResult) -> None:
    if query.message is not None:
        typer.echo(f"{query.title}: {query.message}", err=True)
    print_csv(query.columns, query.rows)
