"""What reviewers changed: as the API reports it, and as initial and reviewed output differ."""

from __future__ import annotations

from typing import Any

from extend_source.api.decoding import decode_json, encode_json
from extend_source.tables import schemas
from extend_source.tables.building import TableSet
from extend_source.tables.formatting import is_formatting
from extend_source.tables.kinds import to_number
from extend_source.tables.paths import ROOT, member
from extend_source.tables.reading import DriftLog, Extra, ObjectReader
from extend_source.tables.walking import Node, walk

_EDIT = ObjectReader.of(schemas.EXTRACTION_EDITS)
_API_NAMES = [column.name for column in schemas.EXTRACTION_EDITS.api_columns]
_CONFIDENCES = ("ocrConfidence", "logprobsConfidence", "reviewAgentScore", "confidence")
_ORIGINAL, _EDITED = _API_NAMES.index("original_value"), _API_NAMES.index("edited_value")


class Document:
    """The nodes of one output, to be found by path and by the names that the API may use."""

    def __init__(self, output: Any, output_format: str | None) -> None:
        """Index an output.

        Args:
            output: an extraction output of either shape; anything else has no nodes.
            output_format: ``schema`` or ``fields``.
        """
        self.nodes: dict[str, Node] = {}
        self._by_name: dict[str, str] = {}
        self._entries: dict[str, Any] = {}
        if not isinstance(output, dict):
            return
        if output_format == "fields":
            for name, result in output.items():
                path = member("", name)
                value = result.get("value") if isinstance(result, dict) else result
                self._index(walk(value, path, None if path == name else name, name))
                if isinstance(result, dict) and isinstance(result.get("id"), str):
                    self._by_name.setdefault(result["id"], path)
                self._entries[path] = result
        elif "value" in output:
            self._index(walk(output["value"]))
            metadata = output.get("metadata")
            for key, entry in metadata.items() if isinstance(metadata, dict) else ():
                self._entries[self.path_of(key) or key] = entry

    def _index(self, nodes: Any) -> None:
        for node in nodes:
            self.nodes[node.path] = node
            if node.raw_path is not None:
                self._by_name.setdefault(node.raw_path, node.path)

    def path_of(self, reported_key: str) -> str | None:
        """Return the path that a key of the API's edits means, or None."""
        return reported_key if reported_key in self.nodes else self._by_name.get(reported_key)

    def confidences(self, path: str) -> tuple[float | None, ...]:
        """Return the confidences of the value at a path: of the recognition, the model, the agent, and legacy."""
        entry = self._entries.get(path)
        return tuple(_number(entry.get(key)) if isinstance(entry, dict) else None for key in _CONFIDENCES)

    def json_at(self, path: str) -> str | None:
        """Return the value at a path as JSON text; None where there is none."""
        node = self.nodes.get(path)
        return None if node is None else encode_json(node.value)


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
        before = Document(initial, output_format)
        after = Document(reviewed if compare else None, output_format)
        rows: dict[str, tuple[str | None, Any]] = {}
        for key, entry in reported.items():
            path = before.path_of(key) or after.path_of(key)
            if path is None or path in rows:
                path = key if key and not key.startswith(ROOT) and key not in rows else member("$edits", key)
            rows[path] = (key, entry)
        for changed in _changed_leaves(before, after) if compare else ():
            rows.setdefault(changed, (None, None))
        for place, (reported_key, entry) in rows.items():
            values = (before.json_at(place), after.json_at(place)) if compare else (None, None)
            self._add_row(run_id, place, reported_key, entry, values, before.confidences(place))

    def _add_row(
        self,
        run_id: str,
        path: str,
        key: str | None,
        entry: Any,
        computed: tuple[str | None, str | None],
        confidences: tuple[float | None, ...],
    ) -> None:
        initial, reviewed = computed
        values: list[Any] = list(_EDIT.nothing)
        extra: Extra | None = None
        if isinstance(entry, dict):
            values, extra = _EDIT.read(entry, self._drift)
        elif entry is not None:
            self._drift.unexpected_type("edit", "", entry)
            extra = {"edit": entry}
        differs = initial != reviewed
        basis = "computed" if key is None else "both" if differs else "reported"
        change = _change(initial, reviewed)
        if change is None:
            change = _change(values[_ORIGINAL], values[_EDITED])
        self._edits.add((run_id, path, key, initial, reviewed, change, basis, *confidences), values, extra)


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


def _changed_leaves(before: Document, after: Document) -> list[str]:
    """The paths whose values differ, without the objects and arrays around them."""
    paths = [*before.nodes, *(path for path in after.nodes if path not in before.nodes)]
    return [path for path in paths if _is_leaf(before, after, path) and _differs(before, after, path)]


def _is_leaf(before: Document, after: Document, path: str) -> bool:
    """Tell whether a path has no rows below it on either side: a container filled or emptied is a leaf."""
    nodes = [document.nodes[path] for document in (before, after) if path in document.nodes]
    return not all(isinstance(node.value, (dict, list)) and node.value for node in nodes)


def _differs(before: Document, after: Document, path: str) -> bool:
    return before.json_at(path) != after.json_at(path)
