"""Texts with their escapes decoded: percent-encoding, HTML and JSON inside a text, one in the other as well."""

from __future__ import annotations

import html
import re
from bisect import bisect_right
from collections.abc import Callable

_ESCAPE = re.compile(
    r"""
    % (?:25)* (?: u00 )? (?P<percent>[0-9a-f]{2})
    | & (?:amp;)* (?: (?P<entity> \#\d{1,7} | \#x[0-9a-f]{1,6} | [a-z]{2,8} ) ; | amp )
    | (?<!\\) \\+ (?: (?: u00 | x ) (?P<code>[0-9a-f]{2}) | (?P<plain>["'/&=?;:]) | (?P<space>[nrt]) )
    """,
    re.IGNORECASE | re.VERBOSE,
)
_MAX_LAYERS = 5

PlaceOf = Callable[[int], int]
"""Where a place of the decoded text is in the original one."""


def decoded(text: str) -> tuple[str, PlaceOf]:
    """Decode what is escaped in a text, layer by layer.

    Args:
        text: any text.

    Returns:
        The decoded text, and the function that says where a place of it is in `text`. What is no escape stays as it
        is, and so does what is still escaped after five layers.
    """
    layers: list[tuple[list[int], list[int]]] = []
    for _ in range(_MAX_LAYERS):
        plain, places, shifts = _without_layer(text)
        if len(places) == 1:
            break
        text = plain
        layers.append((places, shifts))

    def place_of(place: int) -> int:
        for places, shifts in reversed(layers):
            place += shifts[bisect_right(places, place) - 1]
        return place

    return text, place_of


def _without_layer(text: str) -> tuple[str, list[int], list[int]]:
    """Decode one layer; the places from which on the original is that many characters further."""
    pieces: list[str] = []
    places, shifts = [0], [0]
    done = shift = 0
    for escape in _ESCAPE.finditer(text):
        character = _character(escape)
        if character is None:
            continue
        pieces += text[done : escape.start()], character
        done = escape.end()
        shift += done - escape.start() - 1
        places.append(done - shift)
        shifts.append(shift)
    return "".join([*pieces, text[done:]]), places, shifts


def _character(escape: re.Match[str]) -> str | None:
    """The one character that an escape stands for; None: it is none."""
    code = escape["percent"] or escape["code"]
    if code is not None:
        return chr(int(code, 16))
    if escape["plain"] is not None:
        return escape["plain"]
    if escape["space"] is not None:
        return "\n"
    if escape["entity"] is None:
        return "&"
    character = html.unescape(f"&{escape['entity']};")
    return character if len(character) == 1 else None
