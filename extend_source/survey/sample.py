"""What was read. It holds the bodies themselves, so none of it may be shown but through counts."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from extend_source.api.shapes import Difference
from extend_source.operations.check import Answer
from extend_source.survey.kinds import Kind

Payload = dict[str, Any]


@dataclass
class KindSample:
    """What was read of one kind of objects.

    Attributes:
        kind: the kind.
        answer: whether its list may be read.
        rows: the first page of its list.
        has_more: the list goes on.
        objects: those read one by one, by id.
        unread: those that could not be read.
        bodies: how many were compared, by where they came from.
        found: how many of these show each difference.
    """

    kind: Kind
    answer: Answer = "not asked"
    rows: list[Payload] = field(default_factory=list)
    has_more: bool = False
    objects: dict[str, Payload] = field(default_factory=dict)
    unread: int = 0
    bodies: Counter[str] = field(default_factory=Counter)
    found: Counter[tuple[str, Difference]] = field(default_factory=Counter)


@dataclass
class Sample:
    """What was read of one version of the API.

    Attributes:
        api_version: the version.
        kinds: by the path of the list.
        without_order: rows of the first list, as they come where no order is asked for.
        next_page: the rows after these, by the token that came with them; None: there was none.
        older_run: whether an id of the older version is answered in this one; None: it was not asked.
        parse_source: whether the parse run of a run is listed by that run as its source; None: it was not asked.
        own_run: a run that a workflow run has in full, as its own endpoint has it.
    """

    api_version: str
    kinds: dict[str, KindSample]
    without_order: list[Payload] = field(default_factory=list)
    next_page: list[Payload] | None = None
    older_run: bool | None = None
    parse_source: bool | None = None
    own_run: tuple[Payload, Payload] | None = None

    @property
    def is_answered(self) -> bool:
        """Tell whether any list of the version may be read."""
        return any(each.answer == "yes" for each in self.kinds.values())

    def rows(self, *paths: str) -> list[Payload]:
        """Return the rows of some lists."""
        return [row for path in paths if path in self.kinds for row in self.kinds[path].rows]

    def objects(self, *paths: str) -> list[Payload]:
        """Return the objects of some kinds that were read one by one."""
        return [each for path in paths if path in self.kinds for each in self.kinds[path].objects.values()]
