"""What the API says that a run is: the values of its type, its status and its source (SDK 0.2.0)."""

from __future__ import annotations

from typing import Literal, get_args

ProcessorType = Literal["EXTRACT", "CLASSIFY", "SPLITTER"]
RunStatus = Literal["PENDING", "PROCESSING", "PROCESSED", "FAILED", "CANCELLED"]
RunSource = Literal[
    "ADMIN", "BATCH_PROCESSOR_RUN", "PLAYGROUND", "WORKFLOW_CONFIGURATION", "WORKFLOW_RUN", "STUDIO", "API"
]

PROCESSOR_TYPES: tuple[str, ...] = get_args(ProcessorType)
RUN_STATUSES: tuple[str, ...] = get_args(RunStatus)
RUN_SOURCES: tuple[str, ...] = get_args(RunSource)
