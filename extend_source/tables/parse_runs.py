"""The contract of parse runs: what their list says, the runs themselves, and what they have read of their documents."""

from __future__ import annotations

from extend_source.tables.contract import EXTRA, Column, TableSchema
from extend_source.tables.kinds import (
    BOOLEAN,
    CREDITS,
    DOCUMENT_JSON,
    DOCUMENT_TEXT,
    INTEGER,
    JSON,
    NUMBER,
    TEXT,
    TIMESTAMP,
)

_EXTRA = Column(EXTRA, JSON, "What the API sent of this object beyond the known columns.")
_PARSE_RUN_ID = Column("parse_run_id", TEXT, "The parse run: parse_runs.id.", about="parse_run")
_POSITION = Column("position", INTEGER, "Place in the API's list, from 0.")
_CONFIDENCES = (
    Column("min_ocr_confidence", NUMBER, "Lowest confidence of the recognition.", api="metadata.minOcrConfidence"),
    Column("avg_ocr_confidence", NUMBER, "Mean confidence of the recognition.", api="metadata.avgOcrConfidence"),
)
_BOX = (
    Column("box_left", NUMBER, "Left edge of the box around it.", api="boundingBox.left"),
    Column("box_top", NUMBER, "Top edge.", api="boundingBox.top"),
    Column("box_right", NUMBER, "Right edge.", api="boundingBox.right"),
    Column("box_bottom", NUMBER, "Bottom edge.", api="boundingBox.bottom"),
)
_OF_THE_RUN = (
    Column(
        "status",
        TEXT,
        "PENDING, PROCESSING, PROCESSED or FAILED.",
        api="status",
        values=("PENDING", "PROCESSING", "PROCESSED", "FAILED"),
    ),
    Column("batch_id", TEXT, "The batch that it belongs to.", api="batchId"),
    Column("failure_reason", TEXT, "Why it failed, as a code.", api="failureReason"),
    Column("failure_message", TEXT, "Why it failed, in words.", api="failureMessage"),
    Column("page_count", INTEGER, "Pages; for spreadsheets an estimate.", api="metrics.pageCount"),
    Column("processing_time_ms", NUMBER, "How long it took, in milliseconds.", api="metrics.processingTimeMs"),
    Column("metadata", JSON, "What the caller attached to it.", api="metadata"),
)

PARSE_RUN_SUMMARIES = TableSchema(
    name="parse_run_summaries",
    grain="parse run that was listed",
    description="What the listing says of a parse run (API 2026-02-09). Unchanged rows are not rewritten.",
    key=("id",),
    is_book=True,
    object_name="parse_run_summary",
    handled=frozenset({"usage.totalCredits", "usage.breakdown"}),
    latest_by="listed_at",
    columns=(
        Column("id", TEXT, "The parse run's id.", api="id", about="parse_run"),
        Column("workspace_id", TEXT, "The workspace named in the settings."),
        Column("object", TEXT, "The API's name for this object type.", api="object"),
        Column("file_id", TEXT, "The file that was parsed: files.id, if it was used.", api="fileId", about="file"),
        *_OF_THE_RUN,
        Column("credits", CREDITS, "NULL: unknown.", api="usage.credits"),
        Column("created_at", TIMESTAMP, "Creation.", api="createdAt"),
        Column("updated_at", TIMESTAMP, "Last update.", api="updatedAt"),
        Column("listed_at", TIMESTAMP, "When the listing first said so."),
        Column("summary_sha256", TEXT, "SHA-256 of the summary as canonical JSON."),
        _EXTRA,
    ),
)

PARSE_RUNS = TableSchema(
    name="parse_runs",
    grain="parse run",
    description="Parse runs in full: what a document was turned into, by which config, at what cost.",
    key=("id",),
    object_name="parse_run",
    handled=frozenset(
        {
            *("file", "fileId", "config", "output.chunks", "output.ocr", "output.metadata.pages"),
            *("usage.breakdown", "usage.totalCredits"),
        }
    ),
    columns=(
        Column("id", TEXT, "The parse run's id.", api="id", about="parse_run"),
        Column("object", TEXT, "The API's name for this object type.", api="object"),
        Column("api_version", TEXT, "The API version it was fetched with."),
        Column("workspace_id", TEXT, "The workspace named in the settings."),
        Column("file_id", TEXT, "The file that was parsed: files.id.", about="file"),
        *_OF_THE_RUN,
        Column("config_id", TEXT, "The config it ran with: run_configs.config_id.", references="config"),
        Column("original_mime_type", TEXT, "What the file was.", api="output.metadata.originalMimeType"),
        Column("final_mime_type", TEXT, "What it was parsed as.", api="output.metadata.finalMimeType"),
        Column("credits", CREDITS, "NULL: unknown.", api="usage.credits", keep_known=True),
        Column("created_at", TIMESTAMP, "Creation, from the listing.", keep_known=True),
        Column("updated_at", TIMESTAMP, "Last update, from the listing.", keep_known=True),
        Column("fetched_at", TIMESTAMP, "When this source fetched it."),
        Column("loaded_tables", TEXT, "The tables it was loaded into, if not the usual ones: names joined by commas."),
        Column("row_counts", JSON, "The rows that were written with it, by table."),
        Column("payload_sha256", TEXT, "SHA-256 of the payload in canonical form, without download links."),
        _EXTRA,
    ),
)  # fmt: skip

PARSE_PAGES = TableSchema(
    name="parse_pages",
    grain="page that a parse run has read",
    description="Sizes and rotation (API 2026-02-09; older parse runs have none). Coordinates are at the page's dpi.",
    key=("parse_run_id", "position"),
    replaced_by="parse_run_id",
    object_name="parse_page",
    columns=(
        _PARSE_RUN_ID,
        _POSITION,
        Column("page_number", INTEGER, "The page's number in the document, from 1.", api="number"),
        Column("rotation_applied", INTEGER, "Degrees it was turned by, as sent.", api="rotationApplied"),
        Column("rotation", INTEGER, "The same as 0, 90, 180 or 270."),
        Column("original_width", NUMBER, "Width in points before it was parsed.", api="originalPageWidth"),
        Column("original_height", NUMBER, "Height in points.", api="originalPageHeight"),
        Column("dpi", NUMBER, "Dots per inch of the coordinates: points times dpi / 72.", api="dpi"),
        _EXTRA,
    ),
)  # fmt: skip

PARSE_CHUNKS = TableSchema(
    name="parse_chunks",
    grain="chunk of a parse run's output",
    description="The text of the document, cut as the config asks: by page, section or as a whole.",
    key=("parse_run_id", "position"),
    replaced_by="parse_run_id",
    object_name="parse_chunk",
    handled=frozenset({"object", "blocks"}),
    columns=(
        _PARSE_RUN_ID,
        _POSITION,
        Column("type", TEXT, "page, section or document.", api="type"),
        Column("start_page", INTEGER, "First page, from 1.", api="metadata.pageRange.start"),
        Column("end_page", INTEGER, "Last page.", api="metadata.pageRange.end"),
        Column("content", DOCUMENT_TEXT, "The text, as Markdown or in places.", api="content"),
        *_CONFIDENCES,
        Column("block_count", INTEGER, "Its blocks, those within others included."),
        _EXTRA,
    ),
)

PARSE_BLOCKS = TableSchema(
    name="parse_blocks",
    grain="block of a parse run's output",
    description="Headings, paragraphs, tables, cells, figures and so on; cells where the config asks for them.",
    key=("parse_run_id", "position"),
    replaced_by="parse_run_id",
    object_name="parse_block",
    handled=frozenset({"object", "children", "polygon", "details.type"}),
    opt_in=True,
    columns=(
        _PARSE_RUN_ID,
        Column("position", INTEGER, "Place in the whole output, from 0; a block comes before those within it."),
        Column("chunk_position", INTEGER, "The chunk: parse_chunks.position."),
        Column("parent_position", INTEGER, "The block around it, by position; NULL: none."),
        Column("depth", INTEGER, "Blocks around it."),
        Column("block_id", TEXT, "The API's id: equal content may have an equal one.", api="id"),
        Column("parent_block_id", TEXT, "The API's id of the block around it.", api="parentBlockId"),
        Column("type", TEXT, "text, heading, section_heading, table, table_cell, figure and others.", api="type"),
        Column("page_number", INTEGER, "The page, from 1.", api="metadata.page.number"),
        Column("page_width", NUMBER, "Width of the page.", api="metadata.page.width"),
        Column("page_height", NUMBER, "Height of the page.", api="metadata.page.height"),
        Column("sheet_index", INTEGER, "The sheet of a spreadsheet, from 0.", api="metadata.sheet.index"),
        Column("sheet_name", TEXT, "The sheet's name.", api="metadata.sheet.name"),
        Column("content", DOCUMENT_TEXT, "Its text.", api="content"),
        *_BOX,
        Column("polygon", DOCUMENT_JSON, "Its corners as a list of x and y; NULL: those of the box."),
        *_CONFIDENCES,
        Column("row_count", INTEGER, "Table: rows.", api="details.rowCount"),
        Column("column_count", INTEGER, "Table: columns.", api="details.columnCount"),
        Column("row_index", INTEGER, "Cell: row, from 0.", api="details.rowIndex"),
        Column("column_index", INTEGER, "Cell: column, from 0.", api="details.columnIndex"),
        Column("cell_reference", TEXT, "Cell or text of a spreadsheet: where, as A1.", api="details.cellReference"),
        Column("formula", DOCUMENT_TEXT, "Cell of a spreadsheet: its formula.", api="details.formula"),
        Column("formatting", JSON, "Cell of a spreadsheet: its format.", api="details.formatting"),
        Column("figure_type", TEXT, "Figure: image, chart, diagram, logo or other.", api="details.figureType"),
        Column("decoded_value", DOCUMENT_TEXT, "Barcode: what it says.", api="details.decodedValue"),
        Column("barcode_format", TEXT, "Barcode: its kind.", api="details.format"),
        Column("latex", DOCUMENT_TEXT, "Formula: as LaTeX.", api="details.latex"),
        Column("has_image", BOOLEAN, "Extend has a picture of it; the link is not kept.", api="details.hasImage"),
        _EXTRA,
    ),
)  # fmt: skip

_OCR_COLUMNS = (
    _PARSE_RUN_ID,
    _POSITION,
    Column("page_number", INTEGER, "The page, from 1.", api="pageNumber"),
    Column("content", DOCUMENT_TEXT, "Its text.", api="content"),
    *_BOX,
    Column("confidence", NUMBER, "Confidence of the recognition.", api="confidence"),
    Column("block_id", TEXT, "The block it is in: parse_blocks.block_id.", api="blockId"),
)

PARSE_LINES = TableSchema(
    name="parse_lines",
    grain="line that a parse run has recognised",
    description="Where the config asks for lines (API 2026-02-09).",
    key=("parse_run_id", "position"),
    replaced_by="parse_run_id",
    object_name="parse_line",
    opt_in=True,
    columns=(*_OCR_COLUMNS, _EXTRA),
)

PARSE_WORDS = TableSchema(
    name="parse_words",
    grain="word that a parse run has recognised",
    description="Where the config asks for words.",
    key=("parse_run_id", "position"),
    replaced_by="parse_run_id",
    object_name="parse_word",
    opt_in=True,
    columns=(*_OCR_COLUMNS, Column("rotation", NUMBER, "Degrees it is turned by.", api="rotation"), _EXTRA),
)

PARSE_OUTPUT_TABLES: dict[str, tuple[TableSchema, ...]] = {
    "none": (),
    "chunks": (PARSE_RUNS, PARSE_PAGES, PARSE_CHUNKS),
    "blocks": (PARSE_RUNS, PARSE_PAGES, PARSE_CHUNKS, PARSE_BLOCKS, PARSE_LINES),
    "words": (PARSE_RUNS, PARSE_PAGES, PARSE_CHUNKS, PARSE_BLOCKS, PARSE_LINES, PARSE_WORDS),
}
"""The tables that parse runs fill, by the setting `parse_output`."""
