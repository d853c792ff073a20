"""Outputs as 2026-02-09 writes them: pages of citations as objects, cells of spreadsheets, one kind of insight."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from extend_source.sandbox.records import Json

_PAGE_KEYS = {"page": "number", "pageWidth": "width", "pageHeight": "height"}
_COLUMNS = "ABCDEF"


@dataclass(frozen=True)
class Reading:
    """What an output was read from.

    Attributes:
        file_ids: The files of a run that reads several, none for other runs; a citation then names one.
        spreadsheet: Whether citations point to cells.
        legacy: Whether it is for the legacy paths, where a citation's page stays a number.
    """

    file_ids: Sequence[str] = ()
    spreadsheet: bool = False
    legacy: bool = False


def run_output(payload: Json, output: Json | None, reading: Reading) -> Json | None:
    """Return an output of a run.

    Args:
        payload: The run as 2025-04-21 shows it.
        output: One of its outputs.
        reading: What was read.
    """
    if not output or payload.get("type") == "SPLITTER":
        return output
    if payload.get("type") == "CLASSIFY":
        return _with_reasoning(output)
    if "fields" in (payload.get("config") or {}):
        return {name: _with_reasoning(result) for name, result in output.items()}
    entries = {path: _entry(path, entry, reading) for path, entry in output.get("metadata", {}).items()}
    return {**output, "metadata": entries}


def _with_reasoning(thing: Json) -> Json:
    """Return a thing with insights less those that 2026-02-09 has no name for."""
    if "insights" not in thing:
        return thing
    return {**thing, "insights": [each for each in thing["insights"] if each.get("type") == "reasoning"]}


def _entry(path: str, entry: Json, reading: Reading) -> Json:
    entry = _with_reasoning(entry)
    if not entry.get("citations"):
        return entry
    return {**entry, "citations": [_citation(path, citation, reading) for citation in entry["citations"]]}


def _citation(path: str, citation: Json, reading: Reading) -> Json:
    converted = dict(citation)
    if not reading.legacy:
        page = {new: converted.pop(old) for old, new in _PAGE_KEYS.items() if old in converted}
        converted = {"page": page, **converted} if "number" in page else converted
        if reading.file_ids:
            number = _number(path) % len(reading.file_ids)
            converted = {"fileId": reading.file_ids[number], **converted}
    if reading.spreadsheet and "polygon" not in converted:
        converted["cellRange"] = _cells(path, whole=citation.get("referenceText") is None)
    return converted


def _cells(path: str, *, whole: bool) -> str:
    """Return the cell of a value, or the cells of a whole row."""
    digits = path.rpartition("[")[2].partition("]")[0]
    row = int(digits) + 2 if digits.isdigit() else 1
    return f"{_COLUMNS[0]}{row}:{_COLUMNS[-1]}{row}" if whole else f"{_COLUMNS[_number(path) % len(_COLUMNS)]}{row}"


def _number(text: str) -> int:
    """Return a number that is the same for a text on every machine."""
    return zlib.crc32(text.encode())
