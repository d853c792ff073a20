"""An open question, its answer, and how cases are counted into one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any, Literal

from extend_source.survey.sample import Payload
from extend_source.tables.kinds import to_timestamp

State = Literal["confirmed", "differs", "could not be seen"]


@dataclass(frozen=True)
class Question:
    """A statement that this package relies on, or that is open, and what was seen of it.

    Attributes:
        statement: what is expected.
        state: whether it is so.
        seen: the counts behind that; no value of what was read.
    """

    statement: str
    state: State
    seen: str = ""


def unseen(statement: str, why: str = "reading cannot tell") -> Question:
    """Make the answer that there is none."""
    return Question(statement, "could not be seen", why)


def counted_cases(statement: str, cases: Iterable[bool], noun: str) -> Question:
    """Make the answer of some cases, in which it is as stated or not.

    Args:
        statement: what is expected.
        cases: whether it was so.
        noun: what the cases are, in the plural.
    """
    found = list(cases)
    if not found:
        return unseen(statement, f"no {noun}")
    fitting = sum(found)
    return Question(statement, "confirmed" if fitting == len(found) else "differs", f"{fitting} of {len(found)} {noun}")


def is_descending(rows: list[Payload], key: str) -> bool | None:
    """Tell whether rows have the newest first; None: there are too few, or their times are equal or unreadable."""
    times = [moment for row in rows if (moment := moment_of(row, key)) is not None]
    if len(times) != len(rows) or len(set(times)) < 2:
        return None
    return all(one >= other for one, other in pairwise(times))


def moment_of(row: Payload, key: str) -> datetime | None:
    """Read a time of a row; None: there is none that can be read."""
    try:
        return to_timestamp(row.get(key))
    except ValueError:
        return None


def ids(rows: list[Payload]) -> set[str]:
    """Return the ids of rows."""
    return {str(row.get("id")) for row in rows}


def suffix(object_id: str) -> str:
    """Return what follows the prefix of an id."""
    return object_id.partition("_")[2]


def objects_in(value: Any, is_wanted: Callable[[Payload], bool]) -> Iterator[Payload]:
    """Find objects anywhere in a body."""
    left = [value]
    while left:  # blocks may nest deeper than calls can
        part = left.pop()
        if isinstance(part, dict):
            if is_wanted(part):
                yield part
            left.extend(part.values())
        elif isinstance(part, list):
            left.extend(part)
