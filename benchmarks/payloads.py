"""The payloads that the benchmarks load: made from a number, so that every run of them is the same."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

FIRST_CREATED = datetime(2026, 1, 1, tzinfo=timezone.utc)
_WORDS = (  # noqa: SIM905 - easier to read than a list
    "invoice total vendor amount due payment terms net thirty days account delivery order quantity unit price discount "
    "tax subtotal shipping reference number contract party agreement signature date period balance statement carrier"
).split()


@dataclass(frozen=True)
class Size:
    """A kind of run.

    Attributes:
        name: what the results call it.
        kind: EXTRACT or CLASSIFY.
        fields: the fields of an extraction, each with a confidence and a citation.
        pages: the pages of its file.
        page_text: the characters of each of a page's two texts.
    """

    name: str
    kind: str
    fields: int
    pages: int
    page_text: int


SIZES = {
    size.name: size
    for size in (
        Size("classify-5k", "CLASSIFY", 0, 1, 1500),
        Size("extract-30k", "EXTRACT", 25, 1, 1500),
        Size("extract-79k", "EXTRACT", 35, 10, 2000),
        Size("extract-300k", "EXTRACT", 60, 40, 3000),
        Size("extract-5m", "EXTRACT", 500, 750, 3000),
        Size("extract-50m", "EXTRACT", 500, 8000, 3000),
    )
}
"""By name. ``extract-79k`` is the payload of the targets."""


def run_id(number: int) -> str:
    """Return the id of a run: 22 characters, as Extend's."""
    return f"dpr_{number:018d}"


def run(size: Size, number: int) -> dict[str, Any]:
    """Make a run's payload, as ``GET /processor_runs/{id}`` sends it inside ``processorRun``."""
    chance = random.Random(number)  # noqa: S311 - sample data
    output = _classification(chance) if size.kind == "CLASSIFY" else _extraction(size, chance)
    return {
        "object": "document_processor_run",
        "id": run_id(number),
        "processorId": "dp_benchmark",
        "processorVersionId": f"dpv_benchmark_{number % 3}",
        "processorName": "Benchmark",
        "status": "PROCESSED",
        "type": size.kind,
        "reviewed": False,
        "edited": False,
        "edits": {},
        "output": output,
        "initialOutput": output,
        "reviewedOutput": None,
        "config": _config(size, number % 3),
        "files": [_file(size, number, chance)],
        "mergedProcessors": [],
        "url": f"https://dashboard.example.com/runs/{run_id(number)}",
        "metadata": {"batch": number % 100},
        "usage": {"credits": 3.5},
    }


def body(size: Size, number: int) -> bytes:
    """Make the body of the answer to a GET of a run."""
    return json.dumps({"success": True, "processorRun": run(size, number)}, separators=(",", ":")).encode()


def listing(size: Size, runs: int, page_size: int = 1000) -> Iterator[bytes]:
    """Make the bodies of the listing, newest first; the token of a page is its number."""
    for page, start in enumerate(range(runs, 0, -page_size), 1):
        numbers = range(start - 1, max(start - page_size, 0) - 1, -1)
        rows = [_summary(size, number) for number in numbers]
        token = str(page) if numbers[-1] > 0 else None
        yield json.dumps({"success": True, "processorRuns": rows, "nextPageToken": token}).encode()


def _summary(size: Size, number: int) -> dict[str, Any]:
    changed = (FIRST_CREATED + timedelta(seconds=number)).isoformat().replace("+00:00", "Z")
    return {
        "id": run_id(number),
        "status": "PROCESSED",
        "processorId": "dp_benchmark",
        "processorName": "Benchmark",
        "processorVersionId": f"dpv_benchmark_{number % 3}",
        "type": size.kind,
        "createdAt": changed,
        "updatedAt": changed,
        "usage": {"credits": 3.5},
    }


def _text(chance: random.Random, length: int) -> str:
    words = " ".join(chance.choices(_WORDS, k=length // 5))
    return words[:length].ljust(length, ".")


def _classification(chance: random.Random) -> dict[str, Any]:
    return {"id": "invoice", "type": "invoice", "confidence": round(chance.random(), 4), "insights": []}


_KINDS = ("string", "number", "boolean", "date", "integer")


def _field_name(place: int) -> str:
    return f"{_WORDS[place % len(_WORDS)]}_{_WORDS[(place * 7 + 3) % len(_WORDS)]}_{place}"


def _value(place: int, chance: random.Random) -> Any:
    kind = _KINDS[place % len(_KINDS)]
    if kind == "number":
        return round(chance.uniform(1, 10_000), 2)
    if kind == "integer":
        return chance.randrange(10_000)
    if kind == "boolean":
        return chance.random() < 0.5
    if kind == "date":
        return (FIRST_CREATED + timedelta(days=chance.randrange(3000))).date().isoformat()
    return _text(chance, 40)


def _extraction(size: Size, chance: random.Random) -> dict[str, Any]:
    value = {_field_name(place): _value(place, chance) for place in range(size.fields)}
    metadata = {
        name: {
            "ocrConfidence": round(chance.random(), 4),
            "logprobsConfidence": round(chance.random(), 6),
            "citations": [_citation(size, chance)],
            "insights": [],
        }
        for name in value
    }
    return {"value": value, "metadata": metadata}


def _citation(size: Size, chance: random.Random) -> dict[str, Any]:
    left, top = chance.uniform(0, 500), chance.uniform(0, 700)
    corners = ((left, top), (left + 80.5, top), (left + 80.5, top + 12.25), (left, top + 12.25))
    return {
        "page": chance.randrange(size.pages) + 1,
        "referenceText": _text(chance, 180),
        "pageWidth": 612,
        "pageHeight": 792,
        "polygon": [{"x": round(x, 2), "y": round(y, 2)} for x, y in corners],
    }


def _config(size: Size, version: int) -> dict[str, Any]:
    if size.kind == "CLASSIFY":
        offered = [{"id": name, "type": name, "description": f"A document about {name}."} for name in _WORDS[:5]]
        return {"type": "CLASSIFY", "baseProcessor": "classification_performance", "classifications": offered}
    types: dict[str, dict[str, Any]] = {"date": {"type": ["string", "null"], "extend:type": "date"}}
    properties = {
        _field_name(place): {
            **types.get(kind := _KINDS[place % len(_KINDS)], {"type": [kind, "null"]}),
            "description": f"Version {version}",
        }
        for place in range(size.fields)
    }
    return {
        "type": "EXTRACT",
        "baseProcessor": "extraction_performance",
        "baseVersion": f"4.{version}.0",
        "schema": {"type": "object", "properties": properties, "required": list(properties)},
        "advancedOptions": {"citationsEnabled": True, "fixedPageLimit": 30},
        "parser": {"target": "markdown", "chunkingStrategy": {"type": "page"}},
    }


def _file(size: Size, number: int, chance: random.Random) -> dict[str, Any]:
    pages = [
        {
            "pageNumber": page + 1,
            "pageWidth": 612,
            "pageHeight": 792,
            "rawText": _text(chance, size.page_text),
            "markdown": _text(chance, size.page_text),
        }
        for page in range(size.pages)
    ]
    return {
        "object": "file",
        "id": f"file_{number:018d}",
        "name": f"document_{number}.pdf",
        "type": "PDF",
        "metadata": {"pageCount": size.pages},
        "createdAt": FIRST_CREATED.isoformat().replace("+00:00", "Z"),
        "updatedAt": FIRST_CREATED.isoformat().replace("+00:00", "Z"),
        "presignedUrl": f"https://files.example.com/{number}?X-Amz-Signature={number:064d}",
        "contents": {"pages": pages},
        "usage": {"credits": 2.0 * size.pages},
    }
