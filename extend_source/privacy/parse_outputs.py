"""Cleaning what a parse run has read from its document."""

from __future__ import annotations

from typing import Any

from extend_source.privacy.hiding import Hider
from extend_source.privacy.objects import ColumnActions, ObjectCleaner
from extend_source.tables import TableSchema
from extend_source.tables.parse_runs import PARSE_BLOCKS, PARSE_CHUNKS, PARSE_LINES, PARSE_PAGES, PARSE_WORDS

_TEXTS = ("chunks", "ocr")


class ParseOutputCleaner:
    """Cleans the outputs of parse runs."""

    def __init__(self, actions: ColumnActions, hider: Hider, *, hides_fields: bool) -> None:
        """Compile the rules.

        Args:
            actions: the rules for columns.
            hider: applies them.
            hides_fields: some fields of documents are hidden: texts, which would show them, are left out.
        """

        def cleaner(table: TableSchema) -> ObjectCleaner:
            return ObjectCleaner(table, actions, hider, known_only=hides_fields)

        self._hides_fields = hides_fields
        self._page, self._chunk, self._block = cleaner(PARSE_PAGES), cleaner(PARSE_CHUNKS), cleaner(PARSE_BLOCKS)
        self._ocr = {"lines": cleaner(PARSE_LINES), "words": cleaner(PARSE_WORDS)}

    def clean(self, output: dict[str, Any]) -> dict[str, Any]:
        """Copy an output without what must not be written.

        Args:
            output: the canonical output of a parse run, the columns of the run itself clean.

        Returns:
            The copy.
        """
        clean = {key: value for key, value in output.items() if not (self._hides_fields and key in _TEXTS)}
        metadata, ocr = clean.get("metadata"), clean.get("ocr")
        if isinstance(metadata, dict) and "pages" in metadata:
            clean["metadata"] = {**metadata, "pages": self._page.all(metadata["pages"])}
        if "chunks" in clean:
            clean["chunks"] = self._blocks_of(clean["chunks"], self._chunk, "blocks")
        if isinstance(ocr, dict):
            clean["ocr"] = {key: self._ocr[key].all(value) if key in self._ocr else value for key, value in ocr.items()}
        return clean

    def _blocks_of(self, items: Any, cleaner: ObjectCleaner, inner: str) -> Any:
        """Copy chunks or blocks, and the blocks within them."""
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            return items
        cleaned = []
        for item in items:
            copy = cleaner(item)
            if inner in copy:
                copy[inner] = self._blocks_of(copy[inner], self._block, "children")
            cleaned.append(copy)
        return cleaned
