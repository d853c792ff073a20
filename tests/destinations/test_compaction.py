"""The battery's story in a lake that is compacted after each load."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from extend_source import compact, rebuild
from extend_source.sandbox import SandboxServer
from tests.destinations.places import Place, make_destination
from tests.destinations.stories import BOOK_COLUMNS, BOOKS_AT_LAST, COLUMNS, EXPECTED, STEPS

pytestmark = pytest.mark.destinations


@pytest.mark.parametrize("name", ["filesystem", "delta", "iceberg"])
def test_readers_see_the_same_rows_after_each_load_and_compaction(
    name: str,
    empty_server: SandboxServer,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.CRITICAL, "dlt")
    place = Place(name, make_destination(name, tmp_path, request), empty_server, tmp_path)
    for step, happen, arguments in STEPS:
        happen(place.server)
        place.sync(**arguments)

        tables = compact(place.pipeline).tables

        assert place.current(COLUMNS) == EXPECTED[step], step
        assert {table.files for table in tables} <= {0, 1}
    assert place.current(BOOK_COLUMNS) == BOOKS_AT_LAST
    rebuild(place.pipeline, **place.settings)
    compact(place.pipeline)
    assert place.current(COLUMNS) == EXPECTED[step]
