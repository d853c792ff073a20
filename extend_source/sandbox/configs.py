"""The configurations of the sample processors: between them they use nearly every documented option."""

from __future__ import annotations

from extend_source.sandbox import schemas
from extend_source.sandbox.records import Json


def _class(key: str, name: str, description: str) -> Json:
    return {"id": key, "type": name, "description": description}


_DOCUMENT_CLASSES = [
    _class("cls_invoice", "invoice", "A demand for payment with a number and a total."),
    _class("cls_delivery", "delivery_note", "What was delivered, without prices."),
    _class("cls_contract", "contract", "An agreement with signatures."),
    _class("cls_other", "other", "Anything else."),
]


def full_parser() -> Json:
    """Return a ``parser`` block in which every documented option is set."""
    return {
        "target": "markdown",
        "chunkingStrategy": {"type": "section", "options": {"minCharacters": 500, "maxCharacters": 10000}},
        "engine": "parse_performance",
        "blockOptions": {
            "figures": {"enabled": True, "figureImageClippingEnabled": True},
            "tables": {
                "enabled": True,
                "targetFormat": "html",
                "tableHeaderContinuationEnabled": True,
                "cellBlocksEnabled": False,
                "agentic": {"enabled": True, "customInstructions": "Keep merged cells together."},
            },
            "text": {
                "signatureDetectionEnabled": True,
                "agentic": {"enabled": False, "customInstructions": None},
            },
        },
        "advancedOptions": {
            "pageRotationEnabled": True,
            "agenticOcrEnabled": False,
            "pageRanges": [{"start": 1, "end": 10}, {"start": 20}],
            "excelParsingMode": "advanced",
            "excelSkipHiddenContent": True,
            "excelUseRawCellValues": False,
            "excelSkipCalculation": True,
            "verticalGroupingThreshold": 0.7,
            "returnOcr": {"words": False},
            "alwaysConvertToPdf": False,
        },
    }


def invoices(version: int) -> Json:
    """Return the configuration of the invoice processor, version 1, 2 or 3."""
    config: Json = {
        "type": "EXTRACT",
        "baseProcessor": "extraction_performance",
        "baseVersion": ("4.2.0", "4.4.0", "4.6.1")[version - 1],
        "schema": schemas.invoice_schema(version),
        "advancedOptions": {"citationsEnabled": version > 1, "modelReasoningInsightsEnabled": version > 1},
    }
    if version >= 2:
        config["extractionRules"] = "Amounts are net of discounts.\nDates are day first."
        config["advancedOptions"]["arrayCitationStrategy"] = "property"
        config["advancedOptions"]["arrayStrategy"] = {"type": "large_array_heuristics"}
    if version >= 3:
        config["advancedOptions"]["reviewAgent"] = {"enabled": True}
        config["advancedOptions"]["advancedMultimodalEnabled"] = True
        config["parser"] = full_parser()
    return config


def delivery_notes(version: int) -> Json:
    """Return the configuration of the processor with awkward field names, version 1 or 2."""
    return {
        "type": "EXTRACT",
        "baseProcessor": "extraction_performance",
        "baseVersion": "4.3.0",
        "schema": schemas.odd_names_schema(version),
        "advancedOptions": {
            "documentKind": "delivery note",
            "keyDefinitions": "Gross: with packaging. Net: without.",
            "citationsEnabled": True,
            "arrayCitationStrategy": "item",
            "advancedFigureParsingEnabled": version > 1,
            "fixedPageLimit": 30,
            "pageRanges": [{"start": 1, "end": 3}, {"end": 9}],
        },
        "parser": {"target": "spatial", "engine": "parse_performance"},
    }


def contracts(version: int) -> Json:
    """Return the configuration of the contract processor, version 1 or 2."""
    return {
        "type": "EXTRACT",
        "baseProcessor": "extraction_performance",
        "baseVersion": "4.5.0",
        "extractionRules": "Quote clauses word for word.",
        "schema": schemas.contract_schema(version),
        "advancedOptions": {
            "modelReasoningInsightsEnabled": True,
            "citationsEnabled": True,
            "reviewAgent": {"enabled": version > 1},
            "arrayStrategy": {"type": "large_array_overlap_context"},
            "chunkingOptions": {
                "chunkingStrategy": "semantic",
                "pageChunkSize": 10,
                "chunkSelectionStrategy": "confidence",
                "customSemanticChunkingRules": "A chunk ends where a chapter ends.",
            },
        },
        "parser": {"chunkingStrategy": {"type": "document"}, "engine": "parse_performance"},
    }


def price_lists(version: int) -> Json:
    """Return the configuration of the light processor for spreadsheets, version 1 or 2."""
    return {
        "type": "EXTRACT",
        "baseProcessor": "extraction_light",
        "baseVersion": "3.1.0",
        "schema": schemas.price_list_schema(),
        "advancedOptions": {
            "citationsEnabled": True,
            "excelSheetRanges": [{"start": 0, "end": version}],
            "excelSheetSelectionStrategy": "all" if version > 1 else "first",
            "arrayStrategy": {"type": "large_array_max_context"},
        },
        "parser": {
            "engine": "parse_light",
            "advancedOptions": {"excelParsingMode": "basic", "excelSkipHiddenContent": True},
        },
    }


def claims(version: int) -> Json:
    """Return the configuration of the processor that still uses the legacy field list, version 1 or 2."""
    return {
        "type": "EXTRACT",
        "baseProcessor": "extraction_performance",
        "baseVersion": "3.4.0",
        "fields": schemas.legacy_fields(version),
        "advancedOptions": {"modelReasoningInsightsEnabled": version > 1},
    }


def classifier(version: int) -> Json:
    """Return the configuration of the classifier, version 1 (light, three classes) or 2."""
    config: Json = {
        "type": "CLASSIFY",
        "baseProcessor": "classification_performance" if version > 1 else "classification_light",
        "baseVersion": "3.2.0",
        "classifications": _DOCUMENT_CLASSES if version > 1 else _DOCUMENT_CLASSES[1:],
        "classificationRules": "Without a total it is not an invoice.",
    }
    if version > 1:
        config["advancedOptions"] = {
            "context": "max",
            "advancedMultimodalEnabled": True,
            "fixedPageLimit": 5,
            "pageRanges": [{"start": 1, "end": 5}],
        }
        config["parser"] = {"engine": "parse_light"}
    return config


def splitter(version: int) -> Json:
    """Return the configuration of the splitter, version 1 or 2."""
    config: Json = {
        "type": "SPLITTER",
        "baseProcessor": "splitting_performance" if version > 1 else "splitting_light",
        "baseVersion": "1.1.0",
        "splitClassifications": _DOCUMENT_CLASSES,
        "splitRules": "A letterhead starts a new document.",
    }
    if version > 1:
        config["advancedOptions"] = {
            "splitIdentifierRules": "Use the document's own number.",
            "splitMethod": "high_precision",
            "splitExcelDocumentsBySheetEnabled": False,
            "fixedPageLimit": 200,
            "pageRanges": [{"start": 1, "end": 200}],
        }
    return config
