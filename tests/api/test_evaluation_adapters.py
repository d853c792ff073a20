"""Evaluation sets, their items and runs: both versions become alike, and nothing is lost on the way."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from extend_source.api.endpoints import CURRENT_VERSION, endpoints_for
from extend_source.api.evaluation_adapters import is_evaluation
from extend_source.config.settings import API_VERSION

CREATOR = {"type": "user", "email": "ana@customer.test"}


def canonical(object_type: str, payload: dict[str, Any], version: str = CURRENT_VERSION) -> dict[str, Any]:
    return endpoints_for(version, object_type, str(payload.get("id")))[0].adapt(payload)


def metrics_of(metrics: Any) -> Any:
    """The metrics of a run of 2025-04-21."""
    return canonical("evaluation_set_run", {"id": "bpr_1", "metrics": metrics}, API_VERSION)["metrics"]


def test_who_made_the_processor_of_a_set_is_left_out_and_what_is_new_of_it_is_seen() -> None:
    entity = {"object": "splitter", "id": "spl_1", "name": "Mail", "createdBy": CREATOR, "folder": "north"}

    assert canonical("evaluation_set", {"id": "ev_1", "entity": entity}) == {
        "id": "ev_1",
        "processorId": "spl_1",
        "processorName": "Mail",
        "processorType": "SPLITTER",
        "entity": {"folder": "north"},
    }


@pytest.mark.parametrize(
    ("entity", "expected"),
    [
        (None, {}),
        ({}, {}),
        ("ex_1", {"entity": "ex_1"}),
        (["ex_1"], {"entity": ["ex_1"]}),
        ({"object": "sorter", "id": "so_1"}, {"processorType": "sorter", "processorId": "so_1"}),
        ({"object": ["extractor"]}, {}),
    ],
)
def test_an_odd_processor_of_a_set_stops_nothing(entity: Any, expected: dict[str, Any]) -> None:
    assert canonical("evaluation_set", {"id": "ev_1", "entity": entity}) == {"id": "ev_1", **expected}


@pytest.mark.parametrize(
    ("item", "files"),
    [
        ({"file": {"id": "f_1"}, "files": None}, [{"id": "f_1"}]),
        ({"file": None, "files": [{"id": "f_1"}, {"id": "f_2"}]}, [{"id": "f_1"}, {"id": "f_2"}]),
        ({"file": None, "files": None}, None),
        ({"fileId": "f_1"}, [{"id": "f_1"}]),
        ({"fileId": ""}, []),
        ({"files": "f_1"}, "f_1"),
        ({"file": {"id": "f_1", "presignedUrl": "https://x.test/?sig=1"}}, [{"id": "f_1"}]),
    ],
)
def test_the_files_of_an_item_are_a_list(item: dict[str, Any], files: Any) -> None:
    assert canonical("evaluation_set_item", {"id": "evi_1", **item}) == {"id": "evi_1", "files": files}


def test_what_an_item_says_of_files_beside_its_list_is_seen() -> None:
    item = {"id": "evi_1", "file": {"id": "f_1", "presignedUrl": "x"}, "files": [{"id": "f_2"}], "fileId": "f_3"}

    assert canonical("evaluation_set_item", item) == {
        "id": "evi_1",
        "fileNews": {"id": "f_1"},
        "fileId": "f_3",
        "files": [{"id": "f_2"}],
    }


def test_the_type_of_a_processor_is_that_of_its_metrics_unless_the_run_says_another() -> None:
    entity = {"object": "extractor", "id": "ex_1"}

    alike = canonical("evaluation_set_run", {"id": "bpr_1", "entity": entity, "metrics": {"type": "EXTRACT"}})
    other = canonical("evaluation_set_run", {"id": "bpr_1", "entity": entity, "metrics": {"type": "CLASSIFY"}})

    assert (alike["processorType"], alike["metrics"]) == ("EXTRACT", {})
    assert (other["processorType"], other["metrics"]) == ("EXTRACT", {"type": "CLASSIFY"})


def test_a_run_of_2025_is_a_batch_of_a_set() -> None:
    batch = {"id": "bpr_1", "source": "EVAL_SET", "sourceId": "ev_1", "metrics": {"numFiles": 2}}

    assert canonical("evaluation_set_run", batch, API_VERSION) == {
        "id": "bpr_1",
        "evaluationSetId": "ev_1",
        "metrics": {"numFiles": 2},
    }
    assert [is_evaluation({"source": source}) for source in ("EVAL_SET", "STUDIO", None)] == [True, False, False]


def test_percents_become_ratios_with_all_their_digits_and_counts_are_called_alike() -> None:
    assert metrics_of({"accuracyPerc": Decimal("87.50"), "precisionPerc": 100, "recallPerc": 0.5}) == {
        "accuracy": Decimal("0.8750"),
        "precision": 1,
        "recall": Decimal("0.005"),
    }
    assert metrics_of({"numExpectedDocs": 3, "numPredictedDocs": 2, "numCorrectDocs": 1, "meanConfidence": 0.9}) == {
        "numSplitsExpected": 3,
        "numSplitsPredicted": 2,
        "numSplitsCorrect": 1,
        "meanConfidence": 0.9,
    }


def test_what_has_a_ratio_already_keeps_it() -> None:
    assert metrics_of({"accuracy": 0.9, "accuracyPerc": 85}) == {"accuracy": 0.9, "accuracyPerc": 85}
    assert metrics_of({"accuracyPerc": "good", "recallPerc": None, "precisionPerc": True}) == {
        "accuracy": "good",
        "recall": None,
        "precision": True,
    }


def test_metrics_of_nested_fields_go_by_their_paths_unless_another_field_is_called_so() -> None:
    nested = {"recallPerc": 50, "fieldMetrics": {"b": {"recallPerc": 20, "fieldMetrics": {"c": {"n": 1}}}}}

    assert metrics_of({"fieldMetrics": {"a": nested}})["fieldMetrics"] == {
        "a": {"recall": Decimal("0.5")},
        "a.b": {"recall": Decimal("0.2")},
        "a.b.c": {"n": 1},
    }
    taken = metrics_of({"fieldMetrics": {"a.b": {"n": 1}, "a": {"fieldMetrics": {"b": {"n": 2}}}}})["fieldMetrics"]
    assert taken == {"a.b": {"n": 1}, "a": {"fieldMetrics": {"b": {"n": 2}}}}
    later = metrics_of({"fieldMetrics": {"a": {"fieldMetrics": {"b": {"n": 2}}}, "a.b": {"n": 1}}})["fieldMetrics"]
    assert later == {"a": {"fieldMetrics": {"b": {"n": 2}}}, "a.b": {"n": 1}}


def test_maps_of_figures_go_to_the_fields_and_classes_that_they_are_about() -> None:
    maps = {
        "arrayCardinalityMetrics": {"lines": 2},
        "distribution": {"invoice": 3, "letter": 1},
        "accuracyPercByClassification": {"invoice": 50},
        "fieldMetrics": {"lines": {"recallPerc": 100}},
    }

    assert metrics_of(maps) == {
        "fieldMetrics": {"lines": {"recall": 1, "arrayCardinality": 2}},
        "classificationMetrics": {
            "invoice": {"distribution": 3, "accuracy": Decimal("0.5")},
            "letter": {"distribution": 1},
        },
    }


@pytest.mark.parametrize(
    "metrics",
    [
        {"distribution": [1]},
        {"fieldMetrics": [1]},
        {"fieldMetrics": "none", "arrayCardinalityMetrics": {"lines": 2}},
        {"fieldMetrics": {"lines": 3}, "arrayCardinalityMetrics": {"lines": 2}},
        {"fieldMetrics": {"lines": {"arrayCardinality": 3}}, "arrayCardinalityMetrics": {"lines": 2}},
        {"fieldMetrics": {"lines": {"fieldMetrics": [1]}}},
        {"fieldMetrics": {"meanConfidence": 0.5}},
        "none",
        None,
    ],
)
def test_odd_metrics_stay_as_they_are(metrics: Any) -> None:
    assert metrics_of(metrics) == metrics
