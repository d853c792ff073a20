"""Nothing that SDK 0.2.0 declares of a batch of runs is lost; SDK 1.20.0 has a process of its own."""

from __future__ import annotations

from extend_ai import types

from extend_source.config.settings import API_VERSION
from tests.landing import lost
from tests.sandbox.sdk_payloads import payloads


def test_every_value_of_a_batch_lands() -> None:
    made = payloads(types.BatchProcessorRun)
    assert len(made) >= 4
    for payload in made:
        assert lost("batch_run", payload, API_VERSION) == []
