"""Walking a user's JSON value: every node with its path, once, in document order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from extend_source.tables.paths import ROOT, item, quoted_key


class Node(NamedTuple):
    """One value in a document.

    Attributes:
        path: its path, for example ``line_items[0].sku``.
        template: the path with ``[]`` for array items.
        raw_path: the path with keys joined as they are, where that differs from `path`: how the API would
            write it.
        field: the nearest object key, as the schema names it.
        parent_path: the path of the object or array around it; None at the top.
        row_index: its index, or its nearest ancestor's, in the nearest array around it.
        value: the value.
    """

    path: str
    template: str
    raw_path: str | None
    field: str | None
    parent_path: str | None
    row_index: int | None
    value: Any


def walk(value: Any, path: str = "", raw_path: str | None = None, field: str | None = None) -> Iterator[Node]:
    """Walk a JSON value, parents before children.

    Args:
        value: the value, of any depth.
        path: the path of the value itself; empty for a whole document, whose members are then the first
            nodes (a document that is a scalar, an array or empty is one node, ``$``).
        raw_path: the path as the API would write it, where that differs.
        field: the key of the value itself.

    Returns:
        Its nodes, the value itself included unless it is a whole document.
    """
    return walk_from(top_nodes(value, path, raw_path, field))


def top_nodes(value: Any, path: str = "", raw_path: str | None = None, field: str | None = None) -> list[Node]:
    """Return the nodes that a walk begins with; see `walk`."""
    if path:
        return [Node(path, path, raw_path, field, None, None, value)]
    if isinstance(value, dict) and value:
        return _members(Node("", "", None, None, None, None, value))
    return [Node(ROOT, ROOT, None, None, None, None, value)]


def walk_from(nodes: Sequence[Node]) -> Iterator[Node]:
    """Walk some nodes and all that is below them, parents before children."""
    # a stack of our own: documents may nest deeper than Python's
    stack = list(nodes)
    stack.reverse()
    while stack:
        node = stack.pop()
        yield node
        if node.value and isinstance(node.value, (dict, list)):
            below = children(node)
            below.reverse()
            stack += below


def children(node: Node) -> list[Node]:
    """Return the nodes right below a node, in order; none for a single value."""
    if isinstance(node.value, dict):
        return _members(node)
    return _items(node) if isinstance(node.value, list) else []


def _members(node: Node) -> list[Node]:
    path, template, raw_path, _, _, row_index, content = node
    parent_path = path or None
    nodes = []
    dot = "." if path and path != ROOT else ""
    before, before_template = (path, template) if dot else ("", "")
    for key, value in content.items():
        quoted = quoted_key(key)
        if quoted is None and raw_path is None:
            name = f"{before}{dot}{key}"
            child_raw = None
        else:
            name = before + (quoted or dot + key)
            raw_parent = before if raw_path is None else raw_path
            child_raw = f"{raw_parent}{dot}{key}"
        child_template = before_template + (quoted or dot + key)
        nodes.append(Node(name, child_template, child_raw, key, parent_path, row_index, value))
    return nodes


def _items(node: Node) -> list[Node]:
    path, template, raw_path, field, _, _, content = node
    child_template = item(template, None)
    return [
        Node(
            f"{path}[{index}]",
            child_template,
            None if raw_path is None else f"{raw_path}[{index}]",
            field,
            path,
            index,
            value,
        )
        for index, value in enumerate(content)
    ]
