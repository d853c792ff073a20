"""What people say that documents hold is hidden as what runs have read of them."""

from __future__ import annotations

from typing import Any

import pytest

from extend_source import ExtendSettings
from extend_source.config.privacy_rules import PrivacySettings
from extend_source.privacy import PrivacyRules, privacy_rules

KEY = "a key of some length"
SCHEMA = {"value": {"iban": "DE89", "lines": [{"sku": "A-1"}]}}
LEGACY = {"iban": {"id": "f_1", "value": "DE89", "type": "string", "page": 2}, "total": {"id": "f_2", "value": 7}}
CLASS = {"id": "c_1", "type": "invoice"}
SPLITS = {"splits": [{"type": "invoice", "classificationId": "c_1", "startPage": 1, "endPage": 2, "news": "DE89"}]}


def rules(
    fields: dict[str, str] | None = None, columns: dict[str, str] | None = None, default: str = "keep"
) -> PrivacyRules:
    privacy = PrivacySettings(key=KEY, default=default, fields=fields, columns=columns)
    return privacy_rules(ExtendSettings(api_key="sk_x", privacy=privacy))


def expected(output: Any, compiled: PrivacyRules) -> Any:
    """What is expected of an item, once it is cleaned."""
    return compiled.clean("evaluation_set_item", {"id": "evi_1", "expectedOutput": output})["expectedOutput"]


@pytest.mark.parametrize("output", [SCHEMA, LEGACY, CLASS, SPLITS, None, "odd", {"value": None}])
def test_without_rules_what_is_expected_stays_as_it_is(output: Any) -> None:
    assert expected(output, rules()) == output


def test_a_rule_for_a_field_reaches_both_shapes_of_extractions() -> None:
    masked = rules({"iban": "mask"})

    assert expected(SCHEMA, masked) == {"value": {"iban": "***", "lines": [{"sku": "A-1"}]}}
    assert expected(LEGACY, masked) == {
        "iban": {"id": "f_1", "value": "***", "type": "string", "page": None},
        "total": {"id": "f_2", "value": 7},
    }


@pytest.mark.parametrize(
    ("output", "left"),
    [
        (SCHEMA, {"value": {}}),
        (LEGACY, {}),
        (CLASS, CLASS),
        (SPLITS, {"splits": [{**SPLITS["splits"][0], "news": None}]}),
        ("DE89", None),
        (["DE89"], None),
        ({"value": "DE89"}, {"value": {}}),
        ({"iban": "DE89"}, {}),
        ({"id": "DE89"}, {}),
        ({"type": "DE89", "id": "c_1", "more": "DE89"}, {}),
        ({"splits": "DE89"}, {}),
    ],
)
def test_where_all_fields_are_dropped_only_classes_and_pages_are_left(output: Any, left: Any) -> None:
    assert expected(output, rules(default="drop")) == left


def test_a_legacy_field_that_is_called_value_is_hidden_by_either_of_its_names() -> None:
    output = {"value": {"id": "f_1", "value": "DE89"}}

    for path in ("value", "value.value"):
        assert expected(output, rules({path: "mask"}))["value"]["value"] == "***"


def test_a_field_that_goes_by_its_id_is_hidden_as_no_rule_can_tell_what_it_is() -> None:
    output = {"f_1": {"id": "f_1", "value": {"street": "Main St", "number": 7}}, "total": {"id": "f_2", "value": 7}}

    assert expected(output, rules({"address": "mask"})) == {
        "f_1": {"id": "f_1", "value": {"street": "***", "number": "***"}},
        "total": {"id": "f_2", "value": 7},
    }
    assert expected(output, rules({"total": "keep"}, default="drop")) == {"total": {"id": "f_2", "value": 7}}


def test_a_rule_for_the_column_hides_all_of_it() -> None:
    masked = rules(columns={"evaluation_set_items.expected_output": "mask"})

    assert expected(SCHEMA, masked) == {"value": {"iban": "***", "lines": [{"sku": "***"}]}}
    assert expected("DE89", masked) == "***"


def test_who_made_a_set_is_dropped_and_what_is_unknown_is_kept_only_where_nothing_is_hidden() -> None:
    made = {"id": "ev_1", "name": "Invoices", "createdBy": {"type": "user", "email": "ana@x.test"}, "news": "DE89"}

    assert rules().clean("evaluation_set", made) == {
        "id": "ev_1",
        "name": "Invoices",
        "createdBy": {"type": "user"},
        "news": "DE89",
    }
    assert rules({"iban": "mask"}).clean("evaluation_set", made)["news"] is None


def test_where_fields_are_hidden_nothing_but_figures_is_left_of_metrics() -> None:
    metrics = {
        "accuracy": 0.5,
        "verdict": "DE89",
        "confusionMatrix": {"a": {"b": 1}},
        "fieldMetrics": {"iban": {"accuracy": 1, "example": "DE89"}, "total": "DE89"},
    }
    run = {"id": "bpr_1", "metrics": metrics}

    assert rules({"iban": "mask"}).clean("evaluation_set_run", run)["metrics"] == {
        "accuracy": 0.5,
        "verdict": None,
        "confusionMatrix": None,
        "fieldMetrics": {"iban": {"accuracy": 1, "example": None}, "total": None},
    }
    assert rules({"iban": "mask"}).clean("evaluation_set_run", {"id": "b", "metrics": ["DE89"]})["metrics"] is None
    assert rules().clean("evaluation_set_run", run)["metrics"] == metrics


def test_rules_for_fields_have_met_what_is_expected() -> None:
    compiled = rules({"iban": "mask", "nowhere": "mask"})
    expected(SCHEMA, compiled)

    assert compiled.usage.has_met_fields
    assert [unmatched.rule for unmatched in compiled.usage.unmatched()] == ["nowhere"]
