"""Finding hidden values in the texts around them, such as a citation of a whole row of a table."""

from __future__ import annotations

from typing import Any

from extend_source.privacy.hiding import is_hidden
from extend_source.tables.extraction import scalar_columns

SHORTEST = 4
"""What has fewer letters and digits is found everywhere, and says little."""


class HiddenTexts:
    """The values that were hidden in one run. Spaces, punctuation and case do not count."""

    def __init__(self) -> None:
        """Start with none."""
        self._by_beginning: dict[str, set[str]] = {}
        self._citations: set[str] = set()

    def add(self, value: Any) -> None:
        """Add a scalar that was hidden."""
        text = None if isinstance(value, bool) or is_hidden(value) else scalar_columns(value)[1]
        essence = _essence(text or "")
        if len(essence) >= SHORTEST:
            self._by_beginning.setdefault(essence[:SHORTEST], set()).add(essence)

    def add_all(self, value: Any) -> None:
        """Add all scalars of a JSON value that was hidden."""
        if isinstance(value, dict):
            for item in value.values():
                self.add_all(item)
        elif isinstance(value, list):
            for item in value:
                self.add_all(item)
        else:
            self.add(value)

    def add_citation(self, text: Any) -> None:
        """Add a text that was cited for a hidden value: the fields of a row may all cite the whole row."""
        if isinstance(text, str) and len(essence := _essence(text)) >= SHORTEST:
            self._citations.add(essence)

    def are_in(self, text: str) -> bool:
        """Tell whether a text shows one of the values, or is one of the citations."""
        if not self._by_beginning and not self._citations:
            return False
        essence = _essence(text)
        if essence in self._citations:
            return True
        for place in range(len(essence) - SHORTEST + 1):
            found = self._by_beginning.get(essence[place : place + SHORTEST], ())
            if any(essence.startswith(hidden, place) for hidden in found):
                return True
        return False


def _essence(text: str) -> str:
    return "".join(filter(str.isalnum, text.casefold()))
