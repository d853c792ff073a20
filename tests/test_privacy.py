"""Fields and columns that are to be hidden are hidden before anything else is done with a payload."""

from __future__ import annotations

import copy
import hashlib
import hmac
import json
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from dlt.common.configuration.exceptions import ConfigurationValueError
from hypothesis import given, settings
from hypothesis import strategies as st

from extend_source import ExtendSettings
from extend_source.config.privacy_rules import PrivacySettings
from extend_source.privacy import PrivacyRules, privacy_rules
from extend_source.privacy.templates import Wildcard, parse_path, parse_template
from extend_source.tables import TABLES, Flattener, Origin, TypedNames
from extend_source.tables.walking import walk
from extend_source.text.json_codec import encode_json
from tests.tables import payloads
from tests.tables.flat import NOW, run_of

KEY = "a key of some length"


def rules(
    fields: dict[str, str] | None = None, columns: dict[str, str] | None = None, default: str = "keep", **others: Any
) -> PrivacyRules:
    """The rules of some settings; there must be some."""
    privacy = PrivacySettings(key=KEY, default=default, fields=fields, columns=columns)
    compiled = privacy_rules(ExtendSettings(api_key="sk_x", privacy=privacy, **others))
    assert compiled is not None
    return compiled


def token(text: str) -> str:
    """The token of a text, worked out independently."""
    return "hash:" + hmac.new(KEY.encode(), text.encode(), hashlib.sha256).hexdigest()[:32]


def cleaned(value: Any, fields: dict[str, str], default: str = "keep") -> Any:
    """The value of an output once it is cleaned."""
    return rules(fields, default=default).clean_run(run_of(output={"value": value}))["output"]["value"]


def cleaned_entries(value: Any, metadata: dict[str, Any], fields: dict[str, str]) -> Any:
    """The metadata of an output once it is cleaned."""
    output = {"value": value, "metadata": metadata}
    return rules(fields).clean_run(run_of(output=output))["output"]["metadata"]


def legacy_run(output: dict[str, Any], *fields: dict[str, Any], **parts: Any) -> dict[str, Any]:
    return run_of(config={"type": "EXTRACT", "fields": list(fields)}, output=output, **parts)


# ---- paths


@pytest.mark.parametrize(
    ("text", "template"),
    [
        ("total", ("total",)),
        ("line_items[].sku", ("line_items", "sku")),
        ("line_items.sku", ("line_items", "sku")),
        ("matrix[][].x", ("matrix", "x")),
        ("**.email", (Wildcard.ANY_NUMBER, "email")),
        ("address.*", ("address", Wildcard.ONE)),
        ('["net.amount"]', ("net.amount",)),
        ('a["b[0]"].c', ("a", "b[0]", "c")),
        ('["*"]', ("*",)),
        ("Net Amount", ("Net Amount",)),
        ("合計.金額", ("合計", "金額")),
        ("$[].sku", ("sku",)),
        ("$id", ("$id",)),
    ],
)
def test_templates_are_read_as_keys(text: str, template: tuple[Any, ...]) -> None:
    assert parse_template(text) == template


@pytest.mark.parametrize("text", ["", "a..b", ".a", "a.", "a[", 'a["b', "mail*", "a b]", '["a"', "a.[0].b"])
def test_what_is_no_path_is_refused_with_one_line(text: str) -> None:
    with pytest.raises(ConfigurationValueError) as caught:
        rules({text: "drop"})

    assert str(caught.value).startswith(f"privacy.fields {text!r} is no path: ")
    assert "\n" not in str(caught.value)


@given(payloads.DOCUMENTS)
def test_the_path_of_every_node_is_read_as_its_keys(document: Any) -> None:
    def keys(value: Any, above: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
        inner = value.items() if isinstance(value, dict) else ((None, item) for item in value)
        below = ((above if key is None else (*above, key), item) for key, item in inner)
        return [
            one for path, item in below for one in [path, *(keys(item, path) if isinstance(item, dict | list) else [])]
        ]

    if isinstance(document, dict) and document:
        assert [parse_path(node.path) for node in walk(document)] == keys(document)


# ---- which rule holds

ADDRESS = {"street": "Main St", "city": "Bonn", "geo": {"x": 1}}


@pytest.mark.parametrize(
    ("fields", "default", "expected"),
    [
        ({"address": "mask"}, "keep", {"street": "***", "city": "***", "geo": {"x": "***"}}),
        ({"address": "mask", "address.city": "keep"}, "keep", {"street": "***", "city": "Bonn", "geo": {"x": "***"}}),
        ({"address": "drop", "address.city": "keep"}, "keep", {"city": "Bonn"}),
        ({"address.*": "keep", "address": "mask"}, "keep", {"street": "Main St", "city": "Bonn", "geo": {"x": 1}}),
        ({"address.*": "mask", "address.city": "keep"}, "keep", {"street": "***", "city": "Bonn", "geo": {"x": "***"}}),
        ({"address.*.x": "mask"}, "keep", {"street": "Main St", "city": "Bonn", "geo": {"x": "***"}}),
        ({"**.x": "drop"}, "keep", {"street": "Main St", "city": "Bonn", "geo": {}}),
        ({"**": "mask", "address.city": "keep"}, "keep", {"street": "***", "city": "Bonn", "geo": {"x": "***"}}),
        ({"**.city": "keep"}, "drop", {"city": "Bonn"}),
        ({"address.city": "keep"}, "mask", {"street": "***", "city": "Bonn", "geo": {"x": "***"}}),
        # neither names more keys, and they name different ones: the stricter rule holds, in whatever order
        ({"address": "keep", "**.city": "drop"}, "keep", {"street": "Main St", "geo": {"x": 1}}),
        ({"**.city": "drop", "address": "keep"}, "keep", {"street": "Main St", "geo": {"x": 1}}),
        ({"address.city": "keep", "address[].city": "drop"}, "keep", {"street": "Main St", "geo": {"x": 1}}),
    ],
)
def test_the_most_specific_rule_holds(fields: dict[str, str], default: str, expected: Any) -> None:
    assert cleaned({"address": ADDRESS}, fields, default) == {"address": expected}


def test_a_scalar_in_place_of_an_object_is_hidden_as_the_rule_says_of_its_members() -> None:
    fields = {"address.street": "mask", "*.iban": "mask", "**.email": "mask"}

    assert cleaned({"address": "Main St 1", "total": 5}, fields) == {"address": "***", "total": 5}


# ---- actions


def test_each_action_does_what_it_says() -> None:
    value = {"a": "x", "b": 1, "c": True, "d": None, "e": [Decimal("1.10"), None], "f": {}, "g": []}

    assert cleaned(value, {"*": "keep"}, "mask") == value
    assert cleaned(value, {"*": "drop"}) == {}
    assert cleaned(value, {"*": "mask"}) == {
        "a": "***", "b": "***", "c": "***", "d": None, "e": ["***", None], "f": {}, "g": [],
    }  # fmt: skip
    assert cleaned(value, {"*": "hash"}) == {
        "a": token("x"), "b": token("1"), "c": token("true"), "d": None, "e": [token("1.10"), None], "f": {}, "g": [],
    }  # fmt: skip


def test_what_is_dropped_of_an_array_leaves_the_other_items_in_their_places() -> None:
    value = {"lines": [{"sku": "a", "iban": "i"}, {"iban": "j"}, {"sku": "b"}], "tags": ["x", "y"]}

    assert cleaned(value, {"lines[].iban": "drop", "tags[]": "drop"}) == {"lines": [{"sku": "a"}, {}, {"sku": "b"}]}
    assert cleaned(value, {"lines": "drop", "lines.sku": "keep"}) == {
        "lines": [{"sku": "a"}, {}, {"sku": "b"}],
        "tags": ["x", "y"],
    }


def test_another_key_makes_other_tokens() -> None:
    other = PrivacySettings(key="another key of some length", fields={"a": "hash"})
    compiled = privacy_rules(ExtendSettings(api_key="sk_x", privacy=other))
    assert compiled is not None

    (value,) = compiled.clean_run(run_of(output={"value": {"a": "x"}}))["output"]["value"].values()

    assert value.startswith("hash:")
    assert value != token("x")


# ---- what is said about values


def entry(text: str, **more: Any) -> dict[str, Any]:
    return {
        "ocrConfidence": 0.5,
        "citations": [{"page": 1, "referenceText": text}],
        "insights": [{"type": "reasoning", "content": f"It says {text}"}],
        **more,
    }


def test_the_metadata_of_a_hidden_field_show_no_more_than_the_field() -> None:
    value = {"a": "Ann Lee", "b": "Bob Ray", "c": "Cem Nur", "d": "Dora"}
    metadata = {key: entry(text) for key, text in value.items()}

    assert cleaned_entries(value, metadata, {"a": "hash", "b": "mask", "c": "drop"}) == {
        "a": {
            "ocrConfidence": 0.5,
            "citations": [{"page": 1, "referenceText": token("Ann Lee")}],
            "insights": [{"type": "reasoning", "content": None}],
        },
        "b": {
            "ocrConfidence": 0.5,
            "citations": [{"page": 1, "referenceText": "***"}],
            "insights": [{"type": "reasoning", "content": None}],
        },
        "d": entry("Dora"),
    }


def test_texts_about_other_fields_must_not_show_a_hidden_value() -> None:
    value = {"lines": [{"sku": "A-1", "iban": "DE8937040044", "due": "2026-01-31"}], "total": 7, "note": "n"}
    metadata = {
        "lines[0]": entry("A-1, DE89 3704 0044, 31 Jan"),
        "lines[0].sku": entry("A-1 de89-3704-0044"),
        "lines[0].due": entry("A-1, 31 January 2026"),
        "total": entry("A-1, 31 January 2026"),
        "note": entry("n"),
    }

    clean = cleaned_entries(value, metadata, {"lines[].iban": "mask", "lines.due": "mask"})

    shown = {key: one["citations"][0]["referenceText"] for key, one in clean.items()}
    assert shown == {"lines[0]": None, "lines[0].sku": None, "lines[0].due": "***", "total": None, "note": "n"}
    assert [one["insights"][0]["content"] for one in clean.values()] == [
        None,
        None,
        None,
        "It says A-1, 31 January 2026",
        "It says n",
    ]


def test_metadata_keys_are_understood_however_the_api_writes_odd_keys() -> None:
    value = {"net.amount": "secret1", "a": {"b[0]": "secret2"}, "x": {"y": "shown"}, "x.y": "secret3"}
    metadata = {
        "net.amount": entry("1"),
        "a.b[0]": entry("2"),
        "x.y": entry("3"),
        "gone.key": entry("4"),
        "$": entry("5"),
    }

    clean = cleaned_entries(
        value,
        metadata,
        {'["net.amount"]': "drop", 'a["b[0]"]': "drop", '["x.y"]': "drop", '["gone.key"]': "drop"},
    )

    assert list(clean) == ["$"]  # x.y can mean both: the stricter rule holds
    assert clean["$"]["citations"] == [{"page": 1, "referenceText": None}]


def test_entries_of_odd_types_and_unknown_keys_are_emptied_but_named() -> None:
    run = run_of(
        output={"value": {"a": "x"}, "metadata": {"b": {**entry("b"), "new": "x"}, "c": "x", "d": entry("d", citations="x")}, "new": "x"},
        reviewedOutput=["x"], edits={"a": "x"}, newer={"x": "x"}, usage={"credits": "x", "new": 1}, files="x",
        config={"type": "EXTRACT", "schema": {"type": "object", "properties": {"b": {}, "d": {}, "e": {}}}},
    )  # fmt: skip
    run["output"]["metadata"]["e"] = {"citations": [{"new": "x", "polygon": [{"x": 1, "y": "x"}, "x"]}]}

    clean = rules({"a": "mask"}).clean_run(run)

    assert clean["output"] == {
        "value": {"a": "***"},
        "metadata": {
            "b": {**entry("b"), "new": None},
            "c": None,
            "d": entry("d", citations=None),
            "e": {"citations": [{"new": None, "polygon": [{"x": 1, "y": None}, None]}]},
        },
        "new": None,
    }
    assert clean["reviewedOutput"] is clean["newer"] is clean["files"] is None
    assert clean["edits"] == {"a": None}
    assert clean["usage"] == {"credits": None, "new": None}


def test_drift_still_names_unknown_keys() -> None:
    flattener = Flattener(privacy=rules({"a": "drop"}))
    flattener.add(
        "processor_run", run_of(output={"value": {"a": 1}, "new": "secret"}, newer="secret"), Origin("v", None, NOW)
    )

    rows = flattener.take("load-1", NOW)

    drift = {(row["object"], row["path"]): row["reason"] for row in rows["schema_drift"].to_pylist()}
    assert drift == {("processor_run", "newer"): "unknown_key", ("output", "new"): "unknown_key"}
    assert "secret" not in str([table.to_pylist() for table in rows.values()])


# ---- legacy outputs and edits

PASSPORT = {
    "id": "f1",
    "name": "passport",
    "type": "object",
    "schema": [{"id": "f2", "name": "number", "type": "string"}],
}


def test_legacy_results_are_cleaned_with_all_that_is_in_them() -> None:
    output = {
        "name": {"id": "f0", "type": "string", "value": "Ann Lee", "confidence": 0.5, "insights": [{"type": "issue", "content": "Ann"}],
                 "references": [{"id": "f0", "fieldName": "name", "page": 1, "boundingBoxes": [{"top": 1}], "text": "Ann"}]},
        "passport": {"id": "f1", "type": "object", "value": {"number": "P1", "country": "DE"}},
        "total": {"id": "f3", "type": "number", "value": 5},
        "bare": "secret",
        "empty": {"id": "f4"},
    }  # fmt: skip

    clean = rules({"name": "hash", "passport.number": "drop", "bare": "drop", "empty": "drop"}).clean_run(
        legacy_run(output, PASSPORT)
    )

    assert clean["output"] == {
        "name": {"id": "f0", "type": "string", "value": token("Ann Lee"), "confidence": 0.5, "insights": [{"type": "issue", "content": None}],
                 "references": [{"id": "f0", "fieldName": "name", "page": 1, "boundingBoxes": [{"top": 1}], "text": None}]},
        "passport": {"id": "f1", "type": "object", "value": {"country": "DE"}},
        "total": {"id": "f3", "type": "number", "value": 5},
    }  # fmt: skip


def test_a_legacy_field_is_found_by_its_name_where_its_id_stands_for_it() -> None:
    output = {"f1": {"id": "f1", "value": {"f2": "P1", "x": 1}}}
    edits = {"f1": {"originalValue": {"number": "P0"}, "editedValue": {"f2": "P1"}}}

    clean = rules({"passport.number": "mask"}).clean_run(legacy_run(output, PASSPORT, edits=edits))

    assert clean["output"] == {"f1": {"id": "f1", "value": {"f2": "***", "x": 1}}}
    assert clean["edits"] == {"f1": {"originalValue": {"number": "***"}, "editedValue": {"f2": "***"}}}
    allowed = rules({"passport": "keep"}, default="drop").clean_run(legacy_run(output, PASSPORT))
    assert allowed["output"] == output


def test_all_outputs_and_the_edits_are_cleaned_alike() -> None:
    run = run_of(
        output={"value": {"a": "new value", "b": 1}},
        initialOutput={"value": {"a": "old value", "b": 1}},
        reviewedOutput={"value": {"a": "new value", "b": 1}},
        edits={
            "a": {"originalValue": "old value", "editedValue": "new value", "notes": "a note", "page": 1, "fieldType": "string"},
            "b": {"originalValue": 1, "editedValue": 2, "notes": "as a was old value"},
            "c": {"originalValue": "gone", "notes": "gone"},
            "d": {"originalValue": 3, "notes": "fine"},
        },
        config={"type": "EXTRACT", "schema": {"type": "object", "properties": {"d": {"type": "number"}}}},
    )  # fmt: skip

    clean = rules({"a": "hash", "c": "drop"}).clean_run(run)

    assert clean["initialOutput"] == {"value": {"a": token("old value"), "b": 1}}
    assert clean["output"] == clean["reviewedOutput"] == {"value": {"a": token("new value"), "b": 1}}
    assert clean["edits"] == {
        "a": {"originalValue": token("old value"), "editedValue": token("new value"), "notes": None, "page": 1, "fieldType": "string"},
        "b": {"originalValue": 1, "editedValue": 2, "notes": None},
        "d": {"originalValue": 3, "notes": "fine"},
    }  # fmt: skip


# ---- columns


def test_rules_for_columns_are_applied_to_the_payload() -> None:
    file = {"id": "file_1", "name": "Ann.pdf", "metadata": {"pageCount": 2, "parentSplit": {"id": "s", "identifier": "Ann"}},
            "contents": {"rawText": "Ann", "pages": [{"pageNumber": 1, "rawText": "Ann", "html": "Ann"}]}}  # fmt: skip
    run = run_of(
        metadata={"owner": "Ann", "n": [1]}, files=[file], output={"value": {"a": 1}, "metadata": {"a": entry("Ann")}}
    )

    clean = rules(
        columns={
            "files.name": "hash", "files.page_count": "drop", "files.parent_split_identifier": "mask",
            "file_contents.raw_text": "mask", "file_pages.html": "drop", "file_pages.raw_text": "keep",
            "processor_runs.metadata": "hash", "processor_runs.url": "drop",
            "extraction_citations.reference_text": "hash", "output_insights.content": "drop",
        }
    ).clean_run(run)  # fmt: skip

    assert clean["files"] == [
        {"id": "file_1", "name": token("Ann.pdf"), "metadata": {"parentSplit": {"id": "s", "identifier": "***"}},
         "contents": {"rawText": "***", "pages": [{"pageNumber": 1, "rawText": "Ann"}]}}
    ]  # fmt: skip
    assert clean["metadata"] == {"owner": token("Ann"), "n": [token("1")]}
    assert "url" not in clean
    assert clean["output"]["metadata"]["a"] == {
        "ocrConfidence": 0.5,
        "citations": [{"page": 1, "referenceText": token("Ann")}],
        "insights": [{"type": "reasoning"}],
    }


@pytest.mark.parametrize("kind", ["CLASSIFY", "SPLITTER"])
def test_edits_of_classifications_and_splits_take_rules_for_columns(kind: str) -> None:
    edit = {"originalValue": "contract", "editedValue": "other", "notes": "Misread", "page": 1}
    columns = {"extraction_edits.original_value": "mask", "extraction_edits.notes": "drop"}

    clean = rules(columns=columns).clean_run({"id": "dpr_1", "type": kind, "config": {}, "edits": {"type": edit}})

    assert clean["edits"] == {"type": {"originalValue": "***", "editedValue": "other", "page": 1}}


def test_classifications_and_splits_take_rules_for_columns() -> None:
    classify = run_of(
        "CLASSIFY", output={"id": "c", "type": "person", "insights": [{"type": "reasoning", "content": "Ann"}]}
    )
    split = run_of(
        "SPLITTER", output={"splits": [{"id": "s", "identifier": "Ann", "observation": "Ann"}], "isExternal": True}
    )
    compiled = rules(
        columns={"output_insights.content": "mask", "splits.identifier": "hash", "splits.observation": "drop"}
    )

    assert compiled.clean_run(classify)["output"]["insights"] == [{"type": "reasoning", "content": "***"}]
    assert compiled.clean_run(split)["output"] == {
        "splits": [{"id": "s", "identifier": token("Ann")}],
        "isExternal": True,
    }


def test_computed_columns_are_cleaned_in_the_rows() -> None:
    flattener = Flattener()
    flattener.add("processor_run",
        run_of(output={"value": {"a": "Ann"}}, initialOutput={"value": {"a": "Bob"}}, reviewedOutput={"value": {"a": "Ann"}}, new="Ann"),
        Origin("v", None, NOW),
    )  # fmt: skip
    tables: dict[str, pa.Table] = flattener.take("load-1", NOW)
    before = {name: table.schema for name, table in tables.items()}

    rules(
        columns={
            "processor_runs.initial_output": "hash", "processor_runs.extra": "drop", "extraction_edits.initial_value": "mask",
        }
    ).clean_tables(tables)  # fmt: skip

    (run,) = tables["processor_runs"].to_pylist()
    assert json.loads(run["initial_output"]) == {"value": {"a": token("Bob")}}
    assert run["extra"] is None
    assert [row["initial_value"] for row in tables["extraction_edits"].to_pylist()] == [None, '"***"']
    assert {name: table.schema for name, table in tables.items()} == before


# ---- refusals


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ({"columns": {"filez.name": "drop"}}, "privacy.columns 'filez.name': rules can be set for columns of processor_runs, "),
        ({"columns": {"extraction_invoices.total": "drop"}}, "set a rule under privacy.fields."),
        ({"columns": {"files.nome": "drop"}}, "privacy.columns 'files.nome': there is no such column; files takes rules for object, name, type, page_count, "),
        ({"columns": {"files.id": "mask"}}, "privacy.columns 'files.id': the source needs it to tell rows apart and to know what has changed; files takes rules for object, name, "),
        *(
            ({"columns": {name: "drop"}}, f"privacy.columns {name!r}: the source needs it")
            for name in (
                "processor_runs.status", "processor_runs.type", "processor_runs.updated_at", "processor_runs.payload_sha256",
                "processor_runs.credits", "processor_runs.loaded_tables", "processor_runs.workspace_id", "files.fetched_at",
                "extraction_fields.path", "splits.file_id", "processor_run_summaries.summary_sha256",
            )
        ),
        ({"columns": {"run_configs.config": "drop"}}, "rules can be set for columns of "),
        ({"columns": {"files.page_count": "hash"}}, "privacy.columns 'files.page_count': the column holds bigint, which cannot become text; use drop."),
        ({"columns": {"extraction_fields.value_text": "drop"}}, "values are in other tables as well; set a rule under privacy.fields."),
        ({"columns": {"processor_runs.initial_output": "drop"}, "keep_raw": True}, "with keep_raw the payloads would still show it; turn keep_raw off, or set rules under privacy.fields."),
        ({"fields": {"a": "drop"}, "file_contents": "fetch"}, 'privacy hides fields, which the text of files would show: set file_contents to "none".'),
    ],
)  # fmt: skip
def test_what_cannot_be_kept_is_refused_with_one_line(arguments: dict[str, Any], line: str) -> None:
    with pytest.raises(ConfigurationValueError) as caught:
        rules(**arguments)

    assert line in str(caught.value)
    assert "\n" not in str(caught.value)


def test_text_may_be_fetched_where_no_rule_hides_a_field() -> None:
    assert rules({"a": "keep"}, {"files.name": "drop"}, file_contents="fetch").hides_fields is False


def test_without_rules_runs_and_files_are_not_even_copied() -> None:
    rules = privacy_rules(ExtendSettings(api_key="sk_x"))
    run = {
        "id": "dpr_1",
        "type": "EXTRACT",
        "output": {"value": {"a": 1}},
        "files": [{"id": "file_1", "name": "a.pdf"}],
    }

    assert rules.clean("processor_run", run) is run
    assert rules.clean("file", run["files"][0]) is run["files"][0]
    assert rules.clean_summary("processor_run", run) is run
    assert not rules.has_field_rules


def test_names_of_people_are_dropped_unless_a_rule_keeps_them() -> None:
    run = {"id": "workflow_run_1", "reviewedBy": "ana@customer.test", "url": "https://dashboard.test"}
    version = {"id": "exv_1", "createdBy": {"type": "user", "email": "ana@customer.test"}}
    kept = {"workflow_runs.reviewed_by": "keep", "processor_versions.created_by_email": "keep"}
    without = privacy_rules(ExtendSettings(api_key="sk_x"))
    with_rules = privacy_rules(ExtendSettings(api_key="sk_x", privacy=PrivacySettings(columns=kept)))

    assert without.clean("workflow_run", run) == {"id": "workflow_run_1", "url": "https://dashboard.test"}
    assert without.clean("processor_version", version) == {"id": "exv_1", "createdBy": {"type": "user"}}
    assert with_rules.clean("workflow_run", run) == run
    assert with_rules.clean("processor_version", version) == version


def test_what_is_new_about_a_person_is_dropped_like_the_rest() -> None:
    creator = {"type": "user", "email": "ana@customer.test", "fullName": "Ana", "contact": {"phone": "1"}}
    version = {"id": "exv_1", "createdBy": creator}
    both = {f"processor_versions.created_by_{name}": "keep" for name in ("email", "name")}
    without = privacy_rules(ExtendSettings(api_key="sk_x"))
    one, all_kept = (
        privacy_rules(ExtendSettings(api_key="sk_x", privacy=PrivacySettings(columns=kept)))
        for kept in ({"processor_versions.created_by_email": "keep"}, both)
    )

    assert without.clean("processor_version", version)["createdBy"] == {"type": "user"}
    assert one.clean("processor_version", version)["createdBy"] == {"type": "user", "email": "ana@customer.test"}
    assert all_kept.clean("processor_version", version)["createdBy"] == creator


def test_what_customers_answer_and_validations_say_is_left_out_where_fields_are_hidden() -> None:
    rules = privacy_rules(ExtendSettings(api_key="sk_x", privacy=PrivacySettings(fields={"iban": "drop"})))
    check = {"kind": "block", "name": "iban", "valid": False, "reasoning": "DE02 is none", "error": "DE02"}
    step = {"id": "s", "result": {"valid": False, "checks": [check], "response": {"status": 200, "data": "DE02"}}}

    cleaned = rules.clean("workflow_run", {"id": "workflow_run_1", "stepRuns": [step]})

    assert "DE02" not in str(cleaned)
    assert cleaned["stepRuns"][0]["result"]["checks"][0]["name"] == "iban"


# ---- typed tables


def test_typed_tables_have_text_for_what_is_hidden_and_no_column_for_what_is_dropped() -> None:
    number, text = {"type": ["number", "null"]}, {"type": ["string", "null"]}
    line = {"type": "object", "properties": {"sku": text, "iban": text}}
    person = {"type": "object", "properties": {"name": text, "born": {**text, "extend:type": "date"}}}
    schema = {"type": "object", "properties": {"total": number, "tax": number, "person": person, "ssn": text, "free": {},
              "lines": {"type": "array", "items": line}, "tags": {"type": "array", "items": text}}}  # fmt: skip
    value = {"total": 5, "tax": 1, "person": {"name": "Ann", "born": "1980-01-31"}, "ssn": "1", "free": {"x": 1},
             "lines": [{"sku": "a", "iban": "i"}], "tags": ["x"]}  # fmt: skip
    compiled = rules(
        {"total": "hash", "person": "mask", "ssn": "drop", "lines.iban": "drop", "tags": "drop", "free": "mask"}
    )
    flattener = Flattener(privacy=compiled, names=TypedNames())
    flattener.add(
        "processor_run",
        run_of(config={"type": "EXTRACT", "schema": schema}, output={"value": value}),
        Origin("v", None, NOW),
    )

    tables = flattener.take("load-1", NOW)

    (row,) = tables["extraction_processor_1"].to_pylist()
    assert list(tables.typed) == ["extraction_processor_1", "extraction_processor_1__lines"]
    assert {name: row[name] for name in list(row)[5:-1]} == {
        "total": token("5"), "tax": 1.0, "person__name": "***", "person__born": "***",  "free": '{"x":"***"}',
    }  # fmt: skip
    assert list(tables["extraction_processor_1__lines"].to_pylist()[-1]) == [
        "run_id", "row_index", "row_path", "parent_row_path", "sku", "_dlt_load_id",
    ]  # fmt: skip
    assert tables["schema_drift"].num_rows == 0


# ---- whatever comes

CANARY = "canary7f3a9c1e5b"
PLAIN_KEYS = st.sampled_from(["a", "b", "c", "net.amount", "x[1]", "Größe"])
VALUES = st.recursive(
    st.one_of(st.none(), st.integers(0, 99), st.sampled_from(["t", "u"])),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(PLAIN_KEYS, inner, max_size=3)),
    max_leaves=8,
)
HIDING = st.sampled_from(["hash", "mask", "drop"])


@st.composite
def runs_with_a_secret(draw: st.DrawFn) -> tuple[dict[str, Any], str, Any]:
    """A run whose field ``secret`` is full of the canary wherever it stands, the action, and the value without it."""
    legacy = draw(st.booleans())

    def put(value: Any, odds: int) -> Any:
        if isinstance(value, dict):
            inner = {key: put(item, odds) for key, item in value.items()}
            return {**inner, "secret": draw(secrets)} if draw(st.integers(0, 3)) < odds else inner
        return [put(item, odds) for item in value] if isinstance(value, list) else value

    secrets = st.sampled_from([CANARY, [CANARY], {"x": CANARY}, [{"y": [CANARY]}, None]])
    base = draw(st.dictionaries(PLAIN_KEYS, VALUES, max_size=3))
    value = {**put(base, 2), "secret": draw(secrets)}
    places = [(node.path, node.raw_path) for node in walk(value)]
    keys = draw(st.lists(st.sampled_from([key for pair in places for key in pair if key]), max_size=4))
    said = entry(f"row with {CANARY}", new=CANARY)
    edits = {key: {"originalValue": CANARY if "secret" in key else 1, "notes": CANARY, "new": CANARY} for key in keys}
    if legacy:
        out: Any = {
            key: {
                "id": key,
                "value": item,
                "insights": said["insights"],
                "new": CANARY,
                "references": [{"text": CANARY}],
            }
            for key, item in value.items()
        }
        run = legacy_run(out, initialOutput=draw(st.sampled_from([None, out])), edits=edits)
    else:
        out = {"value": value, "metadata": dict.fromkeys(keys, said), "new": CANARY}
        run = run_of(output=out, reviewedOutput=draw(st.sampled_from([None, out])), edits=edits)
    run["new"] = {"deep": [CANARY]}
    run["files"] = [{"id": "file_1", "contents": {"rawText": CANARY, "pages": [{"html": CANARY}]}, "new": CANARY}]
    return run, draw(HIDING), base


def without_secret(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_secret(item) for key, item in value.items() if key != "secret"}
    return [without_secret(item) for item in value] if isinstance(value, list) else value


@settings(max_examples=200)
@given(runs_with_a_secret())
def test_a_hidden_value_is_nowhere_in_the_run_and_all_others_stay(case: tuple[dict[str, Any], str, Any]) -> None:
    run, action, base = case
    compiled = rules({"**.secret": action})
    before = copy.deepcopy(run)

    clean = compiled.clean_run(run)

    assert run == before
    assert CANARY not in encode_json(clean)
    output = clean["output"]
    value = output["value"] if "schema" in run["config"] else {key: result["value"] for key, result in output.items()}
    assert without_secret(value) == base
    assert encode_json(compiled.clean_run(clean)) == encode_json(clean)


@pytest.mark.slow
@given(payloads.runs(), HIDING)
def test_any_run_can_be_cleaned_and_lands(run: dict[str, Any], default: str) -> None:
    compiled = rules({"a": "keep", "**.b": "hash"}, {"files.name": "mask", "processor_runs.metadata": "hash"}, default)

    clean = compiled.clean_run(run)

    assert encode_json(compiled.clean_run(clean)) == encode_json(clean)
    flattener = Flattener(privacy=compiled, names=TypedNames(), keep_raw=True)
    flattener.add("processor_run", run, Origin("v", None, NOW))
    tables = flattener.take("load-1", NOW)
    compiled.clean_tables(tables)
    assert tables.keys() >= TABLES.keys()


def test_the_key_is_not_shown() -> None:
    privacy = PrivacySettings(key=KEY, fields={"a": "hash"})

    assert KEY not in f"{privacy} {privacy!r} {rules({'a': 'hash'})!r} {vars(rules({'a': 'hash'}))}"
