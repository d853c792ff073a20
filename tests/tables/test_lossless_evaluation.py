"""Nothing that SDK 0.2.0 declares of evaluation sets, their items and runs is lost; SDK 1.20.0 has a process of its own."""

from __future__ import annotations

from typing import Any

import pytest
from extend_ai import types
from extend_ai.types.classify_metrics import ClassifyMetrics
from extend_ai.types.extract_metrics import ExtractMetrics
from extend_ai.types.splitter_metrics import SplitterMetrics

from extend_source.config.settings import API_VERSION
from tests.landing import landed, lost
from tests.sandbox.sdk_payloads import payloads


@pytest.mark.parametrize(
    ("object_type", "model"),
    [("evaluation_set", types.EvaluationSet), ("evaluation_set_item", types.EvaluationSetItem)],
)
def test_every_value_of_a_set_and_of_an_item_lands(object_type: str, model: Any) -> None:
    made = payloads(model)
    assert made
    for payload in made:
        assert lost(object_type, payload, API_VERSION) == []


@pytest.mark.parametrize("model", [None, ExtractMetrics, ClassifyMetrics, SplitterMetrics])
def test_every_value_of_a_run_lands_but_for_percents_which_become_ratios(model: Any) -> None:
    (run, *others) = payloads(types.BatchProcessorRun)
    made = [run, *others] if model is None else [{**run, "metrics": metrics} for metrics in payloads(model)]
    for payload in made:
        missing = lost("evaluation_set_run", payload, API_VERSION)
        assert [place for place in missing if place != ".source" and not place.endswith("Perc")] == []
        percents = {key: value for key, value in payload["metrics"].items() if key.endswith("Perc") and value}
        rows = landed("evaluation_set_run", payload, API_VERSION)["evaluation_set_run_metrics"]
        found = {row["metric"]: row["value"] for row in rows if row["scope"] == "run"}
        for key, percent in percents.items():
            assert found[key.removesuffix("Perc")] == pytest.approx(percent / 100)


def test_the_search_can_fail() -> None:
    assert lost("evaluation_set_run", {"id": "bpr_1", "source": "EVAL_SET"}, API_VERSION) == [".source"]
