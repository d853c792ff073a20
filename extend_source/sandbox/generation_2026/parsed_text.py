"""What a parse run read: chunks of blocks, and words and lines where they are asked for."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from extend_source.sandbox.evidence import PAGE_HEIGHT, PAGE_WIDTH
from extend_source.sandbox.generation_2026.files import contents_of
from extend_source.sandbox.generation_2026.parses import Parse
from extend_source.sandbox.records import Json
from extend_source.sandbox.rendering import file_link
from extend_source.sandbox.seeding import chance, rng_for
from extend_source.sandbox.values import words

ROTATION_SINCE = datetime(2026, 10, 6, tzinfo=timezone.utc)
"""Words of parse runs made from then on say how they are turned."""

_MIME_TYPES = {
    "PDF": "application/pdf",
    "IMG": "image/png",
    "DOCX": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "EXCEL": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "CSV": "text/csv",
    "TXT": "text/plain",
}
_WITHOUT_METADATA_SHARE = 0.1
_LEFT, _WIDTH, _LINE_HEIGHT, _GAP = 56.5, 480.25, 14, 8
_CELL_WIDTH = 120


@dataclass
class _Page:
    """A page or a sheet, filled with blocks from top to bottom.

    Attributes:
        number: From 1.
        rng: Where confidences come from.
        sheet: Name of the sheet; None for a page.
        blocks: The blocks so far.
        bottom: Where the next one begins.
    """

    number: int
    rng: random.Random
    sheet: str | None = None
    blocks: list[Json] = field(default_factory=list)
    bottom: float = 36.25

    def add(self, kind: str, content: str, details: Json | None = None) -> Json:
        """Put a block below the last one and return it."""
        height = _LINE_HEIGHT * (1 + content.count("\n"))
        block = self.block(kind, content, details or {}, (_LEFT, self.bottom, _LEFT + _WIDTH, self.bottom + height))
        self.bottom += height + _GAP
        self.blocks.append(block)
        return block

    def block(self, kind: str, content: str, details: Json, corners: tuple[float, float, float, float]) -> Json:
        """Return a block; its id is a hash of its content, so two of the same content share it."""
        left, top, right, bottom = corners
        return {
            "object": "block",
            "id": "block_" + hashlib.sha256(f"{kind}/{content}".encode()).hexdigest()[:16],
            "type": kind,
            "content": content,
            "details": details,
            "metadata": self._metadata(),
            "polygon": [{"x": x, "y": y} for x, y in ((left, top), (right, top), (right, bottom), (left, bottom))],
            "boundingBox": {"left": left, "top": top, "right": right, "bottom": bottom},
        }

    def _metadata(self) -> Json:
        if self.sheet is not None:
            return {"sheet": {"index": self.number - 1, "name": self.sheet}}
        lowest = self.rng.randrange(700, 1000) / 1000
        page = {"number": self.number, "width": PAGE_WIDTH, "height": PAGE_HEIGHT}
        return {"page": page, "minOcrConfidence": lowest, "avgOcrConfidence": round((1 + lowest) / 2, 4)}


def parse_output(parse: Parse) -> Json:
    """Return the ``output`` of a parse run; it depends only on the file and the configuration.

    Args:
        parse: A parse run that was processed.
    """
    config = parse.config
    pages = list(_sheets(parse, config) if "sheets" in contents_of(parse.file) else _pages(parse, config))
    output: Json = {"chunks": _chunks(pages, config)}
    ocr = config["advancedOptions"].get("returnOcr", {})
    if ocr.get("words") or ocr.get("lines"):
        asked = {"words": _words, "lines": _lines}
        output["ocr"] = {key: make(parse, pages) for key, make in asked.items() if ocr.get(key)}
    output["metadata"] = _file_metadata(parse, pages)
    return output


def _pages(parse: Parse, config: Json) -> Iterator[_Page]:
    contents = contents_of(parse.file)
    texts = contents.get("pages") or [{"pageNumber": 1, "rawText": contents["rawText"]}]
    for text in texts:
        number = text["pageNumber"]
        page = _Page(number, rng_for("blocks", parse.file.id, number))
        heading, _, line = text["rawText"].partition("\n")
        page.add("header", f"Sandbox Supplies {words(page.rng, 1)}", {"type": "text_details"})
        page.add("heading" if number == 1 else "section_heading", f"# {heading}", {"type": "text_details"})
        page.add("text", line, {"type": "text_details"})
        _add_table(page, [["item", "price"], [words(page.rng, 1), "3.50 €"]], config)
        _add_extras(page, parse, config)
        page.add("footer", "Bank details on request")
        page.add("page_number", str(number))
        yield page


def _add_extras(page: _Page, parse: Parse, config: Json) -> None:
    """Add what only some pages have, as far as the configuration wants it."""
    options = config["blockOptions"]
    page.add("key_value", f"Page total: {page.rng.randrange(10**5) / 100}", {"type": "key_value_details"})
    if options["figures"].get("enabled") and page.number % 2:
        kind = page.rng.choice(("chart", "logo", "image", "diagram", "other"))
        link = file_link(parse.file.id, f"figure-{page.number}.png")
        page.add("figure", f"A {kind}", {"type": "figure_details", "imageUrl": link, "figureType": kind})
    if options.get("barcodes", {}).get("readingEnabled") and page.number == 1:
        code = {"decodedValue": f"{page.rng.randrange(10**13):013d}", "format": "EAN13"}
        link = file_link(parse.file.id, "barcode-1.png")
        page.add("barcode", "", {"type": "barcode_details", "imageUrl": link, **code})
    if options.get("formulas", {}).get("enabled") and page.number == 1:
        page.add("formula", "$$n \\cdot p$$", {"type": "formula_details", "latex": "n \\cdot p"})


def _sheets(parse: Parse, config: Json) -> Iterator[_Page]:
    for number, sheet in enumerate(contents_of(parse.file)["sheets"], start=1):
        page = _Page(number, rng_for("blocks", parse.file.id, number), sheet["sheetName"])
        page.add("heading", sheet["sheetName"], {"type": "text_details", "cellReference": "A1"})
        _add_table(page, [line.split(",") for line in sheet["rawText"].split("\n")], config)
        yield page


def _add_table(page: _Page, rows: Sequence[Sequence[str]], config: Json) -> None:
    tables = config["blockOptions"]["tables"]
    if tables.get("targetFormat") == "html":
        lines = ["<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows]
        content = "<table>\n" + "\n".join(lines) + "\n</table>"
    else:
        lines = ["| " + " | ".join(row) + " |" for row in rows]
        content = "\n".join([lines[0], "| " + " | ".join("---" for _ in rows[0]) + " |", *lines[1:]])
    top = page.bottom
    details = {"type": "table_details", "rowCount": len(rows), "columnCount": len(rows[0])}
    table = page.add("table", content, details)
    if tables.get("cellBlocksEnabled"):
        table["children"] = [
            {**_cell(page, config, row, column, text, top), "parentBlockId": table["id"]}
            for row, texts in enumerate(rows)
            for column, text in enumerate(texts)
        ]


def _cell(page: _Page, config: Json, row: int, column: int, text: str, top: float) -> Json:
    details: Json = {"type": "table_cell_details", "rowIndex": row, "columnIndex": column}
    options = config["advancedOptions"]
    if page.sheet is not None and options.get("excelIncludeCellMetadata"):
        details["cellReference"] = f"{chr(ord('A') + column)}{row + 2}"
        if column and row:
            details["formula"] = f"=ROUND({text},2)"
    if page.sheet is not None and options.get("excelIncludeCellFormatting"):
        details["formatting"] = {"bold": not row, "italic": False, "fontColor": "#000000", "backgroundColor": "#ffffff"}
    left, upper = _LEFT + _CELL_WIDTH * column, top + _LINE_HEIGHT * row
    corners = (left, upper, left + _CELL_WIDTH, upper + _LINE_HEIGHT)
    return page.block("table_cell" if row else "table_head", text, details, corners)


def _chunks(pages: Sequence[_Page], config: Json) -> list[Json]:
    """Return one chunk for each page, each two pages (``section``), or all (``document``)."""
    kind = config["chunkingStrategy"].get("type") or "page"
    size = {"page": 1, "section": 2, "document": len(pages)}[kind]
    return [_chunk(kind, pages[start : start + size]) for start in range(0, len(pages), size)]


def _chunk(kind: str, pages: Sequence[_Page]) -> Json:
    blocks = [block for page in pages for block in page.blocks]
    lowest = [block["metadata"]["minOcrConfidence"] for block in blocks if "minOcrConfidence" in block["metadata"]]
    metadata: Json = {"pageRange": {"start": pages[0].number, "end": pages[-1].number}}
    metadata["minOcrConfidence"] = min(lowest) if lowest else None
    metadata["avgOcrConfidence"] = round(sum(lowest) / len(lowest), 4) if lowest else None
    content = "\n\n".join(block["content"] for block in blocks if block["content"])
    return {"object": "chunk", "type": kind, "content": content, "metadata": metadata, "blocks": blocks}


def _lines(parse: Parse, pages: Sequence[_Page]) -> list[Json]:
    return [
        {
            "content": block["content"].partition("\n")[0],
            "boundingBox": block["boundingBox"],
            "confidence": block["metadata"].get("avgOcrConfidence", 1),
            "pageNumber": page.number,
            "blockId": block["id"],
        }
        for page in pages
        for block in page.blocks
        if block["content"]
    ]


def _words(parse: Parse, pages: Sequence[_Page]) -> list[Json]:
    turned = {"rotation": 0} if parse.sort_key[0] >= ROTATION_SINCE else {}
    found = []
    for line in _lines(parse, pages):
        texts, box = line["content"].split(), line["boundingBox"]
        width = (box["right"] - box["left"]) / max(len(texts), 1)
        for number, text in enumerate(texts):
            left = box["left"] + width * number
            place: dict[str, Any] = {"boundingBox": {**box, "left": left, "right": left + width}}
            found.append({**line, "content": text, **place, **turned})
    return found


def _file_metadata(parse: Parse, pages: Sequence[_Page]) -> Json | None:
    """Return what the file was before it was parsed; None as for older parse runs."""
    rng = rng_for("file metadata", parse.file.id)
    if chance(rng, _WITHOUT_METADATA_SHARE):
        return None
    kind = str(parse.file.payload.get("type"))
    original = _MIME_TYPES.get(kind, "application/octet-stream")
    metadata: Json = {"originalMimeType": original}
    metadata["finalMimeType"] = "application/pdf" if kind in ("IMG", "DOCX") else original
    if pages and pages[0].sheet is None:
        metadata["pages"] = [_page_metadata(page.number, rng) for page in pages]
    return metadata


def _page_metadata(number: int, rng: random.Random) -> Json:
    dpi = rng.choice((72, 150, 300))
    return {
        "number": number,
        "rotationApplied": rng.choice((0, 0, 0, -90, 180, None)),
        "originalPageWidth": PAGE_WIDTH * 72 / dpi,
        "originalPageHeight": PAGE_HEIGHT * 72 / dpi,
        "dpi": dpi,
    }
