"""What the shell prints of a report."""

from __future__ import annotations

import io
from datetime import datetime, timezone
from typing import Any

import pytest
from rich.console import Console

from extend_source.cli.display.reports import column_texts, show_quality
from extend_source.reports.quality import QualityReport
from extend_source.reports.queries import QueryResult

NOW = datetime(2026, 2, 1, 12, 0, tzinfo=timezone.utc)


def result(
    *rows: tuple[Any, ...], message: str | None = None, columns: str = "field cells", **more: Any
) -> QueryResult:
    names = columns.split()
    given = {"notes": (), "shown": tuple(names), **more}
    return QueryResult(
        "accuracy",
        "Accuracy",
        "field",
        given["notes"],
        dict.fromkeys(names, ""),
        given["shown"],
        list(rows),
        message,
        None,
    )


def printed(*results: QueryResult, width: int = 100, **more: Any) -> list[str]:
    output = io.StringIO()
    report = QualityReport("extend", "duckdb", "extend", NOW, list(results))
    show_quality(Console(file=output, width=width, force_terminal=True, color_system=None), report, **more)
    return [line.rstrip() for line in output.getvalue().splitlines()]


def test_a_result_is_a_titled_table_with_its_notes() -> None:
    rows = [("sku", 1200, 0.5), ("a[].b", 3, None)]

    assert printed(result(*rows, columns="field cells_read accuracy", notes=("Reviewed runs only.",))) == [
        "Accuracy (accuracy: a row per field)",
        "       cells",
        "field   read  accuracy",
        "sku    1,200       0.5",
        "a[].b      3         -",
        "Reviewed runs only.",
    ]


def test_results_without_rows_are_a_line_each() -> None:
    empty = result(message="no reviewed runs yet", notes=("not printed",))

    assert printed(empty, empty, result(("a", 1)), empty) == [
        "Accuracy: no reviewed runs yet",
        "Accuracy: no reviewed runs yet",
        "",
        "Accuracy (accuracy: a row per field)",
        "field  cells",
        "a          1",
        "",
        "Accuracy: no reviewed runs yet",
    ]


def test_a_table_more_than_twice_as_long_as_asked_for_is_cut() -> None:
    rows = [(f"f{number}", number) for number in range(7)]

    assert printed(result(*rows[:6]), max_rows=3)[-1] == "f5         5"
    assert printed(result(*rows), max_rows=3)[2:] == [
        "f0         0",
        "f1         1",
        "f2         2",
        "and 4 rows more; --json and --csv give all rows and columns",
    ]


def test_only_some_columns_are_shown() -> None:
    rows = [("dp_1", "dpv_0123456789abc", 1)]

    lines = printed(result(*rows, columns="processor_id version_id runs", shown=("version_id", "runs")))

    assert lines[1:] == ["version id         runs", "dpv_0123456789abc     1"]


def test_a_terminal_folds_texts_and_numbers_stay_whole() -> None:
    rows = [("long " * 12, 0.1234, 123456789)]

    lines = printed(result(*rows, columns="field accuracy cells"), width=40)

    assert lines[1:] == [
        "field              accuracy        cells",
        "long long long       0.1234  123,456,789",
        *["long long long"] * 3,
    ]


@pytest.mark.case("5.5")
def test_what_is_piped_is_as_wide_as_its_texts() -> None:
    rows = [("dpv_" + "x" * 100, "long " * 30 + "end", 0.1234)]
    output = io.StringIO()
    report = QualityReport("extend", "duckdb", "extend", NOW, [result(*rows, columns="version_id field accuracy")])

    show_quality(Console(file=output, width=40), report)

    assert output.getvalue().splitlines()[2] == f"{rows[0][0]}  {rows[0][1]}    0.1234"


def test_values_are_written_for_people_with_equal_digits_in_a_column() -> None:
    assert column_texts([0.5, 1.0, None, 0.1234]) == ["0.5000", "1.0000", "-", "0.1234"]
    assert column_texts([12.0, 3.5]) == ["12.0", "3.5"]
    assert column_texts([1234, None]) == ["1,234", "-"]
    assert column_texts([True, False, NOW]) == ["yes", "no", "2026-02-01 12:00"]


def test_what_looks_like_markup_is_printed_as_it_is() -> None:
    assert printed(result(("[bold]a[/bold]", 1), ("[0]", 2)))[2:] == ["[bold]a[/bold]      1", "[0]                 2"]
