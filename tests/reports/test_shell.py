"""The shell: extend-source report quality, for people and for machines."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import duckdb
import pytest

from extend_source import quality_report
from extend_source.reports.catalogue import QUALITY_QUERIES
from tests.acceptance.shell import Outcome, run_shell
from tests.acceptance.warehouse import Warehouse
from tests.reports.test_quality import NOTHING, extraction

pytestmark = pytest.mark.thorough

PLACE = ("--pipeline", "warehouse")


@pytest.fixture
def folder(warehouse: Warehouse) -> Path:
    """A folder in which all runs have been loaded into the file of the pipeline ``warehouse``."""
    renamed = extraction("dpr_named", {"Größe": "x"}, reviewed={"Größe": "y"}, processorName='Größen, "alle"')
    warehouse.server.workspace.put_run(renamed)
    warehouse.sync(file_contents="none")
    return warehouse.folder


@pytest.fixture
def nothing(tmp_path: Path) -> Path:
    """A folder with the file of the pipeline ``warehouse``, in which nothing has landed."""
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as connection:
        connection.execute("create schema extend")
    return tmp_path


def report(folder: Path, *arguments: str) -> Outcome:
    return run_shell(folder, "report", "quality", *PLACE, *arguments)


@pytest.mark.slow
@pytest.mark.core
def test_the_report_is_a_table_for_each_query_and_leaves_no_trace(folder: Path) -> None:
    outcome = report(folder)

    assert (outcome.code, outcome.stderr) == (0, "")
    headings = [line for line in outcome.stdout.splitlines() if ": a row per " in line]
    assert [heading.split("(")[-1].split(":")[0] for heading in headings] == list(QUALITY_QUERIES)
    assert not (folder / "dlt" / "pipelines").exists()


def test_the_json_has_all_rows_by_column_name(folder: Path, warehouse: Warehouse) -> None:
    outcome = report(folder, "--json", "--query", "failure_reasons", "--query", "field_accuracy")
    failures, accuracy = quality_report(warehouse.pipeline, ["failure_reasons", "field_accuracy"]).queries

    assert (outcome.code, outcome.stderr) == (0, "")
    found = json.loads(outcome.stdout)
    assert [query["name"] for query in found["queries"]] == ["failure_reasons", "field_accuracy"]
    assert [list(row.values()) for row in found["queries"][1]["rows"]] == [list(row) for row in accuracy.rows]
    assert list(found["queries"][1]["rows"][0]) == list(accuracy.columns)
    first, last_seen = found["queries"][0]["rows"][0], failures.rows[0][-1]
    assert first["last_seen_at"] == last_seen.isoformat().replace("+00:00", "Z")


def test_the_csv_of_one_query_is_nothing_but_csv(folder: Path, warehouse: Warehouse) -> None:
    outcome = report(folder, "--csv", "--query", "field_accuracy")
    (accuracy,) = quality_report(warehouse.pipeline, ["field_accuracy"]).queries

    header, *rows = csv.reader(io.StringIO(outcome.stdout))

    assert (outcome.code, outcome.stderr) == (0, "")
    assert header == list(accuracy.columns)
    assert rows == [["" if value is None else str(value) for value in row] for row in accuracy.rows]
    assert ["dp_1", 'Größen, "alle"', "Größe"] in [row[:3] for row in rows]


def test_the_csv_of_several_queries_names_each(folder: Path) -> None:
    outcome = report(folder, "--csv", "--query", "class_confusion", "--query", "split_sizes")

    first, second = outcome.stdout.split("\n\n")
    assert first.startswith("# class_confusion\nprocessor_id,processor,initial_class,reviewed_class,")
    assert second.startswith("# split_sizes\nprocessor_id,processor,type,splits,")


def test_without_any_data_each_query_is_a_line(nothing: Path) -> None:
    outcome = report(nothing)

    assert (outcome.code, outcome.stderr) == (0, "")
    lines = outcome.stdout.splitlines()
    assert len(lines) == len(NOTHING)
    assert lines[5:7] == [
        "Slowest processors: not loaded yet: processor_runs",
        "Failure reasons: not loaded yet: processor_runs",
    ]


def test_without_any_data_the_csv_is_a_header_and_the_reason_is_told_aside(nothing: Path) -> None:
    outcome = report(nothing, "--csv", "--query", "split_sizes")

    assert outcome.code == 0
    assert outcome.stdout == "processor_id,processor,type,splits,min_pages,median_pages,max_pages,pages_unknown\n"
    assert outcome.stderr == "Pages per split: not loaded yet: processor_runs, splits\n"


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("--query", "nonsense"), f"There is no quality query 'nonsense'. Choose from {', '.join(QUALITY_QUERIES)}."),
        (("--json", "--csv"), "Choose --json or --csv, not both."),
    ],
)
def test_wrong_use_is_one_line_and_exit_code_2(arguments: tuple[str, ...], line: str, nothing: Path) -> None:
    outcome = report(nothing, *arguments)

    assert (outcome.code, outcome.stdout) == (2, "")
    assert outcome.stderr == f"extend-source: EXT-101: {line}\n"
