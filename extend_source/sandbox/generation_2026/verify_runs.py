"""Verify runs. Looking at one without data retention has its result deleted: a list does not, GET does."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from extend_source.sandbox.generation_2026.files import file_summary
from extend_source.sandbox.generation_2026.kept_objects import (
    Collection,
    by_file_name,
    equals,
    moments,
    sample_files,
    timed,
)
from extend_source.sandbox.records import Json, KeptObject
from extend_source.sandbox.seeding import make_id, rng_for
from extend_source.sandbox.workspace import Workspace

STATUSES = ("PROCESSING", "PROCESSED", "FAILED", "CANCELLED")
SOURCES = ("API", "STUDIO")
RISK_LEVELS = ("LOW", "MEDIUM", "HIGH")

PURGED_AFTER = timedelta(minutes=1)
"""So long after the first GET the result of a run without data retention is gone."""

KEPT_FOR = timedelta(hours=1)
"""So long after its end it is gone in any case (SDK 1.20.0, verify_run)."""

_ENDED_AS = ("PROCESSED", "PROCESSED", "PROCESSED", "FAILED", "PROCESSING", "CANCELLED")


def _verify_runs(workspace: Workspace) -> Iterator[KeptObject]:
    for number, file in enumerate(sample_files(workspace, len(_ENDED_AS))):
        created, updated = moments(workspace, number)
        run_id = make_id("vr", rng_for(workspace.seed, "verify run", number))
        status, source = _ENDED_AS[number], SOURCES[number % len(SOURCES)]
        done = status == "PROCESSED"
        payload: Json = {
            "object": "verify_run",
            "id": run_id,
            "file": file_summary(file),
            "status": status,
            "output": _output(workspace, number) if done else None,
            "failureReason": "INTERNAL_ERROR" if status == "FAILED" else None,
            "failureMessage": "The file could not be looked at." if status == "FAILED" else None,
            "metadata": {"case": f"c-{number}"},
            "metrics": {"processingTimeMs": 9120.5, "pageCount": 2} if done else None,
            "config": {"engine": "verify_light", "engineVersion": "1.0", "advancedOptions": {"requireParsing": False}},
            "usage": {"credits": 10} if done else None,
            "source": source,
            "sourceId": f"req_{number}" if source == "API" else None,
        }
        yield KeptObject(payload, created, updated)


def _output(workspace: Workspace, number: int) -> Json:
    level = RISK_LEVELS[number % len(RISK_LEVELS)]
    signal = {
        "id": make_id("vs", rng_for(workspace.seed, "verify signal", number)),
        "type": "FINANCIAL_RECONCILIATION_AND_SEQUENCE_CONTINUITY",
        "riskAssessment": {"type": "LEVEL", "level": level},
        "summary": "The lines add up to another total.",
        "evidence": [_evidence(number)],
    }
    return {"riskLevel": level, "summary": f"Looks {level.lower()} in risk.", "signals": [signal]}


def _evidence(number: int) -> Json:
    """Two figures that should agree: the second one, which stands in a box, was read as well."""
    stated = {"name": "statedTotal", "raw": f"{number + 1},210.00", "locationIds": ["loc_1"]}
    added_up = {"name": "addedUp", "normalized": f"{number + 1}200.00"}
    return {
        "evidenceId": f"sums.total:{number:03d}",
        "type": "value_comparison",
        "data": {"code": "TOTAL_OF_LINES", "values": [stated, added_up]},
        "locations": [
            {
                "locationId": "loc_1",
                "page": {"number": 1, "width": 612, "height": 792},
                "boundingBox": {"left": 310.5, "top": 96, "right": 372.25, "bottom": 108},
            }
        ],
    }


def is_purged(workspace: Workspace, kept: KeptObject) -> bool:
    """Tell whether the result of a run is gone."""
    if not kept.retains_nothing:
        return False
    asked = kept.first_read_at
    return workspace.now >= kept.updated_at + KEPT_FOR or (asked is not None and workspace.now >= asked + PURGED_AFTER)


def _full(workspace: Workspace, kept: KeptObject) -> Json:
    """Show a run; of one without data retention this is the beginning of the end."""
    kept.first_read_at = kept.first_read_at or workspace.now
    purged = {"output": None, "file": None} if is_purged(workspace, kept) else {}
    return timed({**kept.payload, **purged}, kept)


def _summary(kept: KeptObject) -> Json:
    shown = {key: value for key, value in kept.payload.items() if key != "output"}
    return timed({**shown, "riskLevel": risk_level(kept)}, kept)


def risk_level(kept: KeptObject) -> str | None:
    """Return the risk level that a run has found; it outlasts the result, of which it tells little."""
    output: Json = kept.payload.get("output") or {}
    return output.get("riskLevel")


def _by_risk_level(kept: KeptObject, value: str) -> bool:
    return risk_level(kept) == value


def _by_file(kept: KeptObject, value: str) -> bool:
    """Also takes the id of a run or a file (SDK 1.20.0, verify_runs)."""
    return value in (kept.id, (kept.payload.get("file") or {}).get("id")) or by_file_name(kept, value)


VERIFY_RUNS = Collection(
    "verify_runs",
    "verify_run",
    _verify_runs,
    filters={
        "status": equals("status"),
        "source": equals("source"),
        "sourceId": equals("sourceId"),
        "riskLevel": _by_risk_level,
        "fileNameContains": _by_file,
    },
    choices={"status": STATUSES, "source": SOURCES, "riskLevel": RISK_LEVELS},
    summary=_summary,
    full=_full,
)
