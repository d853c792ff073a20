"""A parse run's payload: its own row, and the pages, chunks, blocks, lines and words of its output."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, NamedTuple

from extend_source.tables import parse_runs
from extend_source.tables.building import TableSet
from extend_source.tables.configs import ConfigTables
from extend_source.tables.contract import TableSchema
from extend_source.tables.credits import CreditTables
from extend_source.tables.files import FileTables
from extend_source.tables.object_rows import ObjectRows
from extend_source.tables.payloads import Origin
from extend_source.tables.reading import DriftLog, Extra, ObjectReader
from extend_source.tables.seen_files import SeenFiles
from extend_source.text.json_codec import encode_json

_PAGE = ObjectReader.of(parse_runs.PARSE_PAGES)
_CHUNK = ObjectReader.of(parse_runs.PARSE_CHUNKS)
_BLOCK = ObjectReader.of(parse_runs.PARSE_BLOCKS)
_OCR = {
    key: (table, ObjectReader.of(table))
    for key, table in (("lines", parse_runs.PARSE_LINES), ("words", parse_runs.PARSE_WORDS))
}
_ROTATION = [column.name for column in parse_runs.PARSE_PAGES.api_columns].index("rotation_applied")
PARSER_RUN = "parser_run"
"""What API 2025-04-21 calls a parse run (SDK 0.2.0)."""

_CORNERS = (("left", "top"), ("right", "top"), ("right", "bottom"), ("left", "bottom"))


class _Place(NamedTuple):
    """Where blocks stand: their chunk, the block around them and how many there are around that."""

    chunk: int
    parent: int | None = None
    depth: int = 0


class ParseRunTables:
    """Writes the payloads of parse runs."""

    def __init__(
        self,
        tables: TableSet,
        drift: DriftLog,
        files: FileTables | SeenFiles,
        configs: ConfigTables,
        credits: CreditTables,
        *,
        parse_output: str,
        keep_raw: bool,
    ) -> None:
        """Start a load.

        Args:
            tables: where the rows go.
            drift: where unknown keys are noted.
            files: where their files go.
            configs: where their configs go.
            credits: where their credits go.
            parse_output: which tables to fill, a key of `PARSE_OUTPUT_TABLES`.
            keep_raw: also keep the payloads themselves.
        """
        self._tables, self._drift, self._files = tables, drift, files
        self._configs, self._credits = configs, credits
        self._filled = parse_runs.PARSE_OUTPUT_TABLES[parse_output]
        self._rows = ObjectRows(
            "parse_run",
            parse_runs.PARSE_RUNS,
            tables,
            drift,
            children=[table for table in self._filled if table.replaced_by is not None],
            keep_raw=keep_raw,
        )

    def add(self, run: dict[str, Any], origin: Origin) -> str:
        """Add a parse run.

        Args:
            run: the canonical ParseRun object with an ``id`` (SDK 1.20.0, parse_run).
            origin: where it came from.

        Returns:
            The payload's `payload_sha256`.
        """
        values, extra = self._rows.read(run)
        config_id = self._add_config(run.get("config"), extra)
        file_id = self._rows.add_file(run, self._files, origin, extra)
        if isinstance(run.get("output"), dict):  # what is no object is in extra already
            left_over = self._add_output(run["id"], run["output"], dict(extra.get("output") or {}))
            extra |= {"output": left_over} if left_over else {}
        self._add_usage(run, file_id, values["credits"], origin, extra)
        return self._rows.write(run, origin, values, extra, file_id=file_id, config_id=config_id)

    def _add_config(self, config: Any, extra: Extra) -> str | None:
        if isinstance(config, dict):
            return self._configs.add(config)
        self._rows.keep(extra, "config", config)
        return None

    def _add_usage(
        self, run: dict[str, Any], file_id: str | None, credits: Decimal | None, origin: Origin, extra: Extra
    ) -> None:
        usage, owner = run.get("usage"), ("parse_run", run["id"])
        if run.get("object") == PARSER_RUN and file_id is not None:
            owner = ("file", file_id)  # runs tell the cost of the same parse with the file
        odd = self._credits.add(*owner, usage, credits, origin.fetched_at) or {}
        if isinstance(usage, dict) and usage.get("totalCredits") not in (None, usage.get("credits")):
            odd["totalCredits"] = usage["totalCredits"]  # a parse run starts nothing: both are the same
        if odd:
            extra["usage"] = {**(extra.get("usage") or {}), **odd}

    def _add_output(self, run_id: str, output: dict[str, Any], extra: Extra) -> Extra:
        """Add the output to what no column of the run holds of it; return what no table holds either."""
        position = 0
        for number, chunk in enumerate(self._rows.objects(output, "chunks", extra)):
            before, left_over = position, Extra()
            position = self._add_blocks(run_id, chunk, "blocks", _Place(number), before, left_over)
            values, read_extra = _CHUNK.read(chunk, self._drift)
            self._tables[parse_runs.PARSE_CHUNKS].add(
                values,
                {**(read_extra or {}), **left_over} or None,
                parse_run_id=run_id,
                position=number,
                block_count=position - before,
            )
        ocr = output.get("ocr")
        if isinstance(ocr, dict):
            left_over = {key: value for key, value in ocr.items() if key not in _OCR and value is not None}
            for key, value in left_over.items():
                self._drift.unknown_key("parse_run", f"output.ocr.{key}", value)
            for key, (table, reader) in _OCR.items():
                self._add_items(run_id, ocr, key, table, reader, left_over)
            if left_over:
                extra["ocr"] = left_over
        elif ocr is not None:
            self._rows.keep(extra, "ocr", ocr)
        if isinstance(output.get("metadata"), dict):
            odd = self._add_pages(run_id, output["metadata"], dict(extra.get("metadata") or {}))
            extra |= {"metadata": odd} if odd else {}
        return extra

    def _add_pages(self, run_id: str, metadata: dict[str, Any], extra: Extra) -> Extra:
        for position, page in enumerate(self._rows.objects(metadata, "pages", extra)):
            values, read_extra = _PAGE.read(page, self._drift)
            turned = values[_ROTATION]
            rotation = None if turned is None else turned % 360
            self._tables[parse_runs.PARSE_PAGES].add(
                values, read_extra, parse_run_id=run_id, position=position, rotation=rotation
            )
        return extra

    def _add_items(
        self, run_id: str, owner: dict[str, Any], key: str, table: TableSchema, reader: ObjectReader, extra: Extra
    ) -> None:
        if table in self._filled:
            for position, item in enumerate(self._rows.objects(owner, key, extra)):
                self._tables[table].add(*reader.read(item, self._drift), parse_run_id=run_id, position=position)

    def _add_blocks(
        self, run_id: str, owner: dict[str, Any], key: str, place: _Place, position: int, extra: Extra
    ) -> int:
        """Add the blocks of a chunk, or of a block, those within them included.

        Args:
            run_id: the parse run.
            owner: the chunk or block.
            key: its member that holds them.
            place: where they stand.
            position: of the first one.
            extra: where to leave what is no list of blocks.

        Returns:
            The position of the next block.
        """
        for block in self._rows.objects(owner, key, extra):
            own, left_over = position, Extra()
            inner = _Place(place.chunk, own, place.depth + 1)
            position = self._add_blocks(run_id, block, "children", inner, own + 1, left_over)
            if parse_runs.PARSE_BLOCKS in self._filled:
                values, read_extra = _BLOCK.read(block, self._drift)
                self._tables[parse_runs.PARSE_BLOCKS].add(
                    values,
                    {**(read_extra or {}), **left_over} or None,
                    parse_run_id=run_id,
                    position=own,
                    chunk_position=place.chunk,
                    parent_position=place.parent,
                    depth=place.depth,
                    polygon=_polygon(block),
                )
        return position


def _polygon(block: dict[str, Any]) -> str | None:
    """Return a block's corners as JSON text; None where they are those of its box."""
    polygon, box = block.get("polygon"), block.get("boundingBox")
    if polygon is None:
        return None
    if isinstance(box, dict) and polygon == [{"x": box.get(x), "y": box.get(y)} for x, y in _CORNERS]:
        return None
    return encode_json(polygon)
