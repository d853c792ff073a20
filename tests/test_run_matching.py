"""Runs of two lists that are matched by what both say of them."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from extend_source.ingest.run_matching import ListedRun, match_by_attributes

NOON = datetime(2026, 2, 2, 12, tzinfo=timezone.utc)


def run(
    run_id: str,
    *files: str,
    at: datetime | None = NOON,
    kind: str | None = "EXTRACT",
    processor: str | None = "Invoices",
) -> ListedRun:
    return ListedRun(run_id, kind, at, None, None, processor, files)


@pytest.mark.parametrize(
    ("olds", "news", "matched", "reasons"),
    [
        ([run("dpr_1")], [run("exr_a")], {"dpr_1": "exr_a"}, {}),
        ([run("dpr_1", "f1")], [run("exr_a", "f1")], {"dpr_1": "exr_a"}, {}),
        ([run("dpr_1", "f1")], [run("exr_a", "f2")], {}, {"dpr_1": "files_differ"}),
        ([run("dpr_1", "f1")], [run("exr_a")], {"dpr_1": "exr_a"}, {}),  # its file was deleted since
        ([run("dpr_1")], [run("exr_a", kind="CLASSIFY")], {}, {"dpr_1": "not_listed"}),
        ([run("dpr_1")], [run("exr_a", processor="Receipts")], {}, {"dpr_1": "not_listed"}),
        ([run("dpr_1", at=None)], [run("exr_a", at=None)], {}, {"dpr_1": "ambiguous"}),
        ([run("dpr_1", kind=None)], [run("exr_a", kind=None)], {}, {"dpr_1": "ambiguous"}),
        ([run("dpr_1"), run("dpr_2")], [run("exr_a")], {}, {"dpr_1": "ambiguous", "dpr_2": "ambiguous"}),
        ([run("dpr_1")], [run("exr_a"), run("exr_b")], {}, {"dpr_1": "ambiguous"}),
        (
            [run("dpr_1", "f1"), run("dpr_2", "f2")],
            [run("exr_b", "f2"), run("exr_a", "f1")],
            {"dpr_1": "exr_a", "dpr_2": "exr_b"},
            {},
        ),
        (
            [run("dpr_1", "f1"), run("dpr_2", "f1"), run("dpr_3", "f3")],
            [run("exr_a", "f1"), run("exr_b", "f1"), run("exr_c", "f3")],
            {"dpr_3": "exr_c"},
            {"dpr_1": "ambiguous", "dpr_2": "ambiguous"},
        ),
        # of an erased run no file is known: it may be either of the two of f1
        (
            [run("dpr_1", "f1"), run("dpr_erased")],
            [run("exr_a", "f1"), run("exr_b", "f1")],
            {},
            {"dpr_1": "ambiguous", "dpr_erased": "ambiguous"},
        ),
        (
            [run("dpr_1", "f1"), run("dpr_erased")],
            [run("exr_a", "f1"), run("exr_b", "f2")],
            {"dpr_1": "exr_a"},
            {"dpr_erased": "ambiguous"},
        ),
        ([run("dpr_1", "f1", "f2")], [run("exr_a", "f1", "f2")], {"dpr_1": "exr_a"}, {}),
        ([run("dpr_1")], [], {}, {"dpr_1": "not_listed"}),
        ([], [run("exr_a")], {}, {}),
    ],
)
def test_only_what_is_the_one_of_its_kind_in_both_lists_is_matched(
    olds: list[ListedRun], news: list[ListedRun], matched: dict[str, str], reasons: dict[str, str]
) -> None:
    found, why = match_by_attributes(olds, news)

    assert {old_id: other.id for old_id, other in found.items()} == matched
    assert why == reasons
