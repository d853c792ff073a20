"""The scalar options of a run's config, each a column of ``run_configs``.

The options grow within one API version (docs of 2025-04-21 against its SDK). One that is not listed here
is still in the ``config`` column, and is reported in ``schema_drift``.
"""

from __future__ import annotations

import re

from extend_source.tables.contract import Column
from extend_source.tables.kinds import BOOLEAN, INTEGER, JSON, NUMBER, TEXT, Kind

# JSON path -> kind and meaning; SDK 0.2.0 types extraction_, classification_ and splitter_advanced_options
_ADVANCED: dict[str, tuple[Kind, str]] = {
    "context": (TEXT, "Classification: default or max."),
    "advancedMultimodalEnabled": (BOOLEAN, "Use the page images."),
    "fixedPageLimit": (INTEGER, "Pages to process (deprecated)."),
    "documentKind": (TEXT, "Kind of document (deprecated)."),
    "modelReasoningInsightsEnabled": (BOOLEAN, "Return the model's reasoning."),
    "citationsEnabled": (BOOLEAN, "Return citations."),
    "arrayCitationStrategy": (TEXT, "Citations per item or property."),
    "advancedFigureParsingEnabled": (BOOLEAN, "Read figures."),
    "reviewAgent.enabled": (BOOLEAN, "Let the review agent score the output."),
    "arrayStrategy.type": (TEXT, "How large arrays are extracted."),
    "chunkingOptions.chunkingStrategy": (TEXT, "standard or semantic."),
    "chunkingOptions.pageChunkSize": (INTEGER, "Pages in a chunk."),
    "chunkingOptions.chunkSelectionStrategy": (TEXT, "Which chunk's value wins."),
    "chunkingOptions.customSemanticChunkingRules": (TEXT, "Rules for semantic chunks."),
    "excelSheetSelectionStrategy": (TEXT, "Which sheets are read."),
    "splitIdentifierRules": (TEXT, "Splitting: how identifiers are made."),
    "splitMethod": (TEXT, "Splitting: high_precision, low_latency or basic_precision."),
    "splitExcelDocumentsBySheetEnabled": (BOOLEAN, "Splitting: one part a sheet."),
    # SDK 1.20.0, the same types
    "citationMode": (TEXT, "What a citation marks: line, word or block."),
    "currentDateEnabled": (BOOLEAN, "Tell the model today's date."),
    "memoryEnabled": (BOOLEAN, "Classification: learn from earlier documents."),
    "pageOverlapEnabled": (BOOLEAN, "Splitting: parts may share pages."),
    "strictIdentifierModeEnabled": (BOOLEAN, "Splitting: identifiers by the rules alone."),
}

# SDK 0.2.0 type parse_config
_PARSER: dict[str, tuple[Kind, str]] = {
    "target": (TEXT, "markdown or spatial."),
    "engine": (TEXT, "parse_performance or parse_light."),
    "chunkingStrategy.type": (TEXT, "page, document or section."),
    "chunkingStrategy.options.minCharacters": (INTEGER, "Least characters in a chunk."),
    "chunkingStrategy.options.maxCharacters": (INTEGER, "Most characters in a chunk."),
    "blockOptions.figures.enabled": (BOOLEAN, "Read figures."),
    "blockOptions.figures.figureImageClippingEnabled": (BOOLEAN, "Cut figures out."),
    "blockOptions.tables.enabled": (BOOLEAN, "Read tables (deprecated)."),
    "blockOptions.tables.targetFormat": (TEXT, "markdown or html."),
    "blockOptions.tables.tableHeaderContinuationEnabled": (BOOLEAN, "Repeat headers on the next page."),
    "blockOptions.tables.cellBlocksEnabled": (BOOLEAN, "Return cells as blocks."),
    "blockOptions.tables.agentic.enabled": (BOOLEAN, "Correct tables with a model (costs more)."),
    "blockOptions.tables.agentic.customInstructions": (TEXT, "Instructions for it."),
    "blockOptions.text.signatureDetectionEnabled": (BOOLEAN, "Detect signatures."),
    "blockOptions.text.agentic.enabled": (BOOLEAN, "Correct text with a model (costs more)."),
    "blockOptions.text.agentic.customInstructions": (TEXT, "Instructions for it."),
    "advancedOptions.pageRotationEnabled": (BOOLEAN, "Turn pages upright."),
    "advancedOptions.agenticOcrEnabled": (BOOLEAN, "Correct text with a model (deprecated)."),
    "advancedOptions.excelParsingMode": (TEXT, "basic or advanced."),
    "advancedOptions.excelSkipHiddenContent": (BOOLEAN, "Leave hidden cells out."),
    "advancedOptions.excelUseRawCellValues": (BOOLEAN, "Values without their format."),
    "advancedOptions.excelSkipCalculation": (BOOLEAN, "Do not calculate formulas."),
    "advancedOptions.verticalGroupingThreshold": (NUMBER, "Distance for lines of one group, 0.1 to 5.0."),
    "advancedOptions.returnOcr.words": (BOOLEAN, "Return the words."),
    "advancedOptions.alwaysConvertToPdf": (BOOLEAN, "Convert every file to PDF first."),
    # SDK 1.20.0 type parse_config
    "engineVersion": (TEXT, "The version of the engine."),
    "blockOptions.figures.advancedChartExtractionEnabled": (BOOLEAN, "Read the data of charts."),
    "blockOptions.figures.customInstructions": (TEXT, "Instructions for figures."),
    "blockOptions.keyValue.blankFieldFormattingEnabled": (BOOLEAN, "Show form fields that are blank."),
    "blockOptions.barcodes.imageClippingEnabled": (BOOLEAN, "Cut barcodes out."),
    "blockOptions.barcodes.readingEnabled": (BOOLEAN, "Read barcodes."),
    "blockOptions.formulas.enabled": (BOOLEAN, "Read formulas."),
    "advancedOptions.returnOcr.lines": (BOOLEAN, "Return the lines."),
    "advancedOptions.excelIncludeCellMetadata": (BOOLEAN, "Return what is known of cells."),
    "advancedOptions.excelIncludeCellFormatting": (BOOLEAN, "Return the format of cells."),
    "advancedOptions.enrichmentFormat": (TEXT, "How additions are marked: xml or bracket."),
    "advancedOptions.imageConversionQuality": (TEXT, "high, medium or low."),
    "advancedOptions.formattingDetection": (JSON, "What formatting is detected."),
}

_CAMEL_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def _column_name(prefix: str, path: str) -> str:
    """``parser``, ``advancedOptions.returnOcr.words`` -> ``parser_advanced_return_ocr_words``."""
    short = path.replace("advancedOptions.", "advanced.").replace("blockOptions.", "")
    return prefix + "_" + _CAMEL_HUMP.sub("_", short).replace(".", "_").lower()


CONFIG_OPTION_COLUMNS: tuple[Column, ...] = (
    *(
        Column(_column_name("advanced", path), kind, meaning, api=f"advancedOptions.{path}")
        for path, (kind, meaning) in _ADVANCED.items()
    ),
    *(
        Column(_column_name("parser", path), kind, meaning, api=f"parser.{path}")
        for path, (kind, meaning) in _PARSER.items()
    ),
)
