"""Evaluation sets, their items and runs, made canonical; see `adapters`.

API 2026-02-09 names the processor of a set by an object of its own, and measures in ratios; in 2025-04-21 the run of a
set is a batch of processor runs, measured in percents, and the metrics of nested fields are nested.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from extend_source.api.adapters import OF_DEFINITIONS, Payload
from extend_source.text.redaction import without_download_link

_ENTITY = {"id": "processorId", "name": "processorName"}
_ENTITY_VERSION = {"id": "processorVersionId", "version": "processorVersion"}
_TYPES = {"extractor": "EXTRACT", "classifier": "CLASSIFY", "splitter": "SPLITTER"}
_OWNERS = frozenset(f"{name}Id" for name in _TYPES)

_FIELDS, _CLASSES = "fieldMetrics", "classificationMetrics"
_PERCENTS = {"accuracyPerc": "accuracy", "precisionPerc": "precision", "recallPerc": "recall"}
_COUNTS = {
    "numExpectedDocs": "numSplitsExpected",
    "numPredictedDocs": "numSplitsPredicted",
    "numCorrectDocs": "numSplitsCorrect",
}
_NAMES = _PERCENTS | _COUNTS
_BY_SUBJECT = {
    "arrayCardinalityMetrics": (_FIELDS, "arrayCardinality"),
    "distribution": (_CLASSES, "distribution"),
    "accuracyPercByClassification": (_CLASSES, "accuracyPerc"),
}
"""Maps with a number for each field or class: where they belong, and what the number is called there."""


def evaluation_set(row: Payload) -> Payload:
    """Make an evaluation set of 2026-02-09 canonical (SDK 1.20.0, evaluation_set)."""
    return _with_processor(row)


def evaluation_set_item(item: Payload) -> Payload:
    """Make an item of either version canonical: its files in a list (SDK 0.2.0 and 1.20.0, evaluation_set_item)."""
    canonical = {key: value for key, value in item.items() if key not in ("file", "fileId", "files")}
    file, file_id, files = item.get("file"), item.get("fileId"), item.get("files")
    if files is None and file is not None:
        files = [file]
    elif file is not None:
        canonical["fileNews"] = without_download_link(file)
    if files is None and isinstance(file_id, str):
        files = [{"id": file_id}] if file_id else []
    elif file_id is not None:
        canonical["fileId"] = file_id
    canonical["files"] = [without_download_link(each) for each in files] if isinstance(files, list) else files
    return canonical


def evaluation_set_run(run: Payload) -> Payload:
    """Make the run of an evaluation set of 2026-02-09 canonical (SDK 1.20.0, evaluation_set_run)."""
    return _typed(_lifted(_with_processor(run), "entityVersion", _ENTITY_VERSION))


def evaluation_batch(run: Payload) -> Payload:
    """Make the run of an evaluation set of 2025-04-21 canonical (SDK 0.2.0, batch_processor_run)."""
    canonical = {key: value for key, value in run.items() if key != "sourceId"}
    if "sourceId" in run:
        canonical["evaluationSetId"] = run["sourceId"]
    if is_evaluation(run):
        del canonical["source"]
    if isinstance(run.get("metrics"), dict):
        canonical["metrics"] = _ratios(run["metrics"])
    return _typed(canonical)


def is_evaluation(batch: Payload) -> bool:
    """Tell whether a batch of processor runs of 2025-04-21 is the run of an evaluation set."""
    return batch.get("source") == "EVAL_SET"


def _with_processor(payload: Payload) -> Payload:
    """Put what an object says of its processor beside what it says itself."""
    canonical = _lifted(payload, "entity", _ENTITY)
    entity = payload.get("entity")
    kind = entity.get("object") if isinstance(entity, dict) else None
    if isinstance(kind, str):
        canonical["processorType"] = _TYPES.get(kind, kind)
    return canonical


def _lifted(payload: Payload, member: str, names: Mapping[str, str]) -> Payload:
    """Put what a member says of a definition in the object itself; what is unknown of it stays there, to be seen."""
    said = payload.get(member)
    if said is not None and not isinstance(said, dict):
        return dict(payload)
    canonical = {key: value for key, value in payload.items() if key != member}
    for key, value in (said or {}).items():
        if key in names:
            canonical[names[key]] = value
        elif key not in OF_DEFINITIONS and key not in _OWNERS:
            canonical.setdefault(member, {})[key] = value
    return canonical


def _typed(run: Payload) -> Payload:
    """Take the type of the processor from the metrics, unless the run itself says another one."""
    metrics = run.get("metrics")
    kind = metrics.get("type") if isinstance(metrics, dict) else None
    if not isinstance(metrics, dict) or not isinstance(kind, str) or run.get("processorType", kind) != kind:
        return run
    rest = {key: value for key, value in metrics.items() if key != "type"}
    return {**run, "processorType": kind, "metrics": rest}


def _ratios(metrics: Payload) -> Payload:
    """Make metrics those of 2026-02-09: ratios from 0 to 1, and by field or class where they are about one."""
    canonical = _renamed({key: value for key, value in metrics.items() if key not in (_FIELDS, *_BY_SUBJECT)})
    fields = metrics.get(_FIELDS)
    if fields is not None:
        canonical[_FIELDS] = _flat(fields) if isinstance(fields, dict) else fields
    for key, (place, metric) in _BY_SUBJECT.items():
        if key in metrics:
            _spread(canonical, key, metrics[key], place, metric)
    return canonical


def _flat(fields: Payload, above: str = "") -> Payload:
    """Put the metrics of nested fields beside those of the fields that they are in, by dotted paths."""
    flat: Payload = {}
    taken = {f"{above}{name}" for name in fields}
    for name, said in fields.items():
        path = f"{above}{name}"
        nested = said.get(_FIELDS) if isinstance(said, dict) else None
        inner = _flat(nested, f"{path}.") if isinstance(nested, dict) else {}
        has_room = isinstance(nested, dict) and taken.isdisjoint(inner)
        if has_room:
            taken.update(inner)
            flat |= inner
        flat[path] = said
        if isinstance(said, dict):
            flat[path] = _renamed({key: value for key, value in said.items() if not (has_room and key == _FIELDS)})
    return flat


def _spread(metrics: Payload, key: str, values: Any, place: str, metric: str) -> None:
    """Put the numbers of a map with those of the field or class that they are about; what has no room stays there."""
    subjects = metrics.get(place) or {}
    if not isinstance(values, dict) or not isinstance(subjects, dict):
        metrics[key] = values
        return
    left: Payload = {}
    for name, value in values.items():
        said, renamed = subjects.get(name, {}), _renamed({metric: value})
        if isinstance(said, dict) and said.keys().isdisjoint(renamed):
            subjects = {**subjects, name: {**said, **renamed}}
        else:
            left[name] = value
    metrics |= {name: part for name, part in ((place, subjects), (key, left)) if part}


def _renamed(metrics: Payload) -> Payload:
    """Make percents ratios, and call counts as 2026-02-09 does; what is there under such a name stays."""
    canonical: Payload = {}
    for key, value in metrics.items():
        name = _NAMES.get(key, key)
        if name != key and name in metrics:
            canonical[key] = value
        else:
            canonical[name] = _ratio(value) if key in _PERCENTS else value
    return canonical


def _ratio(percent: Any) -> Any:
    """Make a percent a ratio, with all its digits."""
    if isinstance(percent, bool) or not isinstance(percent, (int, float, Decimal)):
        return percent
    return Decimal(str(percent)) / 100
