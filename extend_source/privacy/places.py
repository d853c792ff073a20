"""Which fields of a document a key of the metadata or of the edits means, in whatever notation it is written."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from itertools import product
from typing import Any, NamedTuple

from extend_source.privacy.templates import Keys, parse_path
from extend_source.tables.configs import declared_fields
from extend_source.text.escapes import decoded

_WORDS = re.compile(r"[^\W_]+")
_KEYS = re.compile(r"\w+")
_WRAPPERS = frozenset({"data", "initialoutput", "output", "result", "reviewedoutput", "value"})
"""What may stand before the path of a value: what the API calls the objects around it."""

_MAX_LEVELS = 6
"""Legacy fields nested deeper are found by names alone or by ids alone, not by a mixture."""


class Place(NamedTuple):
    """What a key means.

    Attributes:
        paths: the paths that it may mean; never none.
        is_known: some field of the document, or of its processor's schema, has one of them.
    """

    paths: list[Keys]
    is_known: bool


class Places:
    """The fields of one run: those that its outputs have, and those that its processor's config declares."""

    def __init__(self, config: Any) -> None:
        """Start with those of the config.

        Args:
            config: the run's config, whatever it is.
        """
        self.present: set[Keys] = set()
        self._config = config
        self._odd: dict[str, set[Keys]] = {}
        self._declared: set[Keys] | None = None
        self._by_words: dict[str, set[Keys]] = {}
        self._indexed = -1

    def add_name(self, name: str, path: Keys) -> None:
        """Add a name by which the API may call a path, such as the id of a legacy field."""
        self._odd.setdefault(name, set()).add(path)

    def place(self, text: str) -> Place:
        """Say what a key means.

        Args:
            text: the key: ``lines[0].iban``, ``lines.0.iban``, ``/lines/0/iban``, ``$['lines'][0].iban``,
                ``value.lines[0].iban``, in other letter case, percent-encoded, or the id of a legacy field.

        Returns:
            The place. Where a key may mean several fields, it has them all.
        """
        plain = parse_path(text)
        found = {*self._odd.get(text, ())}
        if plain in self.present:
            found.add(plain)
        if not found:
            found = self._alike(text)
        if found:
            return Place(sorted(found), is_known=True)
        keys = tuple(key for key in _KEYS.findall(decoded(text)[0]) if not key.isdecimal())
        return Place(sorted({plain, (text,), keys or (text,)}), is_known=False)

    def _alike(self, text: str) -> set[Keys]:
        """The paths whose words are those of a text, numbers of items and what the API wraps around aside."""
        self._index()
        if text in self._odd:
            return self._odd[text]
        words = _WORDS.findall(_folded(decoded(text)[0]))
        while True:
            names = [word for word in words if not word.isdecimal()]
            if not names:
                return set()
            found = self._by_words.get("".join(names)) or self._by_words.get("".join(_without_value(names)))
            if found:
                return found
            if words[0] not in _WRAPPERS:
                return set()
            words = words[1:]
            if not words and () in self.present:
                return {()}

    def _index(self) -> None:
        """Index what has come since the last call."""
        if self._declared is None:
            self._declared = set()
            for path, ids in _declared(self._config):
                self._declared.add(path)
                for name in _mixtures(path, ids):
                    self._by_words.setdefault(essence(name), set()).add(path)
                    self._odd.setdefault(".".join(name), set()).add(path)
        if self._indexed != len(self.present):
            self._indexed = len(self.present)
            for path in self.present:
                self._by_words.setdefault(essence(path), set()).add(path)


def _declared(config: Any) -> Iterator[tuple[Keys, tuple[str | None, ...]]]:
    """Yield the paths of declared fields with the id of each key, where it has one."""
    ids: dict[Keys, str] = {}
    for field in declared_fields(config) if isinstance(config, dict) else ():
        path = parse_path(field.path)
        if field.field_id is not None:
            ids[path] = field.field_id
        yield path, tuple(ids.get(path[:length]) for length in range(1, len(path) + 1))


def _mixtures(path: Keys, ids: tuple[str | None, ...]) -> Iterator[Keys]:
    """Yield the ways to call a legacy field: each key by name or id, and from any id on, as that is unique."""
    if not any(ids) or len(path) > _MAX_LEVELS:
        yield path
        if any(ids):
            yield tuple(own or name for own, name in zip(ids, path, strict=True))
            if ids[-1]:
                yield (ids[-1],)
        return
    choices = [[name, *([own] if own else [])] for name, own in zip(path, ids, strict=True)]
    for start in range(len(path)):
        own = ids[start]
        first = choices[0] if start == 0 else [own] if own else []
        yield from product(first, *choices[start + 1 :])


def essence(path: Iterable[str]) -> str:
    """Return what is the same for all notations of a path: its letters and digits, numbers of items aside."""
    words = _WORDS.findall(_folded(".".join(path)))
    return "".join(word for word in words if not word.isdecimal())


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def _without_value(names: list[str]) -> list[str]:
    return names[:-1] if names[-1] == "value" else names
