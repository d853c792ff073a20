"""Lineage by OpenLineage's own client, to where its own settings say (``OPENLINEAGE_URL``, ``openlineage.yml``)."""

from __future__ import annotations

import os
from datetime import datetime, timezone
from uuid import uuid4

from openlineage.client import OpenLineageClient
from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState

from extend_source.ingest.progress import SyncProgress
from extend_source.telemetry.facts import Ending, SyncFacts

_PRODUCER = "dlt-source-extend"
_NAMESPACE = "OPENLINEAGE_NAMESPACE"
_SOURCE = "extend"
"""The namespace of what is read: the objects of the API by their types. Where it is served is not told."""

_STATES = {"ok": RunState.COMPLETE, "stopped": RunState.COMPLETE, "failed": RunState.FAIL}


class Observer:
    """Tells of a sync as the run of a job that reads objects of Extend and writes tables."""

    def __init__(self, enabled: bool) -> None:
        """Find out where to send events.

        Args:
            enabled: True.
        """
        self._client = OpenLineageClient()
        self._run = Run(runId=str(uuid4()))

    def begin(self, facts: SyncFacts) -> None:
        """Send that the run begins."""
        self._facts = facts
        self._job = Job(namespace=os.environ.get(_NAMESPACE, "default"), name=f"{facts.pipeline}.{facts.kind}")
        self._send(RunState.START, [], [])

    def beat(self, progress: SyncProgress) -> None:
        """Send nothing: how far it is is no lineage."""

    def begin_load(self) -> None:
        """Send nothing: a load is part of the run."""

    def end_load(self, error_code: str | None) -> None:
        """Send nothing: a load is part of the run."""

    def end(self, ending: Ending) -> None:
        """Send that the run has ended, with what it has read and written."""
        facts = self._facts
        inputs = [InputDataset(namespace=_SOURCE, name=kind) for kind in sorted(ending.objects)]
        outputs = [
            OutputDataset(namespace=facts.destination, name=f"{facts.dataset}.{table}") for table in facts.tables()
        ]
        self._send(_STATES[ending.outcome], inputs, outputs)

    def _send(self, state: RunState, inputs: list[InputDataset], outputs: list[OutputDataset]) -> None:
        now = datetime.now(timezone.utc).isoformat()
        self._client.emit(
            RunEvent(
                eventTime=now,
                eventType=state,
                run=self._run,
                job=self._job,
                producer=_PRODUCER,
                inputs=inputs,
                outputs=outputs,
            )
        )
