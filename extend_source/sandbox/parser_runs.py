"""Parse runs as 2025-04-21 shows them: by id alone, with less of each block, and without times."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from extend_source.sandbox.credits import credits_of
from extend_source.sandbox.generation_2026.kinds import with_prefix
from extend_source.sandbox.generation_2026.parse_bodies import full_parse
from extend_source.sandbox.generation_2026.parses import Parse, parse_run, parse_runs
from extend_source.sandbox.records import Json, json_number
from extend_source.sandbox.workspace import Workspace

_PREFIXES = ("pr", "parser_run")
_BLOCK_TYPES = frozenset({"text", "heading", "section_heading", "table", "figure", "table_head", "table_cell"})
_DETAILS: Mapping[str, frozenset[str]] = {
    "table_details": frozenset({"type", "rowCount", "columnCount"}),
    "table_cell_details": frozenset({"type", "rowIndex", "columnIndex"}),
    "figure_details": frozenset({"type", "imageUrl", "figureType"}),
}
_OPTIONS: Mapping[str, frozenset[str]] = {
    "figures": frozenset({"enabled", "figureImageClippingEnabled"}),
    "tables": frozenset({"enabled", "targetFormat", "tableHeaderContinuationEnabled", "cellBlocksEnabled", "agentic"}),
    "text": frozenset({"signatureDetectionEnabled", "agentic"}),
}
_ADVANCED = frozenset(
    {
        *("pageRotationEnabled", "agenticOcrEnabled", "pageRanges", "excelParsingMode", "excelSkipHiddenContent"),
        *("excelUseRawCellValues", "excelSkipCalculation", "verticalGroupingThreshold", "returnOcr"),
        "alwaysConvertToPdf",
    }
)
_WORD = frozenset({"content", "boundingBox", "confidence", "pageNumber"})


def parser_run_ids(workspace: Workspace) -> Iterator[str]:
    """Yield the ids of all parse runs in this version."""
    return (with_prefix(parse.id, *_PREFIXES) for parse in parse_runs(workspace))


def parser_run(workspace: Workspace, parser_run_id: str) -> Json:
    """Return a parse run, in full once it has ended.

    Raises:
        NotFoundError: No such parse run.
    """
    parse = parse_run(workspace, with_prefix(parser_run_id, *reversed(_PREFIXES)))
    status: Json = {"object": "parser_run_status", "id": parser_run_id, "status": parse.status}
    if parse.status not in ("PROCESSED", "FAILED"):
        return status
    failure = {"failureReason": parse.failure_reason} if parse.failure_reason else {}
    return {**status, "object": "parser_run", **failure, **_result(workspace, parse)}


def _result(workspace: Workspace, parse: Parse) -> Json:
    newer = full_parse(workspace, parse)
    output: Json = newer["output"] or {}
    cost = credits_of(parse.file.payload)
    body: Json = {
        "fileId": parse.file.id,
        "chunks": [_chunk(chunk) for chunk in output.get("chunks", ())],
        "metrics": newer["metrics"] or {"processingTimeMs": 0, "pageCount": 0},
        "config": _config(newer["config"]),
    }
    if "words" in output.get("ocr", ()):
        body["ocr"] = {"words": [_only(word, _WORD) for word in output["ocr"]["words"]]}
    return body if cost is None else {**body, "usage": {"credits": json_number(cost)}}


def _chunk(chunk: Json) -> Json:
    blocks = [_block(block) for block in chunk["blocks"]]
    return {**chunk, "metadata": {"pageRange": chunk["metadata"]["pageRange"]}, "blocks": blocks}


def _block(block: Json) -> Json:
    details, page = block["details"], block["metadata"].get("page")
    known = _DETAILS.get(details.get("type"))
    older = {
        **block,
        "type": block["type"] if block["type"] in _BLOCK_TYPES else "text",
        "details": _only(details, known) if known else {},
        "metadata": {"page": page} if page else {},
    }
    if "children" in block:
        older["children"] = [_block(child) for child in block["children"]]
    return older


def _config(config: Json) -> Json:
    options, advanced = dict(config["blockOptions"]), _only(config["advancedOptions"], _ADVANCED)
    if "returnOcr" in advanced:
        advanced["returnOcr"] = _only(advanced["returnOcr"], {"words"})
    return {
        **{key: value for key, value in config.items() if key != "engineVersion"},
        "blockOptions": {key: _only(options[key], known) for key, known in _OPTIONS.items() if key in options},
        "advancedOptions": advanced,
    }


def _only(values: Json, known: Any) -> Json:
    return {key: value for key, value in values.items() if key in known}
