"""What stands beside an extracted value: confidence, citations and insights, by path."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from extend_source.sandbox.records import Json
from extend_source.sandbox.seeding import chance
from extend_source.sandbox.values import words

PAGE_WIDTH = 612
PAGE_HEIGHT = 792

_CONTAINER_SHARE = 0.8
_LEAF_SHARE = 0.97
_INSIGHT_SHARE = 0.12


def join_path(parent: str, key: str | int) -> str:
    """Return the path of a member: ``vendor`` + ``name`` = ``vendor.name``, ``rows`` + 0 = ``rows[0]``.

    Field names are put in as they are: no escaping is documented, so ``net.weight`` stays ambiguous.
    """
    if isinstance(key, int):
        return f"{parent}[{key}]"
    return f"{parent}.{key}" if parent else key


def walk(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield (path, value) of everything below an output value, containers before what they contain."""
    if path:
        yield path, value
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from walk(inner, join_path(path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from walk(inner, join_path(path, index))


@dataclass(frozen=True)
class EvidenceRules:
    """Which kinds of evidence a configuration produces.

    Attributes:
        citations: None, ``item`` or ``property``.
        insights: Whether the model explains itself.
        review_agent: Whether there are review agent scores.
        logprobs: False for light extraction and from extraction_performance 4.6.0 on, where it is null.
        polygons: False for spreadsheets, whose citations name only the page.
        pages: Number of pages citations can point to.
    """

    citations: str | None
    insights: bool
    review_agent: bool
    logprobs: bool
    polygons: bool
    pages: int

    @classmethod
    def of(cls, config: Json, *, pages: int, spreadsheet: bool) -> EvidenceRules:
        """Read the rules from an extraction configuration and the kind of file."""
        options = config.get("advancedOptions", {})
        light = config.get("baseProcessor") == "extraction_light"
        version = tuple(int(part) for part in str(config.get("baseVersion", "4.0.0")).split("."))
        return cls(
            citations=options.get("arrayCitationStrategy", "item") if options.get("citationsEnabled") else None,
            insights=bool(options.get("modelReasoningInsightsEnabled")),
            review_agent=bool(options.get("reviewAgent", {}).get("enabled")),
            logprobs=not light and version < (4, 6, 0),
            polygons=not spreadsheet,
            pages=max(pages, 1),
        )


def metadata_for(value: Json, rules: EvidenceRules, rng: random.Random) -> Json:
    """Return the ``metadata`` map of an extraction output: an entry for most paths, containers included.

    Args:
        value: The output's ``value``.
        rules: Which kinds of evidence there are.
        rng: Where numbers come from.
    """
    metadata: Json = {}
    for path, inner in walk(value):
        container = isinstance(inner, (dict, list))
        if chance(rng, _CONTAINER_SHARE if container else _LEAF_SHARE):
            metadata[path] = _entry(path, inner, rules, rng)
    return metadata


def _entry(path: str, value: Any, rules: EvidenceRules, rng: random.Random) -> Json:
    container = isinstance(value, (dict, list))
    entry: Json = {}
    if not container:
        entry["ocrConfidence"] = None if value is None else _share(rng)
        entry["logprobsConfidence"] = _share(rng) if rules.logprobs else None
        if rules.review_agent:
            entry["reviewAgentScore"] = rng.choice((5, 5, 5, 4, 3, 2, 1, None))
    if rules.citations and _is_cited(path, container, rules.citations):
        entry["citations"] = [_citation(value, rules, rng) for _ in range(rng.choice((1, 1, 1, 2, 0)))]
    if rules.insights and chance(rng, _INSIGHT_SHARE):
        entry["insights"] = insights(rng)
    return entry


def _is_cited(path: str, container: bool, strategy: str) -> bool:
    """Whether the strategy puts citations here: on rows for ``item``, on every value for ``property``."""
    is_row = path.endswith("]")
    inside_row = "[" in path and not is_row
    if strategy == "property":
        return not container
    return is_row or not (container or inside_row)


def _citation(value: Any, rules: EvidenceRules, rng: random.Random) -> Json:
    citation: Json = {
        "page": rng.randrange(1, rules.pages + 1),
        "referenceText": None if isinstance(value, (dict, list)) else str(value),
    }
    if not rules.polygons:
        return citation
    left, top = rng.randrange(400) + 0.5, rng.randrange(700) + 0.25
    right, bottom = left + rng.randrange(10, 200), top + rng.randrange(8, 60)
    citation["polygon"] = [
        {"x": left, "y": top},
        {"x": right, "y": top},
        {"x": right, "y": bottom},
        {"x": left, "y": bottom},
    ]
    citation["pageWidth"] = PAGE_WIDTH
    citation["pageHeight"] = PAGE_HEIGHT
    return citation


def _share(rng: random.Random) -> float | int:
    return rng.choice((1, 0.999, rng.randrange(500, 1000) / 1000, rng.randrange(10**6) / 10**6))


def insights(rng: random.Random) -> list[Json]:
    """Return one to three insights of different kinds."""
    kinds = ("reasoning", "issue", "review_summary")
    return [
        {"type": kind, "content": f"Read {words(rng, 4)}; {words(rng, 3)} is unclear."}
        for kind in kinds[: rng.randrange(1, len(kinds) + 1)]
    ]
