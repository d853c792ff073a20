"""The output of a processor run, in each of its four shapes."""

from __future__ import annotations

import random
from decimal import Decimal

from extend_source.sandbox.evidence import EvidenceRules, insights, metadata_for
from extend_source.sandbox.records import FileRecord, Json
from extend_source.sandbox.seeding import chance, make_id
from extend_source.sandbox.values import SchemaSampler, legacy_value, words


def extraction_output(config: Json, file: FileRecord, rng: random.Random) -> Json:
    """Return the output of an extraction: a ``value`` with its ``metadata``, or the legacy map of results.

    Args:
        config: The run's configuration; ``schema`` or ``fields`` decides the shape.
        file: What was read.
        rng: Where values come from.
    """
    if "fields" in config:
        return _legacy_output(config, file, rng)
    spreadsheet = file.payload.get("type") in ("EXCEL", "CSV")
    value = SchemaSampler(config["schema"], rng, max_items=12 if spreadsheet else 5).document()
    _add_up(value)
    rules = EvidenceRules.of(config, pages=file.pages, spreadsheet=spreadsheet)
    return {"value": value, "metadata": metadata_for(value, rules, rng)}


def _add_up(value: Json) -> None:
    """Make the total of an invoice the sum of its lines, so that reports over sample data make sense."""
    lines, total = value.get("line_items"), value.get("total")
    if lines and isinstance(total, dict):
        amounts = [Decimal(str(line["amount"]["amount"])) for line in lines if line.get("amount")]
        total["amount"] = float(sum(amounts, Decimal(0)))
        for line in lines:
            line["amount"]["iso_4217_currency_code"] = total["iso_4217_currency_code"]


def _legacy_output(config: Json, file: FileRecord, rng: random.Random) -> Json:
    fields = config["fields"]
    names = [field["name"] for field in fields]
    explains = bool(config.get("advancedOptions", {}).get("modelReasoningInsightsEnabled"))
    return {
        field["id"] if names.count(field["name"]) > 1 else field["name"]: _legacy_result(field, file, rng, explains)
        for field in fields
    }


def _legacy_result(field: Json, file: FileRecord, rng: random.Random, explains: bool) -> Json:
    value = legacy_value(rng, field)
    result: Json = {"id": field["id"], "type": field["type"], "value": value}
    if value is not None and not isinstance(value, list):
        result["confidence"] = rng.randrange(1001) / 1000
    if field.get("schema"):
        result["schema"] = field["schema"]
    if explains and chance(rng, 0.5):
        result["insights"] = insights(rng)
    result["references"] = [] if value is None else [_reference(field, file, rng)]
    if field.get("enum"):
        result["enum"] = field["enum"]
    return result


def _reference(field: Json, file: FileRecord, rng: random.Random) -> Json:
    top, left = rng.randrange(700) / 10, rng.randrange(400) / 10
    box = {"top": top, "left": left, "bottom": top + 1.5, "right": left + 20.25}
    return {
        "id": field["id"],
        "fieldName": field["name"],
        "page": rng.randrange(1, file.pages + 1),
        "boundingBoxes": [box],
    }


def classification_output(config: Json, rng: random.Random) -> Json:
    """Return the output of a classification: one of the offered classes."""
    chosen = rng.choice(config["classifications"])
    return {
        "id": chosen["id"],
        "type": chosen["type"],
        "confidence": rng.choice((1, 0.98, rng.randrange(400, 1000) / 1000)),
        "insights": insights(rng) if chance(rng, 0.5) else [],
    }


def split_output(config: Json, file: FileRecord, rng: random.Random) -> Json:
    """Return the output of a splitter; every split names the file it will produce.

    Args:
        config: The splitter's configuration.
        file: The packet; its pages are divided without gap.
        rng: Where values come from.
    """
    cuts = sorted(rng.sample(range(2, file.pages + 1), k=min(file.pages - 1, rng.randrange(1, 5))))
    starts = [1, *cuts]
    ends = [cut - 1 for cut in cuts] + [file.pages]
    splits = [_split(config, start, end, rng) for start, end in zip(starts, ends, strict=True)]
    output: Json = {"splits": splits}
    if chance(rng, 0.3):
        output["isExternal"] = False
    return output


def _split(config: Json, start: int, end: int, rng: random.Random) -> Json:
    chosen = rng.choice(config["splitClassifications"])
    split: Json = {
        "id": make_id("split", rng),
        "type": chosen["type"],
        "classificationId": chosen["id"],
        "identifier": f"{chosen['type']}_{start}_{end}",
        "observation": f"Pages {start} to {end}: {words(rng, 4)}.",
        "startPage": start,
        "endPage": end,
        "fileId": make_id("file", rng),
    }
    if chance(rng, 0.5):
        split["name"] = f"{chosen['type']} {words(rng, 1)}"
    return split
