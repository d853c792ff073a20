"""Keys of metadata and edits are understood in any notation; what stands under one that is not is hidden."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extend_source.privacy.places import Places
from extend_source.text.json_codec import encode_json
from tests.tables.flat import run_of
from tests.test_privacy import PASSPORT, cleaned, entry, legacy_run, rules, token

IBAN, SSN = "DE89370400440532013000", "078-05-1120"
VALUE = {"ssn": SSN, "lines": [{"iban": IBAN, "sku": "A-1"}], "Net Amount": 5, "line_items": [{"unit": "kg"}]}
RULES = {"lines[].iban": "mask", "ssn": "drop"}


def run_with(key: str, **parts: Any) -> dict[str, Any]:
    """A run that says one thing about a value in each way, under a key; none of the texts shows a value of the output."""
    edit = {
        "originalValue": "old-canary",
        "editedValue": {"x": ["new-canary"]},
        "notes": "note-canary",
        "fieldType": "type-canary",
    }
    output = {"value": VALUE, "metadata": {key: entry("cited-canary")}}
    return run_of(output=output, edits={key: edit}, **parts)


@pytest.mark.case("4.1")
@pytest.mark.parametrize(
    "key",
    ["lines[0].iban", "lines.0.iban", "lines.[0].iban", "/lines/0/iban", "#/lines/0/iban", "lines/0/iban", "$.lines[0].iban",
     "$['lines'][0]['iban']", '$["lines"][0]["iban"]', "value.lines[0].iban", "output.value.lines.0.iban", "/value/lines/0/iban",
     "lines[*].iban", "lines[].iban", "lines.iban", "LINES[0].IBAN", "Lines.0.Iban", " lines[0].iban ", "lines_0_iban", "lines->0->iban",
     "lines:0:iban", "lines%5B0%5D.iban", "lines[0].iban.value", "lines(0).iban", "lines[99].iban"],
)  # fmt: skip
def test_a_key_in_another_notation_is_hidden_as_its_field_is(key: str) -> None:
    clean = rules(RULES).clean_run(run_with(key))

    assert clean["edits"] == {
        key: {"originalValue": "***", "editedValue": {"x": ["***"]}, "notes": None, "fieldType": None},
    }  # fmt: skip
    assert clean["output"]["metadata"] == {
        key: {"ocrConfidence": 0.5, "citations": [{"page": 1, "referenceText": "***"}], "insights": [{"type": "reasoning", "content": None}]},
    }  # fmt: skip


@pytest.mark.case("4.1")
@pytest.mark.parametrize(
    "key", ["ssn", "/ssn", "value.ssn", "$.ssn", "$['ssn']", "SSN", "Ssn", "#/ssn", "output.ssn", "s.s.n", "\u017fsn"]
)
def test_a_key_of_a_dropped_field_has_neither_edit_nor_metadata(key: str) -> None:
    clean = rules(RULES).clean_run(run_with(key))

    assert (clean["edits"], clean["output"]["metadata"]) == ({}, {})


@pytest.mark.case("4.1")
@pytest.mark.parametrize(
    "key", ["sozialversicherung", "lines[0].unheard", "/0/17", "??", "", "lines[0].ibn", "page 3, box 2", "ssn_number"]
)
def test_what_is_under_a_key_of_no_field_is_hidden(key: str) -> None:
    clean = rules(RULES).clean_run(run_with(key))

    assert "canary" not in encode_json(clean)
    assert key in clean["edits"]


@pytest.mark.case("4.1")
@pytest.mark.parametrize(
    "key", ["lines[0].sku", "/lines/0/sku", "Net Amount", "net_amount", "lineItems.0.unit", "value.line_items[0].unit"]
)
def test_keys_of_fields_that_are_not_hidden_are_shown_in_any_notation(key: str) -> None:
    run = run_with(key)

    clean = rules(RULES).clean_run(run)

    shown = {**run["edits"][key], "fieldType": "type-canary"}
    assert clean["edits"] == {key: shown}
    assert clean["output"]["metadata"] == run["output"]["metadata"]


def test_a_declared_field_that_the_output_lacks_is_shown_and_an_undeclared_one_is_not() -> None:
    schema = {
        "type": "object",
        "properties": {"lines": {"type": "array", "items": {"type": "object", "properties": {"due": {}}}}},
    }
    run = run_of(
        config={"type": "EXTRACT", "schema": schema}, output={"value": {"a": 1}},
        edits={"/lines/0/due": {"originalValue": "May"}, "/lines/0/other": {"originalValue": "June"}},
    )  # fmt: skip

    clean = rules({"ssn": "mask"}).clean_run(run)

    assert clean["edits"] == {"/lines/0/due": {"originalValue": "May"}, "/lines/0/other": {"originalValue": "***"}}


def test_a_rule_that_names_an_unknown_key_decides_what_becomes_of_it() -> None:
    edits = {key: {"originalValue": "May"} for key in ("unheard[0].iban", "/unheard/1/iban", "kept/2/x", "odd")}

    clean = rules({"**.iban": "hash", "kept": "keep"}, default="drop").clean_run(
        run_of(output={"value": {}}, edits=edits)
    )

    assert clean["edits"] == {
        "unheard[0].iban": {"originalValue": token("May")}, "/unheard/1/iban": {"originalValue": token("May")},
        "kept/2/x": {"originalValue": "May"},
    }  # fmt: skip


NESTED = {
    "id": "f1", "name": "holders", "type": "array",
    "schema": [{"id": "a1b2-c3", "name": "passport", "type": "object", "schema": [{"id": "77", "name": "number", "type": "string"}]},
               {"id": "f9", "name": "city", "type": "string"}],
}  # fmt: skip


@pytest.mark.case("4.2")
@pytest.mark.parametrize(
    "key",
    ["77", "f1[0].a1b2-c3.77", "f1.0.a1b2-c3.77", "a1b2-c3.77", "a1b2-c3.number", "holders[0].passport.77", "/f1/0/a1b2-c3/number",
     "holders[0].a1b2-c3.number", "value.a1b2-c3.number", "A1B2-C3.Number", "holders[0].passport.number"],
)  # fmt: skip
def test_a_legacy_field_is_hidden_under_the_id_of_any_level(key: str) -> None:
    output = {"holders": {"id": "f1", "type": "array", "value": [{"passport": {"number": "P1"}, "city": "Bonn"}]}}
    run = legacy_run(
        output,
        NESTED,
        edits={key: {"originalValue": "P0-canary", "notes": "P0-canary"}, "f9": {"originalValue": "Ulm"}},
    )

    clean = rules({"holders[].passport.number": "hash"}).clean_run(run)

    assert clean["edits"] == {key: {"originalValue": token("P0-canary"), "notes": None}, "f9": {"originalValue": "Ulm"}}
    assert clean["output"]["holders"]["value"] == [{"passport": {"number": token("P1")}, "city": "Bonn"}]


@pytest.mark.case("4.2")
def test_a_legacy_result_is_hidden_by_the_name_of_its_id_whatever_its_key_is() -> None:
    output = {"Reisepass": {"id": "f1", "type": "object", "value": {"number": "P1", "f2": "P2", "x": 1}}}

    clean = rules({"passport.number": "mask"}).clean_run(legacy_run(output, PASSPORT))

    assert clean["output"]["Reisepass"]["value"] == {"number": "***", "f2": "***", "x": 1}


@pytest.mark.case("S13")
@pytest.mark.parametrize(("action", "left"), [("mask", "***"), ("hash", token("a secret")), ("drop", {})])
def test_a_bare_scalar_as_the_whole_output_is_hidden(action: str, left: Any) -> None:
    assert cleaned("a secret", {"person.name": action}) == left
    assert cleaned("a secret", {"person.name": "keep"}, default=action) == left


@pytest.mark.case("S13")
def test_scalars_in_a_list_as_the_whole_output_are_hidden() -> None:
    assert cleaned(["a", {"b": "c", "name": "d"}], {"name": "mask"}) == ["***", {"b": "c", "name": "***"}]


@pytest.mark.case("S13")
@pytest.mark.parametrize("output", ["a secret", 5, ["a secret"], True])
def test_an_output_that_is_no_object_is_left_out(output: Any) -> None:
    assert rules({"a": "mask"}).clean_run(run_of(output=output))["output"] is None


@pytest.mark.case("S13")
def test_the_type_of_an_edit_is_shown_only_where_it_hides_nothing() -> None:
    def edit(kind: Any) -> dict[str, Any]:
        return {"originalValue": "x", "fieldType": kind}

    run = run_of(
        output={"value": {"a": SSN, "b": "x"}},
        edits={"a": edit("string"), "a ": edit(SSN), "b": edit("money"), "b ": edit(f"is {SSN}")},
    )

    clean = rules({"a": "mask"}).clean_run(run)

    assert {key: one["fieldType"] for key, one in clean["edits"].items()} == {
        "a": "string",
        "a ": None,
        "b": "money",
        "b ": None,
    }


@given(
    st.lists(st.sampled_from(["a", "b", "net.amount", "x[1]", "Größe", "ID"]), min_size=1, max_size=3),
    st.sampled_from("./"),
    st.booleans(),
)
def test_any_path_is_found_again_in_other_notations(path: list[str], joint: str, upper: bool) -> None:
    places = Places(None)
    places.present.add(tuple(path))
    text = joint.join(part for key in path for part in (key, "0"))

    assert tuple(path) in places.place(text.upper() if upper else text).paths
