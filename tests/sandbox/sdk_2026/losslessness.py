"""Nothing that SDK 1.20.0 declares of evaluation sets, of their items and runs, and of what is about forms is lost."""

from __future__ import annotations

import re
from typing import Any

import pytest
from extend_ai import types

from extend_source.api import CURRENT_VERSION
from tests.landing import lost

from ..sdk_payloads import payloads

LEFT_TO_OTHERS = re.compile(
    r"\.entity\.(object|createdAt|updatedAt)"
    r"|\.entityVersion\.(object|description|(extractor|classifier|splitter)Id|createdAt|createdBy\.\w+)"
    r"|\.usage\.breakdown\[\d+\]\.object"
)
"""What is said of a processor, and of its version: their own tables say so; and the type, which has another name; and
what the ledger calls a run."""


@pytest.mark.parametrize(
    ("object_type", "model", "fewest"),
    [
        ("evaluation_set", types.EvaluationSet, 3),
        ("evaluation_set_item", types.EvaluationSetItem, 4),
        ("evaluation_set_run", types.EvaluationSetRun, 3),
        ("edit_run", types.EditRun, 9),
        ("form_detection_run", types.FormDetectionRun, 9),
        ("edit_template", types.EditTemplate, 9),
    ],
)
def test_every_value_lands(object_type: str, model: Any, fewest: int) -> None:
    made = payloads(model)
    assert len(made) >= fewest
    for payload in made:
        missing = lost(object_type, payload, CURRENT_VERSION)
        assert [place for place in missing if not LEFT_TO_OTHERS.fullmatch(place)] == []
