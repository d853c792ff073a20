"""Configurations as 2026-02-09 writes them: no ``type``, ``parseConfig`` for ``parser``, options that came and went."""

from __future__ import annotations

from typing import Any

from extend_source.sandbox.records import Json

_LAST_PAGE = 1000
"""``end`` of a page range that 2025-04-21 leaves open: 2026-02-09 wants both."""

_GONE = {"fixedPageLimit", "documentKind", "keyDefinitions", "advancedFigureParsingEnabled"}
_GONE_FROM_PARSING = {"agenticOcrEnabled"}
_SPLIT_METHODS = {"low_latency": "basic_precision"}

_NEW_OPTIONS: dict[str, Json] = {
    "EXTRACT": {"citationMode": "line", "currentDateEnabled": False},
    "CLASSIFY": {"memoryEnabled": False},
    "SPLITTER": {"pageOverlapEnabled": False, "strictIdentifierModeEnabled": True},
}
"""Options that 2025-04-21 does not know, for configurations that have any."""

_NEW_PARSE_OPTIONS: Json = {
    "blockOptions": {
        "figures": {"advancedChartExtractionEnabled": False, "customInstructions": "Name the axes."},
        "keyValue": {"blankFieldFormattingEnabled": True},
        "barcodes": {"imageClippingEnabled": True, "readingEnabled": True},
        "formulas": {"enabled": True},
    },
    "advancedOptions": {
        "excelIncludeCellMetadata": True,
        "excelIncludeCellFormatting": True,
        "enrichmentFormat": "xml",
        "imageConversionQuality": "medium",
    },
}
"""The same for parsing, by group."""

_PARSE_DEFAULTS: Json = {
    "target": "markdown",
    "chunkingStrategy": {"type": "page"},
    "engine": "parse_performance",
    "engineVersion": "2.1.0",
    "blockOptions": {
        "figures": {"enabled": True, "figureImageClippingEnabled": False},
        "tables": {"targetFormat": "markdown", "tableHeaderContinuationEnabled": False, "cellBlocksEnabled": True},
        "text": {"signatureDetectionEnabled": False},
    },
    "advancedOptions": {"pageRotationEnabled": True, "excelParsingMode": "basic", "alwaysConvertToPdf": False},
}


def run_config(config: Json) -> Json:
    """Return the configuration of a run or a version.

    Args:
        config: What 2025-04-21 shows.
    """
    kind = str(config.get("type"))
    converted = {key: value for key, value in config.items() if key not in ("type", "parser", "advancedOptions")}
    if "advancedOptions" in config:
        options = {**_NEW_OPTIONS.get(kind, {}), **_options(config["advancedOptions"], _GONE)}
        if "splitMethod" in options:
            options["splitMethod"] = _SPLIT_METHODS.get(options["splitMethod"], options["splitMethod"])
        converted["advancedOptions"] = options
    if kind == "SPLITTER" and "advancedOptions" in config:
        first, *others = config.get("splitClassifications") or [{}]
        converted["splitClassifications"] = [{**first, "identifierKey": "The number of the document."}, *others]
    if "parser" in config:
        converted["parseConfig"] = _parse_config(config["parser"])
    return converted


def legacy_config(config: Json) -> Json:
    """Return the configuration of a run on the legacy paths: that of 2025-04-21, less what parsing no longer knows.

    Args:
        config: What 2025-04-21 shows.
    """
    converted = dict(config)
    if "advancedOptions" in config:
        converted["advancedOptions"] = _options(config["advancedOptions"], set())
    if "parser" in config:
        converted["parser"] = _parse_config(config["parser"])
    return converted


def complete_parse_config(config: Json, returns_ocr: bool) -> Json:
    """Return the ``parseConfig`` of a configuration with every default filled in, as a parse run shows it.

    Args:
        config: The configuration of the run that had the file parsed, as 2025-04-21 shows it.
        returns_ocr: Whether words and lines are asked for where the configuration does not say.
    """
    given = _parse_config(config.get("parser") or {})
    wanted = returns_ocr and "returnOcr" not in given.get("advancedOptions", {})
    defaults = merged(_PARSE_DEFAULTS, {"advancedOptions": {"returnOcr": {"words": wanted, "lines": wanted}}})
    return merged(defaults, given)


def merged(below: Json, above: Json) -> Json:
    """Return two objects as one, at every depth; where both have a value, that of ``above`` counts."""
    result: Json = {**below, **above}
    for key in below.keys() & above.keys():
        if isinstance(below[key], dict) and isinstance(above[key], dict):
            result[key] = merged(below[key], above[key])
    return result


def _parse_config(parser: Json) -> Json:
    converted = dict(parser)
    if "advancedOptions" in parser:
        converted["advancedOptions"] = _options(parser["advancedOptions"], _GONE_FROM_PARSING)
    for group, options in _NEW_PARSE_OPTIONS.items():
        if group in converted:
            converted[group] = merged(options, converted[group])
    return converted


def _options(options: Json, gone: set[str]) -> Json:
    kept: dict[str, Any] = {key: value for key, value in options.items() if key not in gone}
    if "pageRanges" in kept:
        kept["pageRanges"] = [{"start": 1, "end": _LAST_PAGE, **pages} for pages in kept["pageRanges"]]
    return kept
