"""Typed tables hold what fits its declared type, and give the document back."""

from __future__ import annotations

import json
from datetime import date, datetime, timezone
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extend_source.tables import Flattener, Origin, Tables, TypedName, TypedNames
from extend_source.tables.walking import walk

NOW = datetime(2026, 2, 2, 9, tzinfo=timezone.utc)
ORIGIN = Origin("2025-04-21", None, NOW, NOW)
JSON = dict[str, Any]


def run_of(schema: JSON, value: Any, **more: Any) -> JSON:
    return {
        "id": "dpr_1",
        "type": "EXTRACT",
        "status": "PROCESSED",
        "processorId": "dp_1",
        "processorName": "Invoices",
        "processorVersionId": "dpv_1",
        "reviewed": False,
        "config": {"type": "EXTRACT", "schema": schema},
        "output": {"value": value, "metadata": {}},
        **more,
    }


def tables_of(*runs: JSON, names: TypedNames | None = None) -> Tables:
    flattener = Flattener(names=names or TypedNames())
    for run in runs:
        flattener.add("processor_run", run, ORIGIN)
    return flattener.take("1", NOW)


def rows(tables: Tables, name: str) -> list[dict[str, Any]]:
    """The rows of a typed table, without markers and without the columns of the run."""
    shown = tables[name].drop_columns(["_dlt_load_id"]).to_pylist()
    return [row for row in shown if row.get("row_path") != ""]


def properties(**members: JSON) -> JSON:
    return {"type": "object", "properties": members}


TEXT, NUMBER = {"type": ["string", "null"]}, {"type": ["number", "null"]}
STORABLE_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=5)


def test_a_run_is_a_row_with_a_typed_column_for_each_field() -> None:
    money = {"type": "object", "extend:type": "currency"}
    day = {"type": ["string", "null"], "extend:type": "date"}
    schema = properties(vendorName=TEXT, total=money, due=day, count={"type": "integer"}, open={"type": "boolean"})
    value = {
        "vendorName": "ACME",
        "total": {"amount": Decimal("12.30"), "iso_4217_currency_code": "EUR"},
        "due": "2026-03-01",
        "count": 3,
        "open": True,
    }

    assert rows(tables_of(run_of(schema, value)), "extraction_invoices") == [
        {
            "run_id": "dpr_1",
            "processor_version_id": "dpv_1",
            "status": "PROCESSED",
            "created_at": NOW,
            "reviewed": False,
            "vendor_name": "ACME",
            "total__amount": Decimal("12.300000000"),
            "total__iso_4217_currency_code": "EUR",
            "due": date(2026, 3, 1),
            "count": 3,
            "open": True,
        }
    ]


def test_arrays_are_tables_of_their_own_at_any_depth() -> None:
    item = properties(sku=TEXT, taxes={"type": "array", "items": properties(rate=NUMBER)})
    schema = properties(
        details=properties(lines={"type": "array", "items": item}), tags={"type": "array", "items": TEXT}
    )
    value = {
        "details": {"lines": [{"sku": "a", "taxes": [{"rate": 7}, {"rate": 19}]}, {"sku": "b"}]},
        "tags": ["x", None],
    }

    tables = tables_of(run_of(schema, value))

    assert [tuple(row.values()) for row in rows(tables, "extraction_invoices__details__lines")] == [
        ("dpr_1", 0, "details.lines[0]", None, "a"),
        ("dpr_1", 1, "details.lines[1]", None, "b"),
    ]
    assert [tuple(row.values()) for row in rows(tables, "extraction_invoices__details__lines__taxes")] == [
        ("dpr_1", 0, "details.lines[0].taxes[0]", "details.lines[0]", 7.0),
        ("dpr_1", 1, "details.lines[0].taxes[1]", "details.lines[0]", 19.0),
    ]
    assert [tuple(row.values()) for row in rows(tables, "extraction_invoices__tags")] == [
        ("dpr_1", 0, "tags[0]", None, "x"),
        ("dpr_1", 1, "tags[1]", None, None),
    ]


@pytest.mark.parametrize(
    ("schema", "value", "json_type"),
    [
        (NUMBER, "12", "string"),
        (NUMBER, Decimal("0.12345678901234567890"), "number"),
        ({"type": "integer"}, Decimal("1.5"), "number"),
        ({"type": "integer"}, 2**63, "integer"),
        ({"type": "boolean"}, 1, "integer"),
        (TEXT, 12, "integer"),
        (TEXT, {"a": 1}, "object"),
        ({"type": "string", "extend:type": "date"}, "03/01/2026", "string"),
        (properties(a=TEXT), "x", "string"),
        ({"type": "array", "items": TEXT}, {"0": "x"}, "object"),
    ],
)
def test_a_value_that_does_not_fit_is_null_and_told_and_stays_in_extraction_fields(
    schema: JSON, value: Any, json_type: str
) -> None:
    tables = tables_of(run_of(properties(x=schema), {"x": value}))

    (row,) = rows(tables, "extraction_invoices")
    assert [row[name] for name in list(row)[5:]] == [None] * (len(row) - 5)
    (drift,) = tables["schema_drift"].to_pylist()
    table = "extraction_invoices__x" if schema["type"] == "array" else "extraction_invoices"
    assert (drift["object"], drift["path"]) == (table, "x")
    assert (drift["reason"], drift["json_type"]) == ("unexpected_type", json_type)
    fields = tables["extraction_fields"].to_pylist()
    assert [field for field in fields if field["path"].startswith("x")]


def test_an_amount_of_more_decimals_than_its_column_has_does_not_fit() -> None:
    schema = properties(x={"type": "object", "extend:type": "currency"})
    value = {"x": {"amount": Decimal("0.1234567891"), "iso_4217_currency_code": "EUR"}}

    (row,) = rows(tables_of(run_of(schema, value)), "extraction_invoices")

    assert (row["x__amount"], row["x__iso_4217_currency_code"]) == (None, "EUR")


@pytest.mark.case("3.2")
@pytest.mark.parametrize(
    ("amount", "landed"),
    [
        (12345678901234567890, Decimal("12345678901234567890.000000000")),
        (Decimal("-12345678901234567890.123456789"), Decimal("-12345678901234567890.123456789")),
        (Decimal("99999999999999999999999999999.999999999"), Decimal("99999999999999999999999999999.999999999")),
        (Decimal("1e28"), Decimal("1e28")),
        (Decimal("99999999999999999999999999999.9999999999"), None),
        (Decimal("1e29"), None),
        (10**400, None),
        (Decimal("1e999999999"), None),
        (Decimal("1e-999999999"), None),
        ("12.30", None),
    ],
)
def test_an_amount_is_a_decimal_or_drift_and_its_run_lands(amount: Any, landed: Decimal | None) -> None:
    schema = properties(x={"type": "object", "extend:type": "currency"})

    tables = tables_of(run_of(schema, {"x": {"amount": amount}}))

    (row,) = rows(tables, "extraction_invoices")
    assert row["x__amount"] == landed
    drift = [(entry["path"], entry["reason"]) for entry in tables["schema_drift"].to_pylist()]
    assert drift == ([] if landed is not None else [("x.amount", "unexpected_type")])


@pytest.mark.case("3.8")
def test_members_that_the_schema_allows_without_naming_them_are_declared_and_land_as_json() -> None:
    rates = {**properties(base=TEXT, items={"type": "array", "items": {**properties(), "additionalProperties": True}})}
    rates["additionalProperties"] = NUMBER
    schema = {**properties(rates=rates), "patternProperties": {"^x": TEXT}}
    value = {"rates": {"base": "EUR", "USD": Decimal("1.10"), "items": [], "é": None}, "x1": "a", "Y": {"z": 1}}

    tables = tables_of(run_of(schema, value), run_of(schema, {"rates": {"base": "EUR"}}, id="dpr_2"))

    assert tables["schema_drift"].to_pylist() == []
    assert [list(row.items())[5:] for row in rows(tables, "extraction_invoices")] == [
        [
            ("rates__base", "EUR"),
            ("rates__additional_properties", '{"USD":1.10,"é":null}'),
            ("additional_properties", '{"x1":"a","Y":{"z":1}}'),
        ],
        [("rates__base", "EUR"), ("rates__additional_properties", None), ("additional_properties", None)],
    ]
    names = {row["path"]: (row["data_type"], row["column_name"]) for row in tables["typed_columns"].to_pylist()}
    assert names["rates.*"] == ("json", "rates__additional_properties")
    assert names["*"] == ("json", "additional_properties")


def test_a_field_that_the_schema_does_not_declare_is_told() -> None:
    tables = tables_of(run_of(properties(x=TEXT), {"x": "a", "y": {"z": 1}}))

    (drift,) = tables["schema_drift"].to_pylist()
    assert (drift["object"], drift["path"], drift["reason"]) == ("extraction_invoices", "y", "unknown_key")


def test_legacy_results_are_read_like_values() -> None:
    fields = [
        {"id": "a", "name": "Total", "type": "currency"},
        {"id": "b", "name": "Lines", "type": "array", "schema": [{"id": "c", "name": "Price", "type": "number"}]},
        {"id": "d", "name": "value", "type": "string"},
    ]
    output = {
        "Total": {"id": "a", "value": 12.5, "confidence": 0.9},
        "b": {"id": "b", "value": [{"Price": 3}]},
        "value": {"value": "x"},
    }
    run = run_of({}, None, config={"type": "EXTRACT", "fields": fields}, output=output)

    tables = tables_of(run)

    (row,) = rows(tables, "extraction_invoices")
    assert (row["total__amount"], row["total__iso_4217_currency_code"]) == (Decimal("12.5"), None)
    assert row["value"] == "x"
    assert [row["price"] for row in rows(tables, "extraction_invoices__lines")] == [3.0]


def test_runs_that_have_no_output_yet_are_rows_without_values() -> None:
    (row,) = rows(tables_of(run_of(properties(x=TEXT), None, status="PENDING", output=None)), "extraction_invoices")

    assert (row["status"], row["x"]) == ("PENDING", None)


def test_runs_without_fields_processor_or_extraction_have_no_typed_rows() -> None:
    runs = [
        run_of({}, {}, config={"type": "EXTRACT"}),
        run_of(properties(x=TEXT), {}, processorId=None),
        run_of(properties(x=TEXT), {}, type="CLASSIFY"),
    ]

    assert tables_of(*runs).typed == {}


def test_a_run_marks_the_arrays_that_older_versions_of_its_processor_had() -> None:
    names = TypedNames()
    tables_of(run_of(properties(old={"type": "array", "items": TEXT}), {"old": ["a"]}), names=names)

    tables = tables_of(run_of(properties(x=TEXT), {"x": "b"}), names=names)

    assert tables["extraction_invoices__old"].to_pylist() == [
        {
            "run_id": "dpr_1",
            "row_index": None,
            "row_path": "",
            "parent_row_path": None,
            "value": None,
            "_dlt_load_id": "1",
        }
    ]


def test_a_run_that_cannot_be_read_leaves_no_typed_row() -> None:
    flattener = Flattener(names=TypedNames())
    deep: list[Any] = []
    for _ in range(5000):
        deep = [deep]
    with pytest.raises(RecursionError):
        flattener.add(
            "processor_run", run_of(properties(x=TEXT), {"x": "a"}, output={"value": {"x": "a"}, "more": deep}), ORIGIN
        )

    assert flattener.take("1", NOW).typed == {}


def test_the_map_tells_the_versions_that_declare_a_field() -> None:
    names = TypedNames()
    flattener = Flattener(names=names)
    for day, version, schema in (
        (3, "v3", properties(x=NUMBER, y=TEXT)),
        (1, "v1", properties(x=TEXT)),
        (2, "v2", properties(x=NUMBER)),
        (4, "v4", properties(y=TEXT)),
    ):
        moment = NOW.replace(day=day)
        run = run_of(schema, {}, id=f"dpr_{day}", processorVersionId=version)
        flattener.add("processor_run", run, Origin("2025-04-21", None, NOW, moment))

    tables = flattener.take("1", NOW)

    seen = {
        (row["path"], row["data_type"]): (row["column_name"], row["first_version_id"], row["last_version_id"])
        for row in tables["typed_columns"].to_pylist()
    }
    assert seen == {
        ("$", "table"): (None, "v1", "v4"),
        ("x", "double"): ("x", "v2", "v3"),
        ("x", "text"): ("x__text", "v1", "v1"),
        ("y", "text"): ("y", "v3", "v4"),
    }


def test_columns_that_come_later_are_null_in_rows_before() -> None:
    runs = [run_of(properties(x=TEXT), {"x": "a"}), run_of(properties(y=TEXT, x=TEXT), {"y": "b"}, id="dpr_2")]

    assert [(row["run_id"], row["x"], row["y"]) for row in rows(tables_of(*runs), "extraction_invoices")] == [
        ("dpr_1", "a", None),
        ("dpr_2", None, "b"),
    ]


# ---- the document given back

KEYS = (
    st.sampled_from(["a", "A", "a b", "a.b", "b[0]", "$", "", "ä", "合計", "order", "status", "value", "items", '"'])
    | STORABLE_TEXT
)
SCALARS = ("string", "integer", "number", "boolean", "date", "any")
VALUES = {
    "string": STORABLE_TEXT,
    "integer": st.integers(-(2**63), 2**63 - 1),
    "number": st.floats(-1e300, 1e300) | st.integers(-(2**53), 2**53),
    "boolean": st.booleans(),
    "date": st.dates().map(str),
}
ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | STORABLE_TEXT
    | st.decimals(allow_nan=False, allow_infinity=False, places=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=2),
    max_leaves=4,
)

Model = Any
"""A scalar's name, a dictionary of members, or a list of the item's model."""

MODELS: st.SearchStrategy[Model] = st.recursive(
    st.sampled_from(SCALARS),
    lambda inner: st.dictionaries(KEYS, inner, min_size=1, max_size=3) | inner.map(lambda item: [item]),
    max_leaves=6,
)
DOCUMENTS = st.dictionaries(KEYS, MODELS, min_size=1, max_size=4)


def schema_of(model: Model, nullable: int = 0) -> JSON:
    """A JSON Schema of a model, nullable in one of three write_mode."""
    if isinstance(model, dict):
        kind, more = "object", {"properties": {key: schema_of(inner, nullable) for key, inner in model.items()}}
    elif isinstance(model, list):
        kind, more = "array", {"items": schema_of(model[0], nullable)}
    elif model == "any":
        return {}
    else:
        kind = "string" if model == "date" else model
        more = {"extend:type": "date"} if model == "date" else {}
    if nullable == 1:
        return {"type": [kind, "null"], **more}
    return {"type": kind, **more} if nullable == 0 else {"anyOf": [{"type": kind, **more}, {"type": "null"}]}


@st.composite
def values_of(draw: st.DrawFn, model: Model) -> Any:
    """A value that mostly fits a model."""
    if model == "any" or draw(st.integers(0, 7)) == 0:
        return draw(ANYTHING)
    if isinstance(model, dict):
        return {key: draw(values_of(inner)) for key, inner in model.items()}
    if isinstance(model, list):
        return draw(st.lists(values_of(model[0]), max_size=3))
    return draw(VALUES[model])


def fits(model: Model, value: Any) -> bool:
    """Tell whether a scalar fits its declared type."""
    if model == "string":
        return isinstance(value, str)
    if model == "date":
        return isinstance(value, str) and value in _dates(value)
    if model == "boolean":
        return isinstance(value, bool)
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        return False
    if model == "integer":
        return value == int(value) and -(2**63) <= value < 2**63
    return abs(value) < Decimal("1.7e308") and Decimal(repr(float(value))) == Decimal(str(value))


def _dates(text: str) -> list[str]:
    try:
        return [date.fromisoformat(text).isoformat()]
    except ValueError:
        return []


def fitting(model: Model, value: Any, path: str) -> dict[str, Any]:
    """What of a value fits its model, by path; written apart from the code it checks."""
    if value is None or (value in ({}, []) and model != "any"):
        return {}
    if model == "any":
        return {path: value}
    if isinstance(model, str):
        exact = Decimal(str(value)) if model == "number" and isinstance(value, float) else value
        return {path: exact} if fits(model, value) else {}
    if isinstance(model, list) and isinstance(value, list):
        pairs = [(model[0], item) for item in value]
    elif isinstance(model, dict) and isinstance(value, dict):
        pairs = [(model.get(key), item) for key, item in value.items()]
    else:
        return {}
    # the nodes below, without what is below them: the paths of a document are the business of `walk`
    top = path or None
    nodes = [node for node in walk(value, path) if node.parent_path == top and node.path != path]
    found: dict[str, Any] = {}
    for (inner, item), node in zip(pairs, nodes, strict=True):
        if inner is not None:
            found |= fitting(inner, item, node.path)
    return found


def given_back(tables: Tables, run_id: str) -> dict[str, Any]:
    """The values of a run, by path, from its typed tables and the map alone."""
    names = [
        TypedName(**{k: v for k, v in row.items() if k not in ("recorded_at", "_dlt_load_id")})
        for row in tables["typed_columns"].to_pylist()
    ]
    table_paths = {name.table_name: name.path for name in names if name.data_type == "table"}
    values: dict[str, Any] = {}
    for name in names:
        if name.column_name is None:
            continue
        table_path = table_paths[name.table_name]
        for row in tables[name.table_name].to_pylist():
            value = row[name.column_name]
            if row["run_id"] != run_id or value is None or row.get("row_path") == "":
                continue
            path = name.path if table_path == "$" else row["row_path"] + name.path[len(table_path) :]
            assert path not in values
            values[path] = value
            if name.data_type == "json":
                values[path] = json.loads(value, parse_float=Decimal)
            elif name.data_type == "double":
                values[path] = Decimal(repr(value))
            elif name.data_type == "date":
                values[path] = value.isoformat()
    return values


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(st.data())
def test_what_fits_its_type_is_given_back_for_every_version_in_any_order(data: st.DataObject) -> None:
    models = data.draw(st.lists(DOCUMENTS, min_size=1, max_size=3))
    runs, expected = [], {}
    for number, model in enumerate(models):
        value = data.draw(values_of(model))
        run_id = f"dpr_{number}"
        schema = schema_of(model, data.draw(st.integers(0, 2)))
        schema["type"] = "object"
        schema.pop("anyOf", None)
        schema["properties"] = {key: schema_of(inner, data.draw(st.integers(0, 2))) for key, inner in model.items()}
        runs.append(run_of(schema, value, id=run_id, processorVersionId=f"v{number}"))
        expected[run_id] = fitting(model, value, "")
    order = data.draw(st.permutations(runs))

    tables = tables_of(*order)

    assert {run_id: given_back(tables, run_id) for run_id in expected} == expected
    for name, schema in tables.typed.items():
        assert isinstance(tables[name], pa.Table)
        columns = schema.column_names
        assert len(set(columns)) == len(columns)
