"""Makes single runs: a PENDING payload and the plan of everything that will happen to it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal

from extend_source.sandbox.clock import USAGE_SINCE
from extend_source.sandbox.documents import make_child
from extend_source.sandbox.outputs import classification_output, extraction_output, split_output
from extend_source.sandbox.records import (
    FileRecord,
    Json,
    Processor,
    ProcessorVersion,
    RunRecord,
    Transition,
    json_number,
)
from extend_source.sandbox.reviews import propose_changes, review
from extend_source.sandbox.seeding import chance, make_id, rng_for
from extend_source.sandbox.values import words

Outcome = Literal["PROCESSED", "FAILED", "CANCELLED"]
Review = Literal["approved", "edited"]
UnfinishedOutput = Literal["empty", "null", "absent"]

FAILURE_REASONS = (
    "ABORTED",
    "INTERNAL_ERROR",
    "FAILED_TO_PROCESS_FILE",
    "INVALID_PROCESSOR",
    "INVALID_CONFIGURATION",
    "PARSING_ERROR",
    "PRE_PROCESSING_FAILURE",
    "POST_PROCESSING_FAILURE",
    "OUT_OF_CREDITS",
    "SCHEMA_GENERATION_FAILED",
)
"""The documented codes; failed runs go through them in turn."""

_SOURCES = (
    "API",
    "API",
    "API",
    "WORKFLOW_RUN",
    "WORKFLOW_RUN",
    "STUDIO",
    "BATCH_PROCESSOR_RUN",
    "PLAYGROUND",
)
_PARSE_RATES = {"parse_light": Decimal("0.3"), "parse_performance": Decimal("2")}
_DASHBOARD = "https://dashboard.extend.ai/runs/"
_LEGACY_BILLING_SHARE = 0.03
_MAX_FILES = 50


@dataclass(frozen=True)
class RunOrder:
    """What is to be made.

    Attributes:
        serial: The run's number in its workspace; with the seed it decides everything random about the run.
        processor: Which processor.
        version: Which of its versions.
        files: What it reads.
        created_at: When it was created.
        outcome: How it ends.
        review: Whether a person looks at it afterwards, and whether that person changes something.
        metadata: The caller's metadata; None draws some.
    """

    serial: int
    processor: Processor
    version: ProcessorVersion
    files: Sequence[FileRecord]
    created_at: datetime
    outcome: Outcome = "PROCESSED"
    review: Review | None = None
    metadata: Json | None = None


def check_file_count(files: int, processor: Processor, file_id: str | None) -> None:
    """Refuse a number of files that a run of a processor cannot read.

    Args:
        files: How many.
        processor: The processor.
        file_id: An existing file to read, if any.

    Raises:
        ValueError: It is not 1, nor 2 to 50 new files of an extraction with a schema.
    """
    if files == 1:
        return
    config = processor.versions[-1].config
    if not (2 <= files <= _MAX_FILES and "schema" in config and file_id is None):
        raise ValueError(f"files is 1, or 2 to {_MAX_FILES} new files of an extraction with a schema")


class RunFactory:
    """Makes the runs of one workspace.

    Args:
        seed: The seed of the workspace.
        unfinished_output: What ``output`` is while there is none: ``{}``, null, or no key at all. The
            vendor's SDK needs an object.
    """

    def __init__(self, seed: int, unfinished_output: UnfinishedOutput = "empty") -> None:
        self._seed = seed
        shapes: dict[UnfinishedOutput, Json] = {
            "empty": {"output": {}},
            "null": {"output": None},
            "absent": {},
        }
        self._unfinished = shapes[unfinished_output]

    def make(self, order: RunOrder) -> RunRecord:
        """Return a run that is still PENDING, with the plan of what happens to it."""
        rng = rng_for(self._seed, "run", order.serial)
        config = _config_of(order, rng)
        payload = self._pending_payload(order, config, rng)
        source = rng.choice(_SOURCES)
        run = RunRecord(
            payload=payload,
            created_at=order.created_at,
            updated_at=order.created_at,
            file_ids=[file.id for file in order.files],
            source=source,
            source_id=None if source == "API" else make_id(source.lower(), rng),
        )
        run.plan = _plan(order, payload, rng)
        return run

    def _pending_payload(self, order: RunOrder, config: Json, rng: random.Random) -> Json:
        run_id = make_id("dpr", rng)
        payload: Json = {
            "object": "document_processor_run",
            "id": run_id,
            "processorId": order.processor.id,
            "processorVersionId": order.version.id,
            "processorName": order.processor.name,
            "status": "PENDING",
            **self._unfinished,
            "reviewed": False,
            "edited": False,
            "edits": {},
            "type": order.processor.type,
            "config": config,
            "files": [],
            "mergedProcessors": _merged_processors(order, rng),
            "url": _DASHBOARD + run_id,
        }
        if order.metadata is not None:
            payload["metadata"] = order.metadata
        else:
            payload.update(_metadata(order.serial, rng))
        if chance(rng, 0.1):
            payload.update(failureReason=None, failureMessage=None, initialOutput=None, reviewedOutput=None)
        return payload


def _config_of(order: RunOrder, rng: random.Random) -> Json:
    """Return the version's configuration, now and then with an option overridden for this run."""
    config = order.version.config
    if chance(rng, 0.04):
        options = {**config.get("advancedOptions", {}), "pageRanges": [{"start": 1, "end": 2}]}
        return {**config, "advancedOptions": options}
    return config


def _metadata(serial: int, rng: random.Random) -> Json:
    shape = rng.randrange(6)
    if shape == 0:
        return {"metadata": None}
    if shape == 1:
        return {"metadata": {}}
    if shape == 2:
        tags = ["accounts-payable", f"batch_{serial // 50}"]
        metadata = {"customerRef": f"REF-{serial:06d}", "extend:usage_tags": tags}
        return {"metadata": {**metadata, "nested": {"attempt": rng.randrange(3), "flags": [True, None, 0.5]}}}
    return {}


def _merged_processors(order: RunOrder, rng: random.Random) -> list[Json]:
    """Return the merged processors: only extractions that came out of a workflow's merge step have any."""
    if order.processor.type != "EXTRACT" or not chance(rng, 0.06):
        return []
    return [
        {
            "processorId": make_id("dp", rng),
            "processorVersionId": make_id("dpv", rng),
            "processorName": f"{order.processor.name} {part}",
        }
        for part in ("Header", "Line Items")
    ]


def _plan(order: RunOrder, payload: Json, rng: random.Random) -> list[Transition]:
    started = order.created_at + timedelta(milliseconds=rng.randrange(1_000, 12_000))
    ended = started + timedelta(milliseconds=rng.randrange(2_000, 60_000))
    plan = [Transition(started, {"status": "PROCESSING"})]
    if order.outcome == "PROCESSED":
        plan.append(_success(order, payload, ended, rng))
        if order.review:
            plan.append(_review(order.review, {**payload, **plan[-1].changes}, ended, rng))
    elif order.outcome == "FAILED":
        reason = FAILURE_REASONS[order.serial % len(FAILURE_REASONS)]
        message = f"The run ended with {reason}: {words(rng, 3)}."
        plan.append(Transition(ended, {"status": "FAILED", "failureReason": reason, "failureMessage": message}))
    else:
        plan.append(Transition(ended, {"status": "CANCELLED"}))
    return plan


def _success(order: RunOrder, payload: Json, ended: datetime, rng: random.Random) -> Transition:
    config, file = payload["config"], order.files[0]
    children: tuple[FileRecord, ...] = ()
    if order.processor.type == "EXTRACT":
        output = extraction_output(config, file, rng)
    elif order.processor.type == "CLASSIFY":
        output = classification_output(config, rng)
    else:
        output = split_output(config, file, rng)
        children = tuple(make_child(file, split, ended) for split in output["splits"])
    changes: Json = {"status": "PROCESSED", "output": output}
    if order.created_at < USAGE_SINCE or chance(rng, _LEGACY_BILLING_SHARE):
        return Transition(ended, changes, new_files=children)
    pages = sum(each.pages for each in order.files)
    changes["usage"] = {"credits": json_number(pages * order.version.credits_per_page)}
    engine = config.get("parser", {}).get("engine", "parse_performance")
    return Transition(ended, changes, _PARSE_RATES[engine], children)


def _review(kind: Review, processed: Json, ended: datetime, rng: random.Random) -> Transition:
    changes = propose_changes(processed, rng) if kind == "edited" else {}
    reviewed_at = ended + timedelta(minutes=rng.randrange(5, 60 * 24 * 5))
    return Transition(reviewed_at, review(processed, changes, rng))
