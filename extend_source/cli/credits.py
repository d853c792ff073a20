"""What ``report credits`` and ``models`` do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from decimal import Decimal

import typer
from rich.console import Console

from extend_source.cli.console import consoles, print_json
from extend_source.cli.csv_output import print_csv
from extend_source.cli.display.credits import PARSING_LEFT_OUT, show_credits, show_listed_credits, show_models
from extend_source.cli.errors import clear_errors
from extend_source.cli.existence import existing_pipeline, viewed_pipeline
from extend_source.cli.exit_codes import FAILED, fail
from extend_source.cli.options import Api, Days, Output, Place
from extend_source.error_codes import ErrorCode
from extend_source.reports.credits import credit_report
from extend_source.reports.figures import CreditFigures
from extend_source.reports.grouping import By, Spend, spend_by
from extend_source.reports.listed_credits import listed_credits
from extend_source.reports.models import create_models
from extend_source.reports.products import ProductCredits, spend_by_product
from extend_source.text.wording import figure, printable


def report(
    place: Place,
    days: Days,
    by: By | None,
    output: Output,
    *,
    budget: Decimal | None,
    most: Decimal | None,
    as_json: bool,
) -> None:
    """Print and write what has been spent.

    Args:
        place: the pipeline.
        days: the first and the last day, as arguments of the report.
        by: what makes a group; None: the product.
        output: how to show it.
        budget: credits a month; None: that of the settings.
        most: fail where the month heads for more; None: never.
        as_json: print it for machines.
    """
    console, _ = consoles(as_json or output.as_csv)
    with clear_errors(), viewed_pipeline(place) as pipeline:
        figures = credit_report(pipeline, **days, budget=budget)
        if by is None:
            _show(console, figures, output, as_json, spend_by_product(figures.products))
        else:
            _show(console, figures, output, as_json, spend_by(figures.days, by))
        _write_files(figures, output)
    if most is not None:
        _fail_over(figures.month.projected, most)


def _show(
    console: Console,
    figures: CreditFigures,
    output: Output,
    as_json: bool,
    rows: list[Spend] | list[ProductCredits],
) -> None:
    if as_json:
        print_json({**asdict(figures), "by": output.by, "groups": [asdict(row) for row in rows]})
    elif output.as_csv:
        _print_csv(ProductCredits if output.by == "product" else Spend, rows)
    else:
        show_credits(console, figures, output.by, rows)


def _fail_over(projected: Decimal | None, most: Decimal) -> None:
    if projected is None:
        line = f"Where the month is heading is unknown: it may or may not be above {figure(most)} credits."
        typer.echo(line, err=True)
    elif projected > most:
        fail(
            FAILED,
            ErrorCode.OVER_BUDGET,
            f"The month is heading for {figure(projected)} credits, above {figure(most)}.",
        )


def models(place: Place, *, as_json: bool) -> None:
    """Make the views of the models."""
    console, _ = consoles(as_json)
    with clear_errors():
        result = create_models(existing_pipeline(place))
    if as_json:
        print_json(asdict(result))
    else:
        show_models(console, result)


def report_listing(days: Days, by: By, api: Api, *, as_json: bool, as_csv: bool) -> None:
    """Print what the listing says was spent."""
    console, _ = consoles(as_json or as_csv)
    with clear_errors():
        listed = listed_credits(**days, **api.arguments())
    rows = spend_by(listed.days, by, includes_parsing=listed.includes_parsing)
    if as_json:
        print_json({**asdict(listed), "by": by, "groups": [asdict(row) for row in rows]})
    elif as_csv:
        typer.echo(PARSING_LEFT_OUT, err=True)
        _print_csv(Spend, rows)
    else:
        show_listed_credits(console, listed, by, rows)


def _write_files(figures: CreditFigures, output: Output) -> None:
    if output.html is None and output.png is None:
        return
    from extend_source.reports.page import write_page, write_pictures  # needs the extra `report`

    written = []
    if output.html is not None:
        write_page(figures, output.html, output.title)
        written.append(output.html)
    if output.png is not None:
        written += write_pictures(figures, output.png)
    for path in written:
        typer.echo(f"Written: {printable(str(path))}", err=True)


def _print_csv(kind: type[Spend | ProductCredits], rows: Sequence[Spend | ProductCredits]) -> None:
    print_csv(kind.__dataclass_fields__, (vars(row).values() for row in rows))
