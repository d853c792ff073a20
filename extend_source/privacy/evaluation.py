"""Cleaning evaluation sets, their items and runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from extend_source.privacy.hiding import Hider
from extend_source.privacy.objects import ColumnActions, ObjectCleaner
from extend_source.tables import TableSchema
from extend_source.tables.evaluation import EVALUATION_SET_ITEMS
from extend_source.tables.evaluation_runs import EVALUATION_SET_RUNS, METRICS_BY_SUBJECT
from extend_source.tables.kinds import NUMBER

Json = dict[str, Any]

_CLASS = frozenset({"id", "type"})


class EvaluationCleaner:
    """Cleans what belongs to evaluation sets.

    Attributes:
        cleaners: what cleans a canonical object, by its type.
    """

    def __init__(
        self,
        actions: ColumnActions,
        hider: Hider,
        *,
        hides_fields: bool,
        clean_files: Callable[[Any], Any],
        clean_output: Callable[[Any, str | None], Any],
    ) -> None:
        """Compile the rules.

        Args:
            actions: the rules for columns.
            hider: applies them.
            hides_fields: some fields of documents are hidden: what would show them is left out.
            clean_files: cleans a list of files.
            clean_output: cleans what a document is said to hold, of a format as in `output_format`.
        """

        def cleaner(table: TableSchema) -> ObjectCleaner:
            return ObjectCleaner(table, actions, hider, known_only=hides_fields)

        self._hides_fields, self._clean_files, self._clean_output = hides_fields, clean_files, clean_output
        self._item, self._run = cleaner(EVALUATION_SET_ITEMS), cleaner(EVALUATION_SET_RUNS)
        self.cleaners: dict[str, Callable[[Json], Json]] = {
            "evaluation_set_item": self._clean_item,
            "evaluation_set_run": self._clean_run,
        }

    def _clean_item(self, item: Json) -> Json:
        expected = item.get("expectedOutput")
        for output_format in _formats_of(expected):  # where it can be either, the rules for both hold
            expected = self._clean_output(expected, output_format)
        clean = self._item({**item, "expectedOutput": expected} if "expectedOutput" in item else item)
        if "files" in clean:
            clean["files"] = self._clean_files(item.get("files"))
        return clean

    def _clean_run(self, run: Json) -> Json:
        clean = self._run(run)
        if self._hides_fields and "metrics" in clean:
            clean["metrics"] = _figures_only(run["metrics"], *METRICS_BY_SUBJECT)
        return clean


def _formats_of(expected: Any) -> tuple[str | None, ...]:
    """Tell the shape of what is expected: the item does not say of which type its processor is."""
    if not isinstance(expected, dict):
        return (None,)
    if isinstance(expected.get("splits"), list):
        return ("splits",)
    if _CLASS <= expected.keys() <= {*_CLASS, "confidence"} and not isinstance(expected["type"], dict):
        return ("classification",)
    if expected.keys() != {"value"}:
        return ("fields",)
    value = expected["value"]
    # a legacy field may be called value, too
    return ("schema", "fields") if isinstance(value, dict) and {"id", "value"} <= value.keys() else ("schema",)


def _figures_only(metrics: Any, *by_subject: str) -> Any:
    """Leave the figures in some metrics: nobody knows what else is in them."""
    if not isinstance(metrics, dict):
        return None
    clean: Json = {}
    for key, value in metrics.items():
        if key in by_subject and isinstance(value, dict):
            clean[key] = {subject: _figures_only(said) for subject, said in value.items()}
        else:
            clean[key] = value if _is_figure(value) else None
    return clean


def _is_figure(value: Any) -> bool:
    try:
        NUMBER.convert(value)
    except ValueError:
        return False
    return True
