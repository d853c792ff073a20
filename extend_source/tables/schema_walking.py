"""Walking a JSON Schema: what ``$ref``, ``anyOf`` and the like add to a part of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

JsonSchema = dict[str, Any]


def variants(
    schema: JsonSchema, root: JsonSchema, seen: tuple[str, ...]
) -> Iterator[tuple[JsonSchema, tuple[str, ...]]]:
    """A schema and everything that ``$ref``, ``anyOf``, ``oneOf`` and ``allOf`` add to it.

    Yields:
        Each schema with the references followed on the way to it: a schema that refers to itself is
        followed once, as its fields have no end.
    """
    yield schema, seen
    reference = schema.get("$ref")
    if isinstance(reference, str) and reference not in seen:
        target = _resolve(reference, root)
        if target is not None:
            yield from variants(target, root, (*seen, reference))
    for keyword in ("anyOf", "oneOf", "allOf"):
        for choice in objects_in(schema.get(keyword)):
            yield from variants(choice, root, seen)


def _resolve(reference: str, root: JsonSchema) -> JsonSchema | None:
    if not reference.startswith("#"):
        return None
    target: Any = root
    for part in reference[1:].split("/")[1:]:
        target = target.get(part.replace("~1", "/").replace("~0", "~")) if isinstance(target, dict) else None
    return target if isinstance(target, dict) else None


def objects_in(value: Any) -> list[dict[str, Any]]:
    """The objects of a list; whatever else is there stays in the config column."""
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def text_or_none(value: Any) -> str | None:
    """Return a text as it is, and None for anything else."""
    return value if isinstance(value, str) else None
