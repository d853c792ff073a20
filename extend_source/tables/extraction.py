"""Extraction outputs: every value with its path, confidences, citations and insights.

Two shapes come from the API: ``{"value": ..., "metadata": {path: entry}}`` for configs with a JSON Schema, and a
flat map of field results for configs with legacy fields (docs "Extraction: response format" and "Legacy
output type"). Both become rows of the same tables.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from extend_source.tables import schemas
from extend_source.tables.building import TableSet
from extend_source.tables.kinds import to_iso_date, to_number
from extend_source.tables.paths import ROOT, member
from extend_source.tables.reading import DriftLog, Extra, ObjectReader
from extend_source.tables.walking import Node, walk
from extend_source.text.json_codec import json_type

FINAL = "final"

_ENTRY = ObjectReader.of(schemas.EXTRACTION_FIELDS)
_LEGACY_RESULT = ObjectReader.of(schemas.EXTRACTION_FIELDS, handled=("value", "references", "insights"))
_CITATION = ObjectReader.of(schemas.EXTRACTION_CITATIONS)
_REFERENCE = ObjectReader.of(schemas.EXTRACTION_CITATIONS, handled=("boundingBoxes",))
_INSIGHT = ObjectReader.of(schemas.OUTPUT_INSIGHTS)

_BOX_KEYS = ("left", "top", "right", "bottom")
_NO_BOX = (None, None, None, None)
_MISSING: Any = object()
_OBJECTS = frozenset({dict})
_INDEX = re.compile(r"\[\d+\]")

Scalar = tuple[str, str | None, float | None, bool | None, date | None]
_ABSENT: Scalar = ("absent", None, None, None, None)


def scalar_columns(value: Any) -> Scalar:
    """Return value_type, value_text, value_number, value_boolean and value_date of a JSON value."""
    if isinstance(value, str):
        return "string", value, None, None, to_iso_date(value)
    if value is None:
        return "null", None, None, None, None
    if isinstance(value, bool):
        return "boolean", "true" if value else "false", None, value, None
    if isinstance(value, (int, float, Decimal)):
        try:
            number = to_number(value)
        except ValueError:
            number = None  # beyond a float; value_text has it exactly
        return json_type(value), number_text(value), number, None, None
    return json_type(value), None, None, None, None


def number_text(value: int | float | Decimal) -> str:
    """Return a JSON number's digits as sent, without an exponent where that stays readable."""
    text = str(value)
    if isinstance(value, Decimal) and "E" in text and abs(value.adjusted()) < 40:
        return format(value, "f")
    return text


class ExtractionTables:
    """Writes the final output of extraction runs."""

    def __init__(self, tables: TableSet, drift: DriftLog) -> None:
        """Start a load."""
        self._fields = tables[schemas.EXTRACTION_FIELDS]
        self._citations = tables[schemas.EXTRACTION_CITATIONS]
        self._insights = tables[schemas.OUTPUT_INSIGHTS]
        self._drift = drift

    def add_schema_output(self, run_id: str, output: dict[str, Any]) -> Extra | None:
        """Add an output of the JSON Schema shape.

        Args:
            run_id: the run.
            output: ``{"value": ..., "metadata": {...}}``.

        Returns:
            What of the output no table holds.
        """
        extra: Extra = {key: output[key] for key in output if key not in ("value", "metadata")}
        metadata = output.get("metadata")
        if metadata is not None and not isinstance(metadata, dict):
            extra["metadata"] = metadata
        entries = dict(metadata) if isinstance(metadata, dict) else {}
        taken: set[str] = set()
        position = 0
        late: list[tuple[int, Node]] = []
        if output.get("value", _MISSING) is not _MISSING:
            for node in walk(output["value"]):
                taken.add(node.path)
                if node.raw_path is None:
                    self._add_node(run_id, position, node, entries.pop(node.path, None), None)
                else:
                    late.append((position, node))
                position += 1
        # quoted keys last: a plain path has the better claim to a metadata key that both could mean
        for place, node in late:
            key = next((name for name in (node.raw_path, node.path) if name in entries), None)
            self._add_node(run_id, place, node, entries.pop(key) if key is not None else None, key)
        for key, entry in entries.items():
            self._add_absent(run_id, position, key, entry, taken)
            position += 1
        return extra or None

    def add_legacy_output(self, run_id: str, output: dict[str, Any]) -> None:
        """Add an output of the legacy shape.

        Args:
            run_id: the run.
            output: field name (or id) -> field result.
        """
        position = 0
        for name, result in output.items():
            path = member("", name)
            raw_path = None if path == name else name
            is_result = isinstance(result, dict)
            value = result.get("value", _MISSING) if is_result else result
            if value is _MISSING:
                node = Node(path, path, raw_path, name, None, None, None)
                self._add_row(run_id, position, node, _ABSENT, result, None, legacy=True)
                position += 1
                continue
            for node in walk(value, path, raw_path, name):
                entry = result if is_result and node.path == path else None
                self._add_node(run_id, position, node, entry, None, legacy=True)
                position += 1

    def _add_node(
        self, run_id: str, position: int, node: Node, entry: Any, key: str | None, *, legacy: bool = False
    ) -> None:
        scalar = scalar_columns(node.value)
        if entry is None and node.value and scalar[0] in ("object", "array"):
            return  # its content has rows of its own
        self._add_row(run_id, position, node, scalar, entry, key, legacy=legacy)

    def _add_absent(self, run_id: str, position: int, key: str, entry: Any, taken: set[str]) -> None:
        """Add metadata of a path that the value does not have."""
        if not key or key.startswith(ROOT) or key in taken:
            path = template = member("$metadata", key)
            field = None
        else:
            path, template = key, _INDEX.sub("[]", key)
            field = key.rpartition(".")[2].partition("[")[0] or None
        taken.add(path)
        node = Node(path, template, None, field, None, None, None)
        self._add_row(run_id, position, node, _ABSENT, entry, key)

    def _add_row(
        self,
        run_id: str,
        position: int,
        node: Node,
        scalar: Scalar,
        entry: Any,
        key: str | None,
        *,
        legacy: bool = False,
    ) -> None:
        reader = _LEGACY_RESULT if legacy else _ENTRY
        values: Sequence[Any] = reader.nothing
        extra: Extra | None = None
        citation_count = None
        if isinstance(entry, dict):
            values, extra = reader.read(entry, self._drift)
            add_citations = self._add_citations if reader is _ENTRY else self._add_references
            kind = "citations" if reader is _ENTRY else "references"
            for sub, add in ((kind, add_citations), ("insights", self._add_insights)):
                items = entry.get(sub)
                if items is None:
                    continue
                if not isinstance(items, list) or not set(map(type, items)) <= _OBJECTS:
                    self._drift.unexpected_type("extraction_field", sub, items)
                    extra = {**(extra or {}), sub: items}
                    continue
                add(run_id, node.path, items)
                if sub == kind:
                    citation_count = len(items)
        elif entry is not None:
            self._drift.unexpected_type("extraction_field", "metadata", entry)
            extra = {"metadata": entry}
        path, template, _, field, parent_path, row_index, _ = node
        self._fields.add_in_order(
            (
                *(run_id, path, template, field, parent_path, row_index, position),
                *scalar,
                citation_count,
                key if key != path else None,
            ),
            values,
            extra,
        )

    def _add_citations(self, run_id: str, path: str, citations: list[dict[str, Any]]) -> None:
        for position, citation in enumerate(citations):
            values, extra = _CITATION.read(citation, self._drift)
            box = _polygon_box(citation.get("polygon"))
            self._citations.add_in_order((run_id, path, position, *box), values, extra)

    def _add_references(self, run_id: str, path: str, references: list[dict[str, Any]]) -> None:
        """Add legacy references, a row a bounding box."""
        position = 0
        for reference in references:
            values, extra = _REFERENCE.read(reference, self._drift)
            boxes = reference.get("boundingBoxes")
            if boxes is not None and not (isinstance(boxes, list) and all(map(_is_box, boxes))):
                self._drift.unexpected_type("citation", "boundingBoxes", boxes)
                extra = {**(extra or {}), "boundingBoxes": boxes}
                boxes = None
            for box in boxes or [dict.fromkeys(_BOX_KEYS)]:
                edges = [None if box.get(key) is None else to_number(box[key]) for key in _BOX_KEYS]
                self._citations.add_in_order((run_id, path, position, *edges), values, extra)
                position += 1

    def _add_insights(self, run_id: str, path: str, insights: list[dict[str, Any]]) -> None:
        add_insights(self._insights, self._drift, run_id, FINAL, path, insights)


def add_insights(
    builder: Any, drift: DriftLog, run_id: str, stage: str, path: str, insights: list[dict[str, Any]]
) -> None:
    """Add the model's remarks on a value or a class."""
    for position, insight in enumerate(insights):
        values, extra = _INSIGHT.read(insight, drift)
        builder.add_in_order((run_id, stage, path, position), values, extra)


def _polygon_box(polygon: Any) -> tuple[Any, ...]:
    """The box around a polygon: left, top, right, bottom."""
    try:
        xs = [to_number(point["x"]) for point in polygon]
        ys = [to_number(point["y"]) for point in polygon]
        return min(xs), min(ys), max(xs), max(ys)
    except (KeyError, TypeError, ValueError):
        return _NO_BOX


def _is_box(box: Any) -> bool:
    """Tell whether a legacy bounding box has nothing but the four edges, as numbers."""
    if not isinstance(box, dict) or not box.keys() <= set(_BOX_KEYS):
        return False
    try:
        for edge in box.values():
            if edge is not None:
                to_number(edge)
    except ValueError:
        return False
    return True
