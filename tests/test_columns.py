"""Rows in columns: found by key, whole, and in little memory."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from extend_source.pipeline import columns
from extend_source.pipeline.columns import RowsInColumns
from extend_source.tables.kinds import CREDITS, TIMESTAMP

START = datetime(2026, 1, 1, 8, tzinfo=timezone.utc)


def chunk(*rows: tuple[Any, ...]) -> pa.Table:
    """Rows of an id, a state, a time and credits."""
    types = (pa.string(), pa.string(), TIMESTAMP.arrow_type, CREDITS.arrow_type)
    arrays = [pa.array(values, kind) for values, kind in zip(zip(*rows, strict=True), types, strict=True)]
    return pa.table(arrays, ["id", "status", "updated_at", "credits"])


ROWS = (
    ("dpr_b", "PROCESSED", START, Decimal("1.500000")),
    ("dpr_a", None, None, None),
    ("dpr_c", "FAILED", START + timedelta(microseconds=1), Decimal(2)),
)


def test_rows_are_found_by_their_key_from_whichever_chunk() -> None:
    rows = RowsInColumns([chunk(*ROWS[:2]), chunk(ROWS[2])], [None] * 4)
    assert list(rows.find(["dpr_c", "dpr_x", "dpr_a", "dpr_b"])) == [ROWS[2], ROWS[1], ROWS[0]]


def test_all_rows_of_a_key_are_found_and_values_that_repeat_are_read_once() -> None:
    said: list[Any] = []

    def read(value: Any) -> Any:
        said.append(value)
        return value.lower()

    many = chunk(*[("dpr_b", "PROCESSED", START, None)] * 20)
    rows = RowsInColumns([many], [None, read, None, None])
    assert list(rows.find(["dpr_b"])) == [("dpr_b", "processed", START, None)] * 20
    assert said == ["PROCESSED"]


def test_without_rows_nothing_is_found() -> None:
    assert list(RowsInColumns([], []).find(["dpr_a"])) == []


def test_two_texts_of_one_hash_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns, "hash", lambda _: 7, raising=False)
    rows = RowsInColumns([chunk(*ROWS)], [None] * 4)
    assert list(rows.find(["dpr_a", "dpr_x"])) == [ROWS[1]]


@pytest.mark.slow
def test_a_landed_run_and_its_summary_take_less_than_200_bytes() -> None:
    count, moment = 100_000, START

    def runs() -> Iterator[pa.Table]:
        for first in range(0, count, 10_000):
            numbers = range(first, first + 10_000)
            yield pa.table(
                {
                    "id": [f"dpr_{number:021d}" for number in numbers],
                    "status": ["PROCESSED"] * 10_000,
                    "updated_at": pa.array([moment + timedelta(seconds=n) for n in numbers], TIMESTAMP.arrow_type),
                    "credits": pa.array([Decimal(n % 7) for n in numbers], CREDITS.arrow_type),
                    "loaded_tables": pa.array([None] * 10_000, pa.string()),
                    "fetched_at": pa.array([moment + timedelta(seconds=n // 500) for n in numbers]),
                    "total_credits": pa.array([None] * 10_000, CREDITS.arrow_type),
                    "reviewed": [n % 9 == 0 for n in numbers],
                    "edited": [False] * 10_000,
                }
            )

    def summaries() -> Iterator[pa.Table]:
        for first in range(0, count, 10_000):
            numbers = range(first, first + 10_000)
            ids, sums = [f"dpr_{n:021d}" for n in numbers], [f"{n:064x}" for n in numbers]
            yield pa.table({"id": ids, "summary_sha256": sums, "listed_at": pa.array([moment] * 10_000)})

    list(RowsInColumns([chunk(*ROWS)], [None] * 4).find(["dpr_a"]))  # what is made once is none of a run's
    tracemalloc.start()
    arrow_before, python_before = pa.total_allocated_bytes(), tracemalloc.get_traced_memory()[0]
    kept = [RowsInColumns(runs(), [None] * 9), RowsInColumns(summaries(), [None] * 3)]
    python = tracemalloc.get_traced_memory()[0] - python_before
    tracemalloc.stop()

    assert (pa.total_allocated_bytes() - arrow_before + python) / count < 200
    assert len(kept) == 2
