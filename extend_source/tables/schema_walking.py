"""Walking a JSON Schema: what ``$ref``, ``anyOf`` and the like add to a part of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

JsonSchema = dict[str, Any]

References = tuple[str, ...]
"""The references followed on the way from the root to a part of a schema."""

MAX_ADDED = 1000
"""What types within each other may add to a schema, in nodes."""

MAX_NODES = 5000
"""A schema that unfolds to more is not unfolded beyond the types that its own fields name."""

MAX_VISITED = 20_000
"""A schema that has more nodes even so is read no further."""

_NODES_OF_AN_ARRAY = 10
"""What an array counts as, in nodes: it is a table."""

_CHOICES = ("anyOf", "oneOf", "allOf")


class SchemaWalk:
    """A JSON Schema, whose references may unfold without end, or to more than anybody can read.

    A type that holds itself, be it within others, is recursive. It is never unfolded within itself, and within other
    recursive types only so deeply as that adds `MAX_ADDED` nodes at most: ten types that may each hold all others have
    millions of paths without a repetition.
    """

    def __init__(self, root: JsonSchema) -> None:
        """Find out how deeply to unfold.

        Args:
            root: the whole schema.
        """
        self._root = root
        held = _references_by_holder(root)
        self._limited = frozenset(reference for reference in held if reference in _reached(held, reference))
        self._deepest = 1
        if held and self._nodes(MAX_NODES) >= MAX_NODES:
            self._limited = frozenset(held)
        if self._limited:
            self._deepen()

    def variants(self, schema: JsonSchema, seen: References) -> Iterator[tuple[JsonSchema, References]]:
        """A schema and everything that ``$ref``, ``anyOf``, ``oneOf`` and ``allOf`` add to it.

        Yields:
            Each schema with the references followed on the way to it; each reference is followed once.
        """
        return self._variants(schema, seen, set())

    def _variants(
        self, schema: JsonSchema, seen: References, followed: set[str]
    ) -> Iterator[tuple[JsonSchema, References]]:
        yield schema, seen
        reference = schema.get("$ref")
        if isinstance(reference, str) and reference not in followed and self._may_follow(reference, seen):
            followed.add(reference)
            target = _resolve(reference, self._root)
            if target is not None:
                yield from self._variants(target, (*seen, reference), followed)
        for keyword in _CHOICES:
            for choice in objects_in(schema.get(keyword)):
                yield from self._variants(choice, seen, followed)

    def _may_follow(self, reference: str, seen: References) -> bool:
        if reference in seen:
            return False
        return reference not in self._limited or len(self._limited.intersection(seen)) < self._deepest

    def _deepen(self) -> None:
        """Unfold limited references as deeply within each other as fits."""
        nodes = at_first = self._nodes(MAX_VISITED)
        while self._deepest < len(self._limited):
            self._deepest += 1
            before, nodes = nodes, self._nodes(at_first + MAX_ADDED)
            if nodes == before:
                return
            if nodes >= at_first + MAX_ADDED:
                self._deepest -= 1
                return

    def _nodes(self, most: int) -> int:
        """Count the nodes of the unfolded schema, up to a number."""
        nodes = 0
        waiting: list[tuple[JsonSchema, References]] = [(self._root, ())]
        while waiting and nodes < most:
            for part, seen in self.variants(*waiting.pop()):
                waiting += [(child, seen) for child in _children(part)]
                nodes += _NODES_OF_AN_ARRAY if isinstance(part.get("items"), dict) else 1
        return min(nodes, most)


def _children(schema: JsonSchema) -> list[JsonSchema]:
    properties = schema.get("properties")
    children = [*properties.values()] if isinstance(properties, dict) else []
    return [child for child in [*children, schema.get("items")] if isinstance(child, dict)]


def _references_by_holder(root: JsonSchema) -> dict[str, set[str]]:
    """All references that can be met, each with those that stand in what it refers to."""
    held: dict[str, set[str]] = {}
    waiting = list(_references_in(root))
    while waiting:
        reference = waiting.pop()
        if reference not in held:
            held[reference] = _references_in(_resolve(reference, root))
            waiting += held[reference]
    return held


def _reached(held: dict[str, set[str]], start: str) -> set[str]:
    reached: set[str] = set()
    waiting = [*held[start]]
    while waiting:
        reference = waiting.pop()
        if reference not in reached:
            reached.add(reference)
            waiting += held[reference]
    return reached


def _references_in(schema: Any) -> set[str]:
    """The references that walking a schema meets, without following them."""
    found: set[str] = set()
    waiting = [schema] if isinstance(schema, dict) else []
    while waiting:
        part = waiting.pop()
        if isinstance(part.get("$ref"), str):
            found.add(part["$ref"])
        waiting += _children(part)
        for keyword in _CHOICES:
            waiting += objects_in(part.get(keyword))
    return found


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
