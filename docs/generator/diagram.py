"""The tables as a picture: each group below its owner, drawn from the contract alone."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from extend_source.tables import TABLES, TableSchema
from extend_source.tables.contract import ANY_OBJECT
from extend_source.tables.objects import TABLE_OF

_GAP = 24
_LINE = 16
_PADDING = 8
_INDENT = 18
_LETTER = 7.3
"""The width of a letter of the names: all have the same."""

_STYLE = """
text { font: 12px ui-monospace, Menlo, Consolas, monospace; fill: #1f2937; }
.title { font: bold 13px system-ui, sans-serif; fill: #374151; }
.name { font-weight: bold; }
.key { fill: #4b5563; }
.reference { fill: #1d4ed8; }
rect { fill: #ffffff; stroke: #9ca3af; }
.owner { fill: #e0f2fe; stroke: #0284c7; }
.line { fill: none; stroke: #9ca3af; }
"""


@dataclass(frozen=True)
class Group:
    """Tables that are drawn below each other.

    Attributes:
        title: what they have in common.
        owner: the table whose rows they belong to, drawn first; None: they have none in common.
        tables: the others.
    """

    title: str
    owner: TableSchema | None
    tables: tuple[TableSchema, ...]


def groups() -> list[Group]:
    """Return all tables by the object that their rows go with."""
    owners = {name: table for name, table in TABLE_OF.items() if table.owner is None or table.owner.about == name}
    found = [
        Group(f"of each {name.replace('_', ' ')}", owner, _tables_about(name, owner)) for name, owner in owners.items()
    ]
    shared = Group("of any object, by its type and id", None, _tables_about(ANY_OBJECT, None))
    rest = tuple(table for table in TABLES.values() if table.owner is None)
    return [*found, shared, Group("of the whole dataset", None, rest)]


def _tables_about(name: str, owner: TableSchema | None) -> tuple[TableSchema, ...]:
    return tuple(
        table
        for table in TABLES.values()
        if table is not owner and table.owner is not None and table.owner.about == name
    )


def tables_diagram() -> str:
    """Return the picture, as SVG."""
    columns, box_width = _in_columns(groups()), _widest()
    drawn, height = [], 0
    for index, column in enumerate(columns):
        top = _GAP // 2
        for group in column:
            text, top = _draw_group(group, index * (box_width + _GAP) + _GAP // 2, top, box_width)
            drawn.append(text)
        height = max(height, top)
    width = len(columns) * (box_width + _GAP)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="All tables, each below the table whose rows it belongs to">\n<style>{_STYLE}</style>\n'
        f'<rect width="{width}" height="{height}" style="stroke:none"/>\n' + "\n".join(drawn) + "\n</svg>\n"
    )


def _in_columns(every: list[Group], count: int = 3) -> list[list[Group]]:
    """Fill columns from the left, so that none is much longer than the others."""
    room = sum(map(_height, every)) / count
    columns: list[list[Group]] = [[]]
    for group in every:
        filled = sum(map(_height, columns[-1]))
        if columns[-1] and len(columns) < count and filled + _height(group) / 2 > room:
            columns.append([])
        columns[-1].append(group)
    return columns


def _height(group: Group) -> int:
    boxes = (*((group.owner,) if group.owner else ()), *group.tables)
    return _GAP + sum(_box_height(table) + _PADDING for table in boxes)


def _draw_group(group: Group, left: int, top: int, width: int) -> tuple[str, int]:
    """Draw a group; return it, and where the next one may begin."""
    parts = [_text(group.title, "title", left, top + 12)]
    top += _LINE + _PADDING
    indent = _INDENT if group.owner else 0
    trunk = 0
    if group.owner is not None:
        parts.append(_box(group.owner, left, top, width, "owner"))
        trunk = top + _box_height(group.owner)
        top = trunk + _PADDING
    for table in group.tables:
        if group.owner is not None:
            parts.append(f'<path class="line" d="M{left + 8} {trunk}V{top + 14}H{left + indent}"/>')
        parts.append(_box(table, left + indent, top, width - indent))
        top += _box_height(table) + _PADDING
    return "\n".join(parts), top + _GAP - _PADDING


def _lines(table: TableSchema) -> list[tuple[str, str]]:
    """What a box says: the name, the key, and the columns that name rows of other tables."""
    named = {
        column.name: TABLE_OF.get(column.references or column.about or "")
        for column in table.columns
        if column.name not in table.key or column.references
    }
    references = [(f"{name} → {other.name}", "reference") for name, other in named.items() if other is not None]
    return [(table.name, "name"), (", ".join(table.key), "key"), *references]


def _widest() -> int:
    letters = max(len(text) for table in TABLES.values() for text, _ in _lines(table))
    return round(letters * _LETTER) + 2 * _PADDING + _INDENT


def _box_height(table: TableSchema) -> int:
    return len(_lines(table)) * _LINE + _PADDING


def _box(table: TableSchema, left: int, top: int, width: int, style: str = "table") -> str:
    lines = enumerate(_lines(table), start=1)
    texts = [_text(text, name, left + _PADDING, top + _LINE * number) for number, (text, name) in lines]
    height = _box_height(table)
    title = f"<title>One row per {escape(table.grain)}. {escape(table.description)}</title>"
    frame = f'<rect class="{style}" x="{left}" y="{top}" width="{width}" height="{height}" rx="3"/>'
    return f"<g>{title}{frame}{''.join(texts)}</g>"


def _text(text: str, style: str, left: int, top: int) -> str:
    return f'<text class="{style}" x="{left}" y="{top}">{escape(text)}</text>'
