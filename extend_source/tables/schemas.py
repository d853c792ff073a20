"""The contract: every table that runs and files feed, column by column.

dlt's hints, the docs' table map and the tests are derived from it. To add a column, add it here with its `api`
path and it is read; a value that must be worked out is added in the module of its family.
"""

from __future__ import annotations

from extend_source.config.run_values import PROCESSOR_TYPES, RUN_STATUSES
from extend_source.tables.config_columns import CONFIG_OPTION_COLUMNS
from extend_source.tables.contract import EXTRA, Column, TableSchema
from extend_source.tables.kinds import (
    BOOLEAN,
    CREDITS,
    DATE,
    DOCUMENT_JSON,
    DOCUMENT_TEXT,
    INTEGER,
    JSON,
    NUMBER,
    TEXT,
    TIMESTAMP,
)

_EXTRA = Column(EXTRA, JSON, "What the API sent of this object beyond the known columns.")
_RUN_ID = Column("run_id", TEXT, "The run: processor_runs.id.", about="processor_run")
_FILE_ID = Column("file_id", TEXT, "The file: files.id.", about="file")
_CONFIG_ID = Column("config_id", TEXT, "The config: run_configs.config_id.", about="config")
_POSITION = Column("position", INTEGER, "Place in the API's list, from 0.")
_PATH = Column("path", TEXT, "Where in the output, for example line_items[0].sku.")
_STAGE = Column(
    "stage",
    TEXT,
    "final, or initial and reviewed where the API sends them.",
    values=("final", "initial", "reviewed"),
)
_FETCHED_AT = Column("fetched_at", TIMESTAMP, "When this source fetched it.")
_DEFINITIONS = frozenset(
    f"{name}{version}" for name in ("extractor", "classifier", "splitter") for version in ("", "Version")
)
"""The members of a run of API 2026-02-09 that hold its processor, of which it lands id, name and version."""

_ROW_COUNTS = Column("row_counts", JSON, "The rows that were written with it, by table; NULL: written before 0.2.")

PROCESSOR_RUNS = TableSchema(
    name="processor_runs",
    grain="run",
    description="Runs of extraction, classification and splitting processors.",
    key=("id",),
    object_name="processor_run",
    handled=frozenset(
        {
            *("config", "output", "initialOutput", "reviewedOutput", "edits", "files", "mergedProcessors"),
            *("createdAt", "updatedAt", "usage.breakdown", *_DEFINITIONS),
        }
    ),
    columns=(
        Column("id", TEXT, "The run's id.", api="id", about="processor_run"),
        Column("object", TEXT, "The API's name for this object type.", api="object"),
        Column("api_version", TEXT, "The API version it was fetched with."),
        Column("workspace_id", TEXT, "The workspace named in the settings."),
        Column("type", TEXT, "EXTRACT, CLASSIFY or SPLITTER.", api="type", values=PROCESSOR_TYPES),
        Column(
            "status",
            TEXT,
            "PENDING, PROCESSING, PROCESSED, FAILED or CANCELLED.",
            api="status",
            values=RUN_STATUSES,
        ),
        Column("processor_id", TEXT, "The processor.", api="processorId"),
        Column("processor_version_id", TEXT, "The processor's version.", api="processorVersionId"),
        Column("processor_version", TEXT, "Its number, or draft (API 2026-02-09).", api="processorVersion"),
        Column("processor_name", TEXT, "The processor's name, as sent with the run.", api="processorName"),
        Column("config_id", TEXT, "The config it ran with: run_configs.config_id.", references="config"),
        Column("reviewed", BOOLEAN, "A person has reviewed it.", api="reviewed"),
        Column("edited", BOOLEAN, "The review changed something.", api="edited"),
        Column("failure_reason", TEXT, "Why it failed, as a code.", api="failureReason"),
        Column("failure_message", TEXT, "Why it failed, in words.", api="failureMessage"),
        Column("credits", CREDITS, "Without parsing; NULL: unknown.", api="usage.credits", keep_known=True),
        Column("total_credits", CREDITS, "With what it started; never add these up.", api="usage.totalCredits"),
        Column("parse_run_id", TEXT, "The parse run used (API 2026-02-09).", api="parseRunId", references="parse_run"),
        Column(
            "output_format",
            TEXT,
            "schema, fields, classification or splits; NULL: no output.",
            values=("schema", "fields", "classification", "splits"),
        ),
        Column("url", TEXT, "The run in the dashboard.", api="url"),
        Column("metadata", JSON, "What the caller attached to the run.", api="metadata"),
        Column("initial_output", DOCUMENT_JSON, "Extraction before review, where it differs from the final output."),
        Column("reviewed_output", DOCUMENT_JSON, "Extraction after review, where it differs from the final output."),
        Column("created_at", TIMESTAMP, "Creation; in API 2025-04-21 from the listing.", keep_known=True),
        Column("updated_at", TIMESTAMP, "Last update; in API 2025-04-21 from the listing.", keep_known=True),
        _FETCHED_AT,
        Column("loaded_tables", TEXT, "The tables it was loaded into, if not all of them: names joined by commas."),
        _ROW_COUNTS,
        Column("payload_sha256", TEXT, "SHA-256 of the payload in canonical form, without signed URLs."),
        _EXTRA,
    ),
)  # fmt: skip

PROCESSOR_RUN_FILES = TableSchema(
    name="processor_run_files",
    grain="file of a run",
    description="Which files a run worked on. One file can serve many runs.",
    key=("run_id", "position"),
    replaced_by="run_id",
    columns=(_RUN_ID, _POSITION, _FILE_ID),
)

PROCESSOR_RUN_MERGED_PROCESSORS = TableSchema(
    name="processor_run_merged_processors",
    grain="processor merged into a run's output",
    description="Filled by a workflow's merge-extraction step.",
    key=("run_id", "position"),
    replaced_by="run_id",
    object_name="merged_processor",
    columns=(
        _RUN_ID,
        _POSITION,
        Column("processor_id", TEXT, "The merged processor.", api="processorId"),
        Column("processor_version_id", TEXT, "Its version.", api="processorVersionId"),
        Column("processor_name", TEXT, "Its name.", api="processorName"),
        _EXTRA,
    ),
)

FILES = TableSchema(
    name="files",
    grain="distinct file",
    description="The documents. A file derived by a splitter names its parent and the split.",
    key=("id",),
    object_name="file",
    handled=frozenset({"contents", "presignedUrl"}),
    latest_by="fetched_at",
    columns=(
        Column("id", TEXT, "The file's id.", api="id", about="file"),
        Column("object", TEXT, "The API's name for this object type.", api="object"),
        Column("name", TEXT, "The file's name, given by the customer.", api="name"),
        Column("type", TEXT, "PDF, CSV, IMG, TXT, DOCX, EXCEL, XML or HTML; NULL: not determined.", api="type"),
        Column("page_count", INTEGER, "Pages; known for PDF and DOCX only.", api="metadata.pageCount", keep_known=True),
        Column("parent_file_id", TEXT, "The file it was split from.", api="parentFileId", references="file"),
        Column("parent_split_id", TEXT, "The split it came from.", api="metadata.parentSplit.id"),
        Column("parent_split_type", TEXT, "The split's class.", api="metadata.parentSplit.type"),
        Column("parent_split_identifier", TEXT, "The split's identifier.", api="metadata.parentSplit.identifier"),
        Column("parent_split_start_page", INTEGER, "First page in the parent.", api="metadata.parentSplit.startPage"),
        Column("parent_split_end_page", INTEGER, "Last page in the parent.", api="metadata.parentSplit.endPage"),
        Column("credits", CREDITS, "For parsing it; NULL: unknown.", api="usage.credits", keep_known=True),
        Column("created_at", TIMESTAMP, "When the file was created.", api="createdAt", keep_known=True),
        Column("updated_at", TIMESTAMP, "When the file last changed.", api="updatedAt", keep_known=True),
        _FETCHED_AT,
        _ROW_COUNTS,
        _EXTRA,
    ),
)  # fmt: skip

FILE_CONTENTS = TableSchema(
    name="file_contents",
    grain="file whose text is known",
    description="The text of a whole file. Pages, sheets and sections have tables of their own.",
    key=("file_id",),
    object_name="file_contents",
    handled=frozenset({"pages", "sheets", "sections"}),
    latest_by="fetched_at",
    columns=(
        _FILE_ID,
        Column("raw_text", DOCUMENT_TEXT, "The plain text.", api="rawText", keep_known=True),
        Column("markdown", DOCUMENT_TEXT, "As Markdown (PDF, IMG, converted Word).", api="markdown", keep_known=True),
        _FETCHED_AT,
        _EXTRA,
    ),
)

FILE_PAGES = TableSchema(
    name="file_pages",
    grain="page of a file",
    description="Text and size of each page.",
    key=("file_id", "position"),
    replaced_by="file_id",
    object_name="file_page",
    columns=(
        _FILE_ID,
        _POSITION,
        Column("page_number", INTEGER, "The page's number in the document, from 1.", api="pageNumber"),
        Column("page_width", NUMBER, "Width in points.", api="pageWidth"),
        Column("page_height", NUMBER, "Height in points.", api="pageHeight"),
        Column("raw_text", DOCUMENT_TEXT, "The page's plain text.", api="rawText"),
        Column("markdown", DOCUMENT_TEXT, "The page as Markdown.", api="markdown"),
        Column("html", DOCUMENT_TEXT, "The page as HTML (DOCX).", api="html"),
        _EXTRA,
    ),
)

FILE_SHEETS = TableSchema(
    name="file_sheets",
    grain="sheet of a spreadsheet file",
    description="Text of each sheet.",
    key=("file_id", "position"),
    replaced_by="file_id",
    object_name="file_sheet",
    columns=(
        _FILE_ID,
        _POSITION,
        Column("sheet_name", TEXT, "The sheet's name.", api="sheetName"),
        Column("raw_text", DOCUMENT_TEXT, "The sheet's plain text.", api="rawText"),
        _EXTRA,
    ),
)

FILE_SECTIONS = TableSchema(
    name="file_sections",
    grain="section of a file",
    description="Text of each section (API 2026-02-09).",
    key=("file_id", "position"),
    replaced_by="file_id",
    object_name="file_section",
    columns=(
        _FILE_ID,
        _POSITION,
        Column("start_page", INTEGER, "First page, from 1.", api="startPageNumber"),
        Column("end_page", INTEGER, "Last page.", api="endPageNumber"),
        Column("markdown", DOCUMENT_TEXT, "The section as Markdown.", api="markdown"),
        _EXTRA,
    ),
)

RUN_CONFIGS = TableSchema(
    name="run_configs",
    grain="distinct config",
    description="Configs are stored once by content: a million runs share a few hundred.",
    key=("config_id",),
    object_name="config",
    handled=frozenset(
        {
            *("classifications", "splitClassifications", "schema", "fields"),
            *("classificationRules", "extractionRules", "splitRules"),
            *("advancedOptions.pageRanges", "advancedOptions.excelSheetRanges", "advancedOptions.keyDefinitions"),
            "parser.advancedOptions.pageRanges",
        }
    ),
    columns=(
        Column("config_id", TEXT, "SHA-256 of the config as canonical JSON.", about="config"),
        Column(
            "processor_type",
            TEXT,
            "EXTRACT, CLASSIFY or SPLITTER; PARSE: of parse runs.",
            api="type",
            values=(*PROCESSOR_TYPES, "PARSE"),
        ),
        Column("base_processor", TEXT, "The model family.", api="baseProcessor"),
        Column("base_version", TEXT, "The model version.", api="baseVersion"),
        Column("rules", TEXT, "The free-text rules for extraction, classification or splitting."),
        *CONFIG_OPTION_COLUMNS,
        _ROW_COUNTS,
        Column("config", JSON, "The whole config."),
    ),
)

RUN_CONFIG_CLASSIFICATIONS = TableSchema(
    name="run_config_classifications",
    grain="class that a config offers",
    description="The classes of classification and splitting configs.",
    key=("config_id", "position"),
    object_name="config_classification",
    columns=(
        _CONFIG_ID,
        _POSITION,
        Column("id", TEXT, "The class's id.", api="id"),
        Column("type", TEXT, "The class's name.", api="type"),
        Column("description", TEXT, "What belongs in the class.", api="description"),
        Column("identifier_key", TEXT, "Splitting: what tells parts apart.", api="identifierKey"),
        _EXTRA,
    ),
)

RUN_CONFIG_FIELDS = TableSchema(
    name="run_config_fields",
    grain="field of a config's extraction schema",
    description="From the JSON Schema or the legacy field list, nested fields and $ref included.",
    key=("config_id", "path"),
    columns=(
        _CONFIG_ID,
        Column("path", TEXT, "The field's path with [] for array items, for example line_items[].sku."),
        Column("position", INTEGER, "Order in the schema, from 0."),
        Column("field_id", TEXT, "The legacy field's id."),
        Column("name", TEXT, "The field's own name."),
        Column("value_type", TEXT, "Its JSON type (several joined by a bar), or its legacy type."),
        Column("extend_type", TEXT, "date, currency or signature (extend:type, or the legacy type)."),
        Column("nullable", BOOLEAN, "The schema allows null."),
        Column("description", TEXT, "What to extract."),
        Column("enum_values", JSON, "The values allowed."),
    ),
)

RUN_CONFIG_PAGE_RANGES = TableSchema(
    name="run_config_page_ranges",
    grain="page range of a config",
    description="Pages (from 1) or spreadsheet sheets (from 0) that a config is limited to.",
    key=("config_id", "scope", "position"),
    object_name="config_page_range",
    columns=(
        _CONFIG_ID,
        Column("scope", TEXT, "advanced, parser or excel_sheets.", values=("advanced", "parser", "excel_sheets")),
        _POSITION,
        Column("range_start", INTEGER, "First page or sheet.", api="start"),
        Column("range_end", INTEGER, "Last page or sheet.", api="end"),
        _EXTRA,
    ),
)

VALUE_COLUMNS = (
    _PATH,
    Column("path_template", TEXT, "The path with [] for array items: line_items[].sku."),
    Column("field", TEXT, "The nearest key as the schema names it: sku."),
    Column("parent_path", TEXT, "The path of the object or array around it; NULL at the top."),
    Column("row_index", INTEGER, "Index in the nearest array around it."),
    _POSITION,
    Column(
        "value_type",
        TEXT,
        "string, integer, number, boolean, null, object, array or absent.",
        values=("string", "integer", "number", "boolean", "null", "object", "array", "absent"),
    ),
    Column("value_text", TEXT, "The value exactly: a string as it is, a number with the digits sent."),
    Column("value_number", NUMBER, "The value of a JSON number."),
    Column("value_boolean", BOOLEAN, "The value of a JSON boolean."),
    Column("value_date", DATE, "The value of a string that is a date, YYYY-MM-DD."),
)
"""A value with its place, after the column of its owner."""

EXTRACTION_FIELDS = TableSchema(
    name="extraction_fields",
    grain="value in a run's final output",
    description="Every value of every extraction, whatever its schema. Filter by path_template to get a column.",
    key=("run_id", "path"),
    replaced_by="run_id",
    object_name="extraction_field",
    handled=frozenset({"citations", "insights"}),
    columns=(
        _RUN_ID,
        *VALUE_COLUMNS,
        Column("ocr_confidence", NUMBER, "Confidence of the text recognition.", api="ocrConfidence"),
        Column("logprobs_confidence", NUMBER, "Confidence of the model.", api="logprobsConfidence"),
        Column("review_agent_score", NUMBER, "Score of the review agent, 1 to 5.", api="reviewAgentScore"),
        Column("confidence", NUMBER, "Confidence of a legacy field, 0 to 1.", api="confidence"),
        Column("citation_count", INTEGER, "Citations of the value; NULL: none were sent."),
        Column("field_id", TEXT, "The legacy field's id.", api="id"),
        Column("field_type", TEXT, "The legacy field's type.", api="type"),
        Column("field_schema", JSON, "The legacy field's nested fields.", api="schema"),
        Column("enum_values", JSON, "The legacy field's allowed values.", api="enum"),
        Column("metadata_key", TEXT, "The key of its metadata as sent, where it is not the path."),
        _EXTRA,
    ),
)

EXTRACTION_CITATIONS = TableSchema(
    name="extraction_citations",
    grain="citation of a value",
    description="Where in the document a value was read.",
    key=("run_id", "path", "position"),
    replaced_by="run_id",
    object_name="citation",
    columns=(
        _RUN_ID,
        _PATH,
        _POSITION,
        Column("page", INTEGER, "The page, from 1.", api="page"),
        Column("reference_text", DOCUMENT_TEXT, "The text cited.", api="referenceText"),
        Column("page_width", NUMBER, "Width of the page in points.", api="pageWidth"),
        Column("page_height", NUMBER, "Height of the page in points.", api="pageHeight"),
        Column("polygon", DOCUMENT_JSON, "The corners, as a list of x and y in points.", api="polygon"),
        Column("box_left", NUMBER, "Left edge of the box around it, in points."),
        Column("box_top", NUMBER, "Top edge."),
        Column("box_right", NUMBER, "Right edge."),
        Column("box_bottom", NUMBER, "Bottom edge."),
        Column("cell_range", TEXT, "Spreadsheet cells, in A1 notation.", api="cellRange"),
        Column("file_id", TEXT, "Which of several files (API 2026-02-09).", api="fileId", references="file"),
        Column("reference_id", TEXT, "The legacy reference's id.", api="id"),
        Column("reference_field_name", TEXT, "The legacy reference's field.", api="fieldName"),
        _EXTRA,
    ),
)

OUTPUT_INSIGHTS = TableSchema(
    name="output_insights",
    grain="remark of the model on a value or a class",
    description="Reasoning, issues and review summaries. The path of a classification is $.",
    key=("run_id", "stage", "path", "position"),
    replaced_by="run_id",
    object_name="insight",
    columns=(
        _RUN_ID,
        _STAGE,
        _PATH,
        _POSITION,
        Column(
            "type",
            TEXT,
            "reasoning, issue or review_summary.",
            api="type",
            values=("reasoning", "issue", "review_summary"),
        ),
        Column("content", TEXT, "The remark.", api="content"),
        _EXTRA,
    ),
)

EXTRACTION_EDITS = TableSchema(
    name="extraction_edits",
    grain="path that a reviewer changed",
    description="As the API reports it, and as initial and reviewed output differ, rows of arrays paired by content.",
    key=("run_id", "path"),
    replaced_by="run_id",
    object_name="edit",
    columns=(
        _RUN_ID,
        Column("path", TEXT, "In the reviewed output; [~3]: a removed row by its old index, which is another's now."),
        Column("reported_key", TEXT, "The key in the API's list of edits; NULL: not in it."),
        Column("original_value", DOCUMENT_JSON, "Reported: the value before.", api="originalValue"),
        Column("edited_value", DOCUMENT_JSON, "Reported: the value after.", api="editedValue"),
        Column("notes", TEXT, "Reported: the reviewer's note.", api="notes"),
        Column("page", INTEGER, "Reported: the page.", api="page"),
        Column("field_type", TEXT, "Reported: the field's type.", api="fieldType"),
        Column("initial_value", DOCUMENT_JSON, "Computed: the value in the initial output."),
        Column("reviewed_value", DOCUMENT_JSON, "Computed: the value in the reviewed output."),
        Column(
            "change",
            TEXT,
            "changed, formatted (beyond doubt the same value), added or removed; NULL: none.",
            values=("changed", "formatted", "added", "removed"),
        ),
        Column("basis", TEXT, "reported, computed or both.", values=("reported", "computed", "both")),
        Column("ocr_confidence_before", NUMBER, "Of the initial value: confidence of the text recognition."),
        Column("logprobs_confidence_before", NUMBER, "Of the initial value: confidence of the model."),
        Column("review_agent_score_before", NUMBER, "Of the initial value: score of the review agent, 1 to 5."),
        Column("confidence_before", NUMBER, "Of the initial value of a legacy field: confidence, 0 to 1."),
        Column("initial_path", TEXT, "Where it was in the initial output, if elsewhere; NULL: at path, or it is new."),
        _EXTRA,
    ),
)

CLASSIFICATIONS = TableSchema(
    name="classifications",
    grain="stage of a classification run",
    description="The class a document was given.",
    key=("run_id", "stage"),
    replaced_by="run_id",
    object_name="classification",
    handled=frozenset({"insights"}),
    columns=(
        _RUN_ID,
        _STAGE,
        Column("classification_id", TEXT, "The class's id.", api="id"),
        Column("type", TEXT, "The class's name.", api="type"),
        Column("confidence", NUMBER, "Confidence, 0 to 1.", api="confidence"),
        _EXTRA,
    ),
)

SPLITS = TableSchema(
    name="splits",
    grain="part that a splitter cut out",
    description="The parts of a document and the files made of them.",
    key=("run_id", "stage", "position"),
    replaced_by="run_id",
    object_name="split",
    columns=(
        _RUN_ID,
        _STAGE,
        _POSITION,
        Column("split_id", TEXT, "The split's id.", api="id"),
        Column("type", TEXT, "The part's class.", api="type"),
        Column("classification_id", TEXT, "The class's id.", api="classificationId"),
        Column("identifier", TEXT, "What tells it from other parts of its class.", api="identifier"),
        Column("observation", TEXT, "What the splitter saw.", api="observation"),
        Column("name", TEXT, "The part's name.", api="name"),
        Column("start_page", INTEGER, "First page, from 1.", api="startPage"),
        Column("end_page", INTEGER, "Last page.", api="endPage"),
        Column("file_id", TEXT, "The file made of it: files.id.", api="fileId", references="file"),
        _EXTRA,
    ),
)
