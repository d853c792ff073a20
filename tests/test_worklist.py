"""The worklist: what is taken and not done comes again, and nothing is lost or doubled."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extend_source.ingest.state import Scope
from extend_source.ingest.worklist import Reason, Wanted, Worklist

NOON = datetime(2026, 1, 1, 12, tzinfo=timezone.utc)


def worklist_of(count: int) -> Worklist:
    worklist = Worklist("full", Scope({}))
    worklist.add(Wanted(str(number), "listed", None, NOON - timedelta(hours=number)) for number in range(count))
    return worklist


@given(st.integers(0, 30), st.lists(st.tuples(st.integers(0, 12), st.sets(st.integers(0, 11))), max_size=8))
def test_every_run_is_done_once_however_the_loads_end(count: int, loads: list[tuple[int, set[int]]]) -> None:
    worklist, done = worklist_of(count), []
    for most, finished in [*loads, (count, set(range(count)))]:
        for place, run in enumerate(list(worklist.take(most))):
            if place in finished:
                worklist.done(run)
                done.append(run.id)
        worklist.put_back()

    assert sorted(done, key=int) == [str(number) for number in range(count)]
    assert len(worklist) == 0


def test_what_was_taken_and_not_done_comes_first_and_in_order() -> None:
    worklist = worklist_of(5)
    _, second, _ = list(worklist.take(3))
    worklist.done(second)

    worklist.put_back()

    assert [run.id for run in worklist.take(9)] == ["0", "2", "3", "4"]


def test_the_oldest_change_counts_what_is_under_way() -> None:
    worklist = worklist_of(3)
    runs = list(worklist.take(3))
    for run in runs[:2]:
        worklist.done(run)

    assert worklist.oldest_change == NOON - timedelta(hours=2)
    worklist.done(runs[2])
    assert worklist.oldest_change is None


def test_the_oldest_failure_holds_back() -> None:
    worklist = worklist_of(3)
    for run in worklist.take(2):
        worklist.hold_back(run)
    worklist.hold_back(Wanted("by id"))

    assert worklist.held_back == NOON - timedelta(hours=1)


@pytest.mark.parametrize(
    ("reasons", "taken", "dropped"),
    [(["recheck", "recheck"], 0, 2), (["listed", "recheck"], 0, 0), (["recheck", "recheck"], 1, 0), ([], 0, 0)],
)
def test_rechecks_are_dropped_if_they_are_all_that_is_left(reasons: list[Reason], taken: int, dropped: int) -> None:
    worklist = Worklist("reconcile", Scope({}))
    worklist.add(Wanted(str(number), reason) for number, reason in enumerate(reasons))
    list(worklist.take(taken))

    assert worklist.drop_rechecks() == dropped
    assert len(worklist) == len(reasons) - dropped


def test_what_an_object_names_comes_next_and_does_not_count() -> None:
    worklist = worklist_of(3)
    taken = worklist.take(2)
    first = next(taken)
    worklist.add_first([Wanted("file_1", "referenced", object_type="file")])

    assert [one.id for one in (first, *taken)] == ["0", "file_1", "1"]
    assert (worklist.runs_left, len(worklist)) == (3, 4)
    assert worklist.sample("file", "", 5) == ["file_1"]


def test_each_object_is_asked_for_once() -> None:
    worklist = worklist_of(0)

    assert worklist.not_asked(["file_1", "file_2", "file_1"]) == ["file_1", "file_2"]
    assert worklist.not_asked(["file_2", "file_3"]) == ["file_3"]
