"""Walking a user's JSON value: every node with its path, once, in document order."""

from __future__ import annotations

from collections.abc import Iterator
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

    Yields:
        Its nodes, the value itself included unless it is a whole document.
    """
    if path:
        stack = [Node(path, path, raw_path, field, None, None, value)]
    elif isinstance(value, dict) and value:
        stack = _members(Node("", "", None, None, None, None, value))
    else:
        stack = [Node(ROOT, ROOT, None, None, None, None, value)]
    # a stack of our own: documents may nest deeper than Python's
    while stack:
        node = stack.pop()
        yield node
        content = node.value
        if content:
            if isinstance(content, dict):
                stack += _members(node)
            elif isinstance(content, list):
                stack += _items(node)


def _members(node: Node) -> list[Node]:
    path, template, raw_path, _, _, row_index, content = node
    parent_path = path or None
    children = []
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
        children.append(Node(name, child_template, child_raw, key, parent_path, row_index, value))
    children.reverse()
    return children


def _items(node: Node) -> list[Node]:
    path, template, raw_path, field, _, _, content = node
    child_template = item(template, None)
    children = [
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
    children.reverse()
    return children
