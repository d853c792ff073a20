"""What reviewers changed: as the API reports it, and as initial and reviewed output differ."""

from __future__ import annotations

from typing import Any

from extend_source.tables import schemas
from extend_source.tables.building import TableSet
from extend_source.tables.comparison import Comparison, OutputIndex, Pair
from extend_source.tables.formatting import is_formatting
from extend_source.tables.kinds import to_number
from extend_source.tables.paths import ROOT, member
from extend_source.tables.reading import DriftLog, Extra, ObjectReader
from extend_source.text.json_codec import decode_json

_EDIT = ObjectReader.of(schemas.EXTRACTION_EDITS)
_API_NAMES = [column.name for column in schemas.EXTRACTION_EDITS.api_columns]
_CONFIDENCES = {
    "ocr_confidence_before": "ocrConfidence",
    "logprobs_confidence_before": "logprobsConfidence",
    "review_agent_score_before": "reviewAgentScore",
    "confidence_before": "confidence",
}
_ORIGINAL, _EDITED = _API_NAMES.index("original_value"), _API_NAMES.index("edited_value")
_NOTHING = Pair(None, None)


class EditTables:
    """Writes the edits of reviewed runs."""

    def __init__(self, tables: TableSet, drift: DriftLog) -> None:
        """Start a load."""
        self._edits = tables[schemas.EXTRACTION_EDITS]
        self._drift = drift

    def add(
        self, run_id: str, reported: dict[str, Any], initial: Any, reviewed: Any, output_format: str | None
    ) -> None:
        """Add the edits of a run.

        Args:
            run_id: the run.
            reported: the API's ``edits``: field key -> ``{originalValue, editedValue, notes, ...}`` or null.
            initial: the output before review, or None.
            reviewed: the output after review, or None.
            output_format: ``schema`` or ``fields`` for extraction outputs.
        """
        compare = isinstance(initial, dict) and isinstance(reviewed, dict)
        before = OutputIndex(initial, output_format)
        # without a reviewed output nothing is known to have moved
        comparison = Comparison(before, OutputIndex(reviewed, output_format) if compare else before)
        rows: dict[str, tuple[str | None, Any, Pair]] = {}
        for key, entry in reported.items():
            values = entry if isinstance(entry, dict) else {}
            pair = comparison.meant_by(key, values.get("originalValue"), values.get("editedValue"))
            path = comparison.path_of(pair)
            if path is None or path in rows:
                path = key if key and not key.startswith(ROOT) and key not in rows else member("$edits", key)
                pair = _NOTHING
            rows[path] = (key, entry, pair)
        for pair in comparison.differences:
            path = comparison.path_of(pair)
            if path is not None:
                rows.setdefault(path, (None, None, pair))
        for path, (reported_key, entry, pair) in rows.items():
            former = path if pair.before is None else pair.before.path
            self._add_row(run_id, path, reported_key, entry, pair if compare else _NOTHING, former, before)

    def _add_row(
        self, run_id: str, path: str, key: str | None, entry: Any, pair: Pair, former: str, before: OutputIndex
    ) -> None:
        values: list[Any] = list(_EDIT.nothing)
        extra: Extra | None = None
        if isinstance(entry, dict):
            values, extra = _EDIT.read(entry, self._drift)
        elif entry is not None:
            self._drift.unexpected_type("edit", "", entry)
            extra = {"edit": entry}
        initial, reviewed = pair.texts
        differs = initial != reviewed
        basis = "computed" if key is None else "both" if differs else "reported"
        change = _change(initial, reviewed)
        if change is None:
            change = _change(values[_ORIGINAL], values[_EDITED])
        # what is said of another value that had this path before is not said of a new one
        is_new = pair.before is None and former in before.nodes and pair.after is not None
        self._edits.add(
            values,
            extra,
            run_id=run_id,
            path=path,
            reported_key=key,
            initial_value=initial,
            reviewed_value=reviewed,
            change=change,
            basis=basis,
            **_confidences(None if is_new else before.entry_at(former)),
            initial_path=former if former != path else None,
        )


def _confidences(entry: Any) -> dict[str, float | None]:
    """The confidences of a value, by column."""
    known = entry if isinstance(entry, dict) else {}
    return {column: _number(known.get(key)) for column, key in _CONFIDENCES.items()}


def _change(before: str | None, after: str | None) -> str | None:
    """Name the difference between two values as JSON text; None for none."""
    if before == after:
        return None
    if before is None:
        return "added"
    if after is None:
        return "removed"
    return "formatted" if is_formatting(decode_json(before.encode()), decode_json(after.encode())) else "changed"


def _number(value: Any) -> float | None:
    try:
        return None if value is None else to_number(value)
    except ValueError:
        return None  # the value itself is in the run's initial_output
