"""One battery for every destination: the same runs, and after each step the same literal rows for its readers."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from dlt.common.destination.client import RunnableLoadJob
from dlt.destinations.exceptions import DatabaseTransientException
from dlt.destinations.impl.filesystem.filesystem import (
    DeltaLoadFilesystemJob,
    FilesystemLoadJob,
    IcebergLoadFilesystemJob,
)
from dlt.destinations.job_client_impl import SqlLoadJob
from dlt.pipeline.exceptions import PipelineStepFailed

from extend_source import credit_report, quality_report, rebuild, status
from extend_source.pipeline.landed import LandedData
from extend_source.pipeline.write_mode import replacement_of
from extend_source.sandbox import SandboxServer
from tests.destinations.places import ALWAYS, MORE, Place, make_destination
from tests.destinations.stories import (
    BOOK_COLUMNS,
    BOOKS_AT_FIRST,
    BOOKS_AT_LAST,
    BUNDLE,
    COLUMNS,
    EXPECTED,
    INVOICE,
    LETTER,
    STEPS,
    put_first,
    review,
    shrink,
)

pytestmark = pytest.mark.slow


@pytest.fixture(
    params=[
        *ALWAYS,
        *(pytest.param(name, marks=pytest.mark.destinations) for name in MORE),
        pytest.param("ducklake", marks=pytest.mark.ducklake),
    ],
)
def place(
    request: pytest.FixtureRequest,
    empty_server: SandboxServer,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> Place:
    """Each destination, empty."""
    caplog.set_level(logging.CRITICAL, "dlt")
    return Place(request.param, make_destination(request.param, tmp_path, request), empty_server, tmp_path)


def test_readers_see_the_same_rows_after_each_step_on_every_destination(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, happen, arguments in STEPS:
        happen(place.server)
        place.sync(**arguments)

        assert place.current(COLUMNS) == EXPECTED[name], name

    (gone,) = place.current({"extraction_invoices": ("run_id", "total", "total__text")}).values()
    assert gone == {(INVOICE, None, "twelve")}
    assert place.current(BOOK_COLUMNS) == BOOKS_AT_LAST
    assert status(place.pipeline).gone == 1
    by_query = what_is_looked_up(place)
    monkeypatch.setattr("extend_source.pipeline.reader.KEYS_FOR_COLUMNS", 0)
    assert what_is_looked_up(place) == by_query
    assert INVOICE in by_query[0]


def what_is_looked_up(place: Place) -> tuple[Any, ...]:
    """What the destination says of the invoice and the letter, and of one that it does not know."""
    landed, ids = LandedData(place.pipeline, "extend"), [INVOICE, LETTER, "dpr_unknown"]
    summaries, tombstones = landed.summaries("processor_run", ids), landed.tombstones([*ids, BUNDLE])
    return landed.runs(ids), summaries, tombstones, landed.payload_sums(ids), landed.file_row_counts(["file_1"])


@pytest.mark.thorough
def test_rebuilding_brings_lost_rows_back_on_every_destination(place: Place) -> None:
    put_first(place.server)
    place.sync()
    place.lose("extraction_fields")
    place.lose("splits")

    result = rebuild(place.pipeline, **place.settings)

    assert (result.runs, result.failed) == (3, 0)
    assert place.current(COLUMNS) == EXPECTED["first load"]


@pytest.mark.thorough
def test_reports_say_the_same_on_every_destination(place: Place) -> None:
    put_first(place.server)
    place.sync()
    review(place.server)
    place.sync()

    figures, quality = credit_report(place.pipeline), quality_report(place.pipeline)

    costs = {cost.processor_id: (cost.runs, cost.per_document) for cost in figures.unit_costs}
    assert costs == {"dp_invoices": (1, 2), "dp_kinds": (1, 1), "dp_parts": (1, 3)}
    rows = {query.name: [row[1:] for row in query.rows] for query in quality.queries}
    assert [row[:6] for row in rows["field_fill_rate"]] == [
        ("Invoices", "dpv_1", field, 1, 1, 1.0)
        for field in ("issued", "lines[].price", "lines[].sku", "number", "paid", "total")
    ]
    assert rows["field_accuracy"] == [
        ("Invoices", "total", 1, 1, 1.0, 1, 1, 0.0, 0.0, 0.7935),
        ("Invoices", "lines[].price", 1, 1, 1.0, 2, 0, 1.0, 0.3424, 1.0),
        ("Invoices", "lines[].sku", 1, 1, 1.0, 2, 0, 1.0, 0.3424, 1.0),
        ("Invoices", "issued", 1, 1, 1.0, 1, 0, 1.0, 0.2065, 1.0),
        ("Invoices", "number", 1, 1, 1.0, 1, 0, 1.0, 0.2065, 1.0),
        ("Invoices", "paid", 1, 1, 1.0, 1, 0, 1.0, 0.2065, 1.0),
    ]
    assert rows["split_sizes"] == [(None, "part", 3, 1, 1.0, 1, 0)]


@pytest.mark.thorough
@pytest.mark.parametrize("refused", ["extraction_fields", "processor_runs"])
def test_a_load_cut_off_between_two_tables_shows_no_mixed_run(place: Place, refused: str) -> None:
    put_first(place.server)
    place.sync()
    shrink(place.server)
    supersedes = replacement_of(place.pipeline) == "supersede"

    cut_off(place, refused)
    seen = place.current(COLUMNS)
    lost = place.on_another_machine()
    fetched_again = lost.sync().fetched

    for run_id in (INVOICE, LETTER, BUNDLE):
        assert rows_of(seen, run_id) == (rows_of(EXPECTED["first load"], run_id) if supersedes else {}), run_id
    assert fetched_again == 3
    assert lost.current(COLUMNS) == EXPECTED["shrunk"]
    assert lost.sync().fetched == 0


@pytest.mark.thorough
def test_what_a_lost_first_load_says_of_runs_is_said_again(place: Place) -> None:
    put_first(place.server)

    cut_off(place, "processor_runs")
    other = place.on_another_machine()
    other.sync()

    assert other.current({**COLUMNS, **BOOK_COLUMNS}) == {**EXPECTED["first load"], **BOOKS_AT_FIRST}


def rows_of(tables: dict[str, set[Any]], run_id: str) -> dict[str, set[Any]]:
    """The rows of one run, by the tables in which it has any."""
    of_run = {table: {row for row in rows if run_id in row} for table, rows in tables.items()}
    return {table: rows for table, rows in of_run.items() if rows}


def cut_off(place: Place, table: str) -> None:
    """Sync with a fault placed in the loader: all tables are written but one, with which the load ends."""
    kinds: tuple[type[RunnableLoadJob], ...] = (
        SqlLoadJob,
        FilesystemLoadJob,
        DeltaLoadFilesystemJob,
        IcebergLoadFilesystemJob,
    )

    def refusing(run: Callable[[Any], None]) -> Callable[[Any], None]:
        def refuse(job: Any) -> None:
            if job.job_file_info().table_name == table:
                raise DatabaseTransientException(ConnectionError(f"lost while replacing {table}"))
            run(job)

        return refuse

    with pytest.MonkeyPatch.context() as patch:
        for kind in kinds:
            patch.setattr(kind, "run", refusing(kind.run))
        with pytest.raises(PipelineStepFailed):
            place.sync()
