"""Files: their payloads, and what a parser reads in them."""

from __future__ import annotations

import random
from datetime import datetime

from extend_source.sandbox.clock import rfc3339
from extend_source.sandbox.evidence import PAGE_HEIGHT, PAGE_WIDTH
from extend_source.sandbox.records import FileRecord, FileType, Json
from extend_source.sandbox.seeding import chance, make_id, rng_for
from extend_source.sandbox.values import words

_EXTENSIONS: dict[FileType, str] = {
    "PDF": "pdf",
    "DOCX": "docx",
    "EXCEL": "xlsx",
    "CSV": "csv",
    "IMG": "png",
    "TXT": "txt",
}
_WITH_PAGE_COUNT = ("PDF", "DOCX")
"""The types for which ``metadata.pageCount`` is documented."""


def make_file(rng: random.Random, topic: str, file_type: FileType, created_at: datetime, pages: int) -> FileRecord:
    """Return a new file that no run has parsed yet.

    Args:
        rng: Where the id and the name come from.
        topic: What the document is, for its name.
        file_type: Extend's normalized type.
        created_at: When it was uploaded.
        pages: Number of pages or sheets.
    """
    ending = _EXTENSIONS[file_type]
    decoration = rng.choice(("", "", "", " (copy)", " Süd", "_scan", " 100%"))
    payload: Json = {
        "object": "file",
        "id": make_id("file", rng),
        "name": f"{topic}-{rng.randrange(10**5):05d}{decoration}.{ending}",
        "metadata": {"pageCount": pages} if file_type in _WITH_PAGE_COUNT else {},
        "createdAt": rfc3339(created_at),
        "updatedAt": rfc3339(created_at),
        "type": file_type,
    }
    if chance(rng, 0.02):
        del payload["type"]  # absent where Extend could not determine it
    return FileRecord(payload, pages)


def make_child(parent: FileRecord, split: Json, created_at: datetime) -> FileRecord:
    """Return the file a splitter cuts out of another.

    Args:
        parent: The packet.
        split: The split of the splitter's output that names the new file.
        created_at: When the splitter made it.
    """
    pages = split["endPage"] - split["startPage"] + 1
    name = str(parent.payload["name"]).rsplit(".", 1)[0]
    keys = ("id", "type", "identifier", "startPage", "endPage")
    payload: Json = {
        "object": "file",
        "id": split["fileId"],
        "name": f"{name}_{split['identifier']}.pdf",
        "metadata": {"pageCount": pages, "parentSplit": {key: split[key] for key in keys}},
        "createdAt": rfc3339(created_at),
        "updatedAt": rfc3339(created_at),
        "type": "PDF",
        "parentFileId": parent.id,
    }
    return FileRecord(payload, pages)


def all_contents(file: FileRecord) -> Json:
    """Return every content part of a file; it depends only on the file's id, type and pages."""
    rng = rng_for("contents", file.id)
    file_type = file.payload.get("type")
    if file_type in ("EXCEL", "CSV"):
        return _sheets(file, rng)
    pages = [_page(number, str(file_type), rng) for number in range(1, file.pages + 1)]
    contents: Json = {"rawText": "\n\n".join(page["rawText"] for page in pages)}
    if file_type in ("PDF", "IMG"):
        contents["markdown"] = "\n\n".join(page["markdown"] for page in pages)
    if file_type != "TXT":
        contents["pages"] = pages
    return contents


def _page(number: int, file_type: str, rng: random.Random) -> Json:
    line = words(rng, rng.randrange(6, 14))
    page: Json = {"pageNumber": number}
    if file_type != "DOCX":
        page["pageHeight"], page["pageWidth"] = PAGE_HEIGHT, PAGE_WIDTH
    page["rawText"] = f"Page {number}\n{line}"
    page["markdown"] = f"# Page {number}\n\n{line}\n\n| item | price |\n| --- | --- |\n| {words(rng, 1)} | 3.50 € |"
    if file_type == "DOCX":
        page["html"] = f"<div><h1>Page {number}</h1><p>{line}</p></div>"
    return page


def _sheets(file: FileRecord, rng: random.Random) -> Json:
    names = ["Prices"] if file.payload.get("type") == "CSV" else [f"Sheet {n}" for n in range(1, file.pages + 1)]
    rows = [[words(rng, 1), f"{rng.randrange(10**4) / 100}"] for _ in range(4)]
    text = "\n".join(",".join(row) for row in rows)
    return {"rawText": text, "sheets": [{"sheetName": name, "rawText": text} for name in names]}


def select_contents(contents: Json, *, raw_text: bool, markdown: bool, html: bool) -> Json | None:
    """Return the parts a request asked for, or None when it asked for none.

    Args:
        contents: All parts.
        raw_text: The ``rawText`` flag.
        markdown: The ``markdown`` flag.
        html: The ``html`` flag.
    """
    wanted = {"rawText": raw_text, "markdown": markdown, "html": html}
    if not any(wanted.values()):
        return None
    selected = {key: value for key, value in contents.items() if wanted.get(key)}
    for group in ("pages", "sheets"):
        if group in contents:
            selected[group] = [
                {key: value for key, value in part.items() if wanted.get(key, True)} for part in contents[group]
            ]
    return selected
