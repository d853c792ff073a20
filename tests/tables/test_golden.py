"""Payloads of each object type and the rows that they must give: both typed by hand, in ``tests/golden``."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import date, datetime, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from extend_source.api import CARRIED
from extend_source.api.endpoints import endpoints_for
from extend_source.config.settings import API_VERSION
from extend_source.tables import TABLES, Flattener, Origin
from extend_source.tables.objects import OBJECT_TYPES
from extend_source.tables.row_counts import is_marker
from extend_source.text.json_codec import decode_json

GOLDEN = sorted((Path(__file__).parent.parent / "golden").glob("*.json"))
FETCHED = datetime(2026, 3, 2, tzinfo=timezone.utc)
LISTED = (datetime(2026, 3, 1, 9, tzinfo=timezone.utc), datetime(2026, 3, 1, 9, 30, tzinfo=timezone.utc))
"""When the listing says that the object was created, and changed."""
SUMS = {"payload_sha256", "_dlt_load_id"}
"""Columns that nobody can type."""


def object_type_of(file: Path) -> str:
    return file.name.partition(".")[0]


def canonical(object_type: str, payload: dict[str, Any], api_version: str) -> dict[str, Any]:
    return endpoints_for(api_version, object_type, payload["id"])[0].adapt(payload)


def flattened(object_type: str, payload: dict[str, Any], api_version: str) -> dict[str, list[dict[str, Any]]]:
    flattener = Flattener()
    own = {name: value for name, value in canonical(object_type, payload, api_version).items() if name != CARRIED}
    flattener.add(object_type, own, Origin(api_version, "ws_1", FETCHED, *LISTED))
    tables = flattener.take("load", FETCHED)
    return {
        name: [
            shown(name, row)
            for row, marker in zip(rows.to_pylist(), is_marker(TABLES[name], rows).to_pylist(), strict=True)
            if not marker
        ]
        for name, rows in tables.items()
    }


def shown(table: str, row: dict[str, Any]) -> dict[str, Any]:
    """A row as one types it: JSON as JSON, times and credits as text, without what is NULL."""
    is_json = {column.name: column.kind.name == "json" for column in TABLES[table].columns}
    found: dict[str, Any] = {}
    for name, value in row.items():
        if value is None or name in SUMS:
            continue
        if name == "config_id":
            value = "the config"
        elif is_json[name]:
            value = json.loads(value)
        elif isinstance(value, date):
            value = value.isoformat()
        elif isinstance(value, Decimal):
            value = str(value)
        found[name] = value
    return found


def in_order(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda row: sorted((name, str(value)) for name, value in row.items()))


@pytest.mark.parametrize("file", GOLDEN, ids=lambda file: file.stem)
def test_a_payload_gives_the_rows_that_were_typed_by_hand(file: Path) -> None:
    golden = decode_json(file.read_bytes())  # numbers with their digits, as from the wire

    rows = flattened(object_type_of(file), golden["payload"], golden.get("api_version", API_VERSION))

    for table, expected in json.loads(file.read_bytes())["rows"].items():
        assert in_order(rows[table]) == in_order(expected), table


@pytest.mark.parametrize("file", GOLDEN, ids=lambda file: file.stem)
def test_the_objects_that_come_with_it_are_those_typed_by_hand(file: Path) -> None:
    golden = decode_json(file.read_bytes())
    adapted = canonical(object_type_of(file), golden["payload"], golden.get("api_version", API_VERSION))

    assert [[kind, carried["id"]] for kind, carried in adapted.get(CARRIED, [])] == golden.get("carried", [])


def test_every_kind_of_object_has_a_golden_file() -> None:
    assert {object_type_of(file) for file in GOLDEN} == OBJECT_TYPES.keys()


def test_every_table_that_payloads_fill_has_a_golden_row() -> None:
    filled = {table.name for table in TABLES.values() if not table.is_book} - {"typed_columns", "raw_payloads"}
    golden = {name for file in GOLDEN for name, rows in json.loads(file.read_bytes())["rows"].items() if rows}
    assert golden - {"schema_drift"} == filled
