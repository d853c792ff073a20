"""Nothing that SDK 1.20.0 declares of what is loaded beside processor runs is lost."""

from __future__ import annotations

import re
from typing import Any

import pytest
from extend_ai import types

from extend_source.api import CURRENT_VERSION
from tests.landing import lost, lost_of_list

from ..sdk_payloads import payloads

LEFT_TO_OTHERS = re.compile(
    r"\.entity\.(object|createdAt|updatedAt)"
    r"|\.entityVersion\.(object|description|(extractor|classifier|splitter)Id|createdAt|createdBy\.\w+)"
    r"|\.usage\.breakdown\[\d+\]\.object"
    r"|\.advancedOptions\.headers.*"
)
"""What is said of a processor, and of its version: their own tables say so; and the type, which has another name; what
the ledger calls a run; and headers, which are secret."""


@pytest.mark.parametrize(
    ("object_type", "model", "fewest"),
    [
        ("evaluation_set", types.EvaluationSet, 3),
        ("evaluation_set_item", types.EvaluationSetItem, 4),
        ("evaluation_set_run", types.EvaluationSetRun, 3),
        ("edit_run", types.EditRun, 9),
        ("form_detection_run", types.FormDetectionRun, 9),
        ("edit_template", types.EditTemplate, 9),
        ("verify_run", types.VerifyRun, 9),
        ("webhook_endpoint", types.WebhookEndpoint, 2),
        ("webhook_subscription", types.WebhookSubscription, 4),
        ("batch_run", types.BatchRun, 5),
    ],
)
def test_every_value_lands(object_type: str, model: Any, fewest: int) -> None:
    made = payloads(model)
    assert len(made) >= fewest
    for payload in made:
        missing = lost(object_type, payload, CURRENT_VERSION)
        assert [place for place in missing if not LEFT_TO_OTHERS.fullmatch(place)] == []


OF_ITS_FILE = re.compile(r"\.file\.(object|type|parentFileId|metadata.*|createdAt|updatedAt)")
"""What the list of verify runs says of a file: the list of files says so."""


@pytest.mark.parametrize(
    ("object_type", "model", "fewest"), [("verify_run", types.VerifyRunSummary, 6), ("file", types.FileSummary, 8)]
)
def test_every_value_of_a_row_of_a_list_lands(object_type: str, model: Any, fewest: int) -> None:
    made = payloads(model)
    assert len(made) >= fewest
    for payload in made:
        missing = lost_of_list(object_type, payload, CURRENT_VERSION)
        left = [place for place in missing if not (LEFT_TO_OTHERS.fullmatch(place) or OF_ITS_FILE.fullmatch(place))]
        assert left == []
