"""Pairing the rows of an array before and after a review: by what they hold, not by where they stand.

1. Rows that are equal are the same row, wherever they stand. Of several equal ones those between the same neighbours
   are paired, the others in order (P. Heckel, "A technique for isolating differences between files", 1978).
2. What is left is paired so that the fewest values differ: an optimal assignment, in which order decides between
   pairings of equal worth. Two rows that have less than half of their values in common are one row only where they
   stand in the same place, next to the same pair of equal rows: a line that was typed anew. Otherwise one was removed
   and another one added.
3. Where very much is left (`_MAX_ROWS`, `_MAX_WORK`), an optimum would take too long. Rows that share rare values are
   then paired first, those with the most values in common before all others, and then in each place the rest in order.

Equal means equal but for formatting in steps 2 and 3, where null and empty values do not count. Step 1 never spoils the
optimum, as the number of values in which rows differ is a metric.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest
from typing import Any, NamedTuple

from extend_source.tables.formatting import normal_form
from extend_source.text.json_codec import encode_json

_MAX_ROWS = 1_000
"""Rows that are left on each side for an optimal assignment: a million pairs, some tens of milliseconds."""
_MAX_WORK = 20_000_000
"""Pairs of equal values that are counted for it."""
_RARE = 64
"""Pairs of rows that a value may suggest where there is no optimum."""

Pair = tuple[int | None, int | None]


class _Row(NamedTuple):
    """A row that has no equal one on the other side.

    Attributes:
        number: its index in the array.
        above: the nearest row above it that has a partner, as the index of that row in the array before the review.
        below: the same below it.
        offset: its distance from the one above.
        values: its values with their paths, each with a count to tell repeated ones apart.
    """

    number: int
    above: int
    below: int
    offset: int
    values: frozenset[Any]


def paired_rows(before: Sequence[Any], after: Sequence[Any]) -> list[Pair]:
    """Pair the rows of an array before and after a review; see the module for how.

    Args:
        before: the JSON values of the array before it.
        after: those after it.

    Returns:
        The indexes of each row before and after, None where there is no such row: first all rows that there were,
        in order, then those that are new.
    """
    partners = _equal_rows([_text(row) for row in before], [_text(row) for row in after])
    alone = _alone(len(before), len(after), partners)
    if alone is None:
        left_before, left_after = _left(before, after, partners)
        partners.update(_assigned(left_before, left_after))
    else:
        partners[alone] = alone
    taken = set(partners.values())
    return [
        *((index, partners.get(index)) for index in range(len(before))),
        *((None, index) for index in range(len(after)) if index not in taken),
    ]


def _text(row: Any) -> str:
    return encode_json(row, sort_keys=True)


def _equal_rows(before: Sequence[str], after: Sequence[str]) -> dict[int, int]:
    """Pair rows of equal texts, as many as there are."""
    ends = ((-1, -1), (len(before), len(after)))
    partners, taken = dict(ends), {index for _, index in ends}

    def pair(one: int, other: int) -> None:
        if (
            one not in partners
            and other not in taken
            and 0 <= one < len(before)
            and 0 <= other < len(after)
            and before[one] == after[other]
        ):
            partners[one] = other
            taken.add(other)

    once_before, once_after = _unique(before), _unique(after)
    for text in once_before.keys() & once_after.keys():
        pair(once_before[text], once_after[text])
    for step, order in ((1, range(-1, len(before))), (-1, range(len(before), -1, -1))):
        for index in order:
            if index in partners:
                pair(index + step, partners[index] + step)
    free: dict[str, deque[int]] = defaultdict(deque)
    for index, text in enumerate(after):
        if index not in taken:
            free[text].append(index)
    for index, text in enumerate(before):
        if index not in partners and free.get(text):
            pair(index, free[text].popleft())
    for index, _ in ends:
        del partners[index]
    return partners


def _alone(before: int, after: int, partners: dict[int, int]) -> int | None:
    """The index of the one row that is left, in the same place on both sides: by far the most frequent case."""
    if before != after or before - len(partners) != 1:
        return None
    index = next(index for index in range(before) if index not in partners)
    is_left = index not in partners.values()
    return index if is_left and (index == 0 or partners[index - 1] == index - 1) else None


def _unique(texts: Sequence[str]) -> dict[str, int]:
    counts = Counter(texts)
    return {text: index for index, text in enumerate(texts) if counts[text] == 1}


def _left(before: Sequence[Any], after: Sequence[Any], partners: dict[int, int]) -> tuple[list[_Row], list[_Row]]:
    """The rows without a partner on both sides, with the place in which they stand."""
    backwards = {other: one for one, other in partners.items()}
    ours = _rows(before, {index: index for index in partners}, len(before))
    return ours, _rows(after, backwards, len(before))


def _rows(rows: Sequence[Any], names: dict[int, int], end: int) -> list[_Row]:
    """The rows that have no name, those that have one being the bounds of places."""
    found: list[_Row] = []
    above, start, waiting = -1, -1, 0
    for index in range(len(rows) + 1):
        below = names.get(index) if index < len(rows) else end
        if below is None:
            found.append(_Row(index, above, end, index - start, _values(rows[index])))
            continue
        for place in range(waiting, len(found)):
            found[place] = found[place]._replace(below=below)
        above, start, waiting = below, index, len(found)
    return found


def _values(row: Any) -> frozenset[Any]:
    """The values of a row that say something."""
    found: Counter[Any] = Counter()
    stack = [("", row)]
    while stack:
        path, value = stack.pop()
        if isinstance(value, dict):
            stack += [(f"{path}.{key}", item) for key, item in value.items()]
        elif isinstance(value, list):
            stack += [(f"{path}[]", item) for item in value]
        elif value not in (None, ""):
            found[path, normal_form(value)] += 1
    return frozenset((value, number) for value, count in found.items() for number in range(count))


def _assigned(before: list[_Row], after: list[_Row]) -> dict[int, int]:
    """Pair rows that are not equal."""
    if not before or not after:
        return {}
    shared = _shared_values(before, after)
    work = sum(len(ours) * len(theirs) for ours, theirs in shared)
    if max(len(before), len(after)) <= _MAX_ROWS and work <= _MAX_WORK:
        pairs: Iterable[tuple[_Row, _Row]] = _optimum(before, after, shared)
    else:
        pairs = _greedy(before, after, shared)
    return {one.number: other.number for one, other in pairs}


def _shared_values(before: list[_Row], after: list[_Row]) -> list[tuple[list[int], list[int]]]:
    """For each value that both sides have, the rows that have it, as places in the lists."""
    holders: dict[Any, list[int]] = defaultdict(list)
    for place, row in enumerate(before):
        for value in row.values:
            holders[value].append(place)
    found: dict[Any, list[int]] = defaultdict(list)
    for place, row in enumerate(after):
        for value in row.values:
            if value in holders:
                found[value].append(place)
    return [(holders[value], places) for value, places in found.items()]


def _optimum(
    before: list[_Row], after: list[_Row], shared: list[tuple[list[int], list[int]]]
) -> Iterator[tuple[_Row, _Row]]:
    """Pair rows so that the fewest values differ."""
    import lap  # numpy comes with it, which takes a tenth of a second to import; few syncs need it
    import numpy as np

    common = np.zeros((len(before), len(after)))
    for ours, theirs in shared:
        if len(ours) == len(before) and len(theirs) == len(after):
            common += 1
        else:
            common[np.ix_(ours, theirs)] += 1

    def columns(name: str) -> tuple[Any, Any]:
        return (
            np.array([getattr(row, name) for row in before])[:, None],
            np.array([getattr(row, name) for row in after])[None, :],
        )

    (above, other_above), (below, other_below), (offset, other_offset) = map(columns, ("above", "below", "offset"))
    sizes = [np.array([len(row.values) for row in rows]) for rows in (before, after)]
    smaller, larger = np.minimum.outer(*sizes), np.maximum.outer(*sizes)
    in_place = (above == other_above) | (below == other_below)
    allowed = in_place | ((common > 0) & (2 * common >= larger))
    # a pair spares its smaller row, and once more what both have in common
    gain = np.where(allowed, 1 + smaller + common, 0)
    distance = np.minimum(np.abs(offset - other_offset), _MAX_ROWS) ** 2
    weight = 1 + _MAX_ROWS**2 * min(common.shape)
    cost = (gain.max() - gain) * weight + distance
    # for lap all that reaches LARGE is infinite; halving is exact
    cost *= 0.5 ** max(0, math.ceil(math.log2((1 + cost.max()) / lap.LARGE)) + 1)
    _, partner_of, _ = lap.lapjv(np.ascontiguousarray(cost), extend_cost=True)
    for place, partner in enumerate(partner_of):
        if partner >= 0 and allowed[place, partner]:
            yield before[place], after[partner]


def _greedy(
    before: list[_Row], after: list[_Row], shared: list[tuple[list[int], list[int]]]
) -> Iterator[tuple[_Row, _Row]]:
    """Pair rows that share rare values, the most alike first, and then what stands in the same place."""
    suggested = {
        (one, other) for ours, theirs in shared if len(ours) * len(theirs) <= _RARE for one in ours for other in theirs
    }

    def worth(pair: tuple[int, int]) -> tuple[int, int, int, int]:
        one, other = before[pair[0]], after[pair[1]]
        return -len(one.values & other.values), abs(one.offset - other.offset), *pair

    free_before, free_after = dict(enumerate(before)), dict(enumerate(after))
    for place, partner in sorted(suggested, key=worth):
        if place in free_before and partner in free_after and _may_be_one(before[place], after[partner]):
            yield free_before.pop(place), free_after.pop(partner)
    places: dict[tuple[int, int], tuple[list[_Row], list[_Row]]] = defaultdict(lambda: ([], []))
    for side, rows in enumerate((free_before, free_after)):
        for row in rows.values():
            places[row.above, row.below][side].append(row)
    for ours, theirs in places.values():
        for mine, its in zip_longest(ours, theirs):
            if mine is not None and its is not None:
                yield mine, its


def _may_be_one(one: _Row, other: _Row) -> bool:
    common = len(one.values & other.values)
    is_alike = common > 0 and 2 * common >= max(len(one.values), len(other.values))
    return is_alike or one.above == other.above or one.below == other.below
