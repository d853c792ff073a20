"""The rows of an array before and after a review find each other by what they hold."""

from __future__ import annotations

import itertools
import random
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from extend_source.tables import pairing
from extend_source.tables.pairing import Pair, paired_rows

LINES = [{"sku": f"sku {number}", "qty": number % 7, "price": number * 3, "unit": "kg"} for number in range(20)]


def edited(number: int, **values: Any) -> dict[str, Any]:
    return {**LINES[number], **values}


def in_order(*pairs: Pair) -> list[Pair]:
    return list(pairs)


@pytest.mark.case("3.6")
@pytest.mark.parametrize("removed", [0, 7, 19])
def test_a_removed_row_is_the_only_one_without_a_partner(removed: int) -> None:
    after = LINES[:removed] + LINES[removed + 1 :]

    found = paired_rows(LINES, after)

    assert found == [(n, n if n < removed else None if n == removed else n - 1) for n in range(20)]
    assert paired_rows(after, LINES)[-1] == (None, removed)


@pytest.mark.case("3.6")
def test_an_edited_row_is_found_beside_a_removed_one() -> None:
    after = [*LINES[1:6], edited(6, qty=99, unit="t"), *LINES[7:]]

    assert paired_rows(LINES, after) == [(0, None), *((n, n - 1) for n in range(1, 20))]


@pytest.mark.case("3.6")
def test_rows_that_moved_are_the_same_rows() -> None:
    order = list(range(20))
    random.Random(1).shuffle(order)

    assert paired_rows([LINES[n] for n in order], LINES) == [(place, n) for place, n in enumerate(order)]
    assert paired_rows(LINES[:2], [edited(1, qty=99), edited(0, price=99)]) == [(0, 1), (1, 0)]


@pytest.mark.case("3.6")
def test_where_all_rows_were_touched_the_most_alike_are_paired() -> None:
    after = [edited(number, qty=f"{number} pieces") for number in range(1, 20)]

    assert paired_rows(LINES, after) == [(0, None), *((n, n - 1) for n in range(1, 20))]


def test_rows_without_anything_in_common_stay_in_order() -> None:
    after = [{key: f"{value}!" for key, value in line.items()} for line in LINES]

    assert paired_rows(LINES, after) == [(n, n) for n in range(20)]


@pytest.mark.parametrize(
    ("before", "after", "pairs"),
    [
        ("ab", "ac", [(0, 0), (1, 1)]),  # one typed anew
        ("abc", "bcd", [(0, None), (1, 0), (2, 1), (None, 2)]),  # one removed, another one added elsewhere
        ("abc", "cab", [(0, 1), (1, 2), (2, 0)]),
        ("aaa", "aba", [(0, 0), (1, 1), (2, 2)]),
        ("axaya", "bxayc", [(0, 0), (1, 1), (2, 2), (3, 3), (4, 4)]),
        ("aaa", "aa", [(0, 0), (1, 1), (2, None)]),
        ("aabb", "bbaa", [(0, 2), (1, 3), (2, 0), (3, 1)]),
        ("", "a", [(None, 0)]),
        ("a", "", [(0, None)]),
        ("", "", []),
    ],
)
def test_single_values(before: str, after: str, pairs: list[Pair]) -> None:
    assert paired_rows(list(before), list(after)) == pairs


def test_values_are_equal_as_json_says() -> None:
    assert paired_rows([1, True, "1", None], [None, True, "1", 1]) == [(0, 3), (1, 1), (2, 2), (3, 0)]
    assert paired_rows([{"a": 1, "b": 2}, 5], [5, {"b": 2, "a": 1}]) == [(0, 1), (1, 0)]


def test_formatting_and_nothing_do_not_tell_rows_apart() -> None:
    before = [{"name": "Acme GmbH", "note": None, "vat": None}, {"name": "Beta", "note": None, "vat": None}]
    after = [{"name": "BETA", "note": "new", "vat": None}, {"name": "ACME GMBH", "note": None, "vat": ""}]

    assert paired_rows(before, after) == [(0, 1), (1, 0)]


def test_rows_are_told_apart_by_what_is_in_arrays_within_them() -> None:
    before = [{"no": 1, "items": [1, 2, 3, 4]}, {"no": 2, "items": [5, 6, 7]}]
    after = [{"no": 9, "items": [7, 6, 5]}, {"no": 8, "items": [2, 3, 4]}]

    assert paired_rows(before, after) == [(0, 1), (1, 0)]


ROWS = st.lists(st.fixed_dictionaries({key: st.integers(0, 3) for key in "xyz"}), max_size=4)


@given(ROWS, ROWS)
def test_each_row_is_in_one_pair_and_equal_rows_are_in_one(before: list[Any], after: list[Any]) -> None:
    pairs = paired_rows(before, after)

    assert [one for one, _ in pairs if one is not None] == list(range(len(before)))
    assert sorted(other for _, other in pairs if other is not None) == list(range(len(after)))
    equal = sum(one is not None and other is not None and before[one] == after[other] for one, other in pairs)
    assert equal == sum(min(before.count(row), after.count(row)) for row in unique(before))


@settings(max_examples=60)
@given(ROWS, ROWS)
def test_as_few_values_differ_as_can_be(before: list[Any], after: list[Any]) -> None:
    assume(not any(row in after for row in before))  # so that there are no places to keep rows in
    fewer, more = sorted((before, after), key=len)

    best = min(
        sum(differing(fewer[one], more[other]) for one, other in enumerate(chosen)) + 3 * (len(more) - len(fewer))
        for chosen in itertools.permutations(range(len(more)), len(fewer))
    )

    assert (
        sum(
            3 if one is None or other is None else differing(before[one], after[other])
            for one, other in paired_rows(before, after)
        )
        == best
    )


def unique(rows: list[Any]) -> list[Any]:
    return [row for place, row in enumerate(rows) if row not in rows[:place]]


def differing(one: dict[str, Any], other: dict[str, Any]) -> int:
    return sum(one[key] != other[key] for key in one)


def many(count: int) -> list[dict[str, Any]]:
    return [{"sku": f"sku {number}", "qty": number % 7, "price": number * 3, "unit": "kg"} for number in range(count)]


def test_the_optimum_has_no_bound_within_what_is_allowed() -> None:
    """What is left of 900 rows is more than any sum that the solver takes for infinite."""
    before = many(900)
    after = [{**row, "price": -row["price"]} for row in before[1:]]

    assert paired_rows(before, after) == [(0, None), *((n, n - 1) for n in range(1, 900))]


@pytest.mark.case("3.7")
def test_beyond_the_bound_rows_with_rare_values_in_common_are_paired() -> None:
    before = many(pairing._MAX_ROWS + 500)
    after = [{**row, "qty": 99} for row in before[1:]]
    random.Random(1).shuffle(after)

    places = {row["sku"]: place for place, row in enumerate(after)}
    assert paired_rows(before, after) == [(n, places.get(row["sku"])) for n, row in enumerate(before)]


@pytest.mark.case("3.7")
def test_beyond_the_bound_what_shares_nothing_stays_in_order() -> None:
    before = many(pairing._MAX_ROWS + 500)
    after = [{key: f"{value}!" for key, value in row.items()} for row in before[:-1]]

    assert paired_rows(before, after) == [*((n, n) for n in range(len(after))), (len(after), None)]


@pytest.mark.case("3.7")
def test_work_grows_in_proportion_beyond_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted in comparisons of two rows: with equal values in all rows there are as many as rows, not as pairs."""

    def compared(count: int) -> int:
        calls: list[Any] = []
        alike = pairing._may_be_one
        with monkeypatch.context() as patch:
            patch.setattr(pairing, "_may_be_one", lambda *rows: calls.append(rows) or alike(*rows))
            paired_rows(many(count), [{**row, "price": "free"} for row in many(count)])
        return len(calls)

    assert (compared(1_500), compared(6_000)) == (1_500, 6_000)
