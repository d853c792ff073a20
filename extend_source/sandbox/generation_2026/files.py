"""Files as 2026-02-09 shows them: no credits, and contents only where one file is asked for."""

from __future__ import annotations

from collections.abc import Mapping

from extend_source.sandbox.documents import all_contents
from extend_source.sandbox.records import FileRecord, Json, RunRecord, embedded_files
from extend_source.sandbox.rendering import file_link
from extend_source.sandbox.workspace import Workspace

_SUMMARY_KEYS = ("object", "id", "name", "type", "parentFileId", "metadata", "createdAt", "updatedAt")
_PAGE_KEYS = ("pageNumber", "pageHeight", "pageWidth")
_PAGES_OF_A_SECTION = 2


def file_summary(payload: Json) -> Json:
    """Return the FileSummary of a file.

    Args:
        payload: The file as 2025-04-21 shows it.
    """
    return {key: payload.get(key) for key in _SUMMARY_KEYS}


def file_object(file: FileRecord, flags: Mapping[str, bool]) -> Json:
    """Return the File that GET ``/files/{id}`` serves.

    Args:
        file: The file.
        flags: ``raw_text``, ``markdown`` and ``html``.
    """
    if file.verbatim:
        return {key: value for key, value in file.payload.items() if key != "usage"}
    link = file_link(file.id, str(file.payload["name"]))
    return {**file_summary(file.payload), "presignedUrl": link, "contents": _contents(file, flags)}


def files_of(workspace: Workspace, run: RunRecord) -> list[Json]:
    """Return the payloads of a run's files, as 2025-04-21 shows them, less those that were deleted."""
    if run.raw is not None:
        return embedded_files(run.payload)
    return [workspace.files[file_id].payload for file_id in run.file_ids if file_id in workspace.files]


def contents_of(file: FileRecord) -> Json:
    """Return everything that can be read in a file, as 2025-04-21 shows it."""
    if file.contents is None:
        file.contents = all_contents(file)
    return file.contents


def is_parsed(file: FileRecord) -> bool:
    """Whether a file has text: it was parsed, or it is a part of one that was."""
    return file.parsed or bool(file.payload.get("parentFileId"))


def _contents(file: FileRecord, flags: Mapping[str, bool]) -> Json | None:
    if not any(flags.values()) or not is_parsed(file):
        return None
    known = contents_of(file)
    contents: Json = {}
    if flags["raw_text"] and file.payload.get("type") != "EXCEL":
        contents["rawText"] = known["rawText"]
    kept = (*_PAGE_KEYS, *(key for key in ("markdown", "html") if flags[key]))
    contents["pages"] = [{key: page[key] for key in kept if key in page} for page in known.get("pages", [])]
    if flags["markdown"] and file.payload.get("type") == "PDF":
        contents["sections"] = _sections(known["pages"])
    if "sheets" in known:
        keys = ("sheetName", "rawText") if flags["raw_text"] else ("sheetName",)
        contents["sheets"] = [{key: sheet[key] for key in keys} for sheet in known["sheets"]]
    return contents


def _sections(pages: list[Json]) -> list[Json]:
    groups = [pages[start : start + _PAGES_OF_A_SECTION] for start in range(0, len(pages), _PAGES_OF_A_SECTION)]
    return [
        {
            "startPageNumber": group[0]["pageNumber"],
            "endPageNumber": group[-1]["pageNumber"],
            "markdown": "\n\n".join(page["markdown"] for page in group),
        }
        for group in groups
    ]
