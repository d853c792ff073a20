"""Leaving out runs that are known to be gone at the source."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator

from dlt.common import logger

from extend_source.pipeline.landed import LandedData
from extend_source.tables.bookkeeping import RAW_PAYLOADS
from extend_source.text.wording import counted


def first_not_gone(landed: LandedData, run_ids: Iterator[str], most: int) -> list[str]:
    """Take runs until there are enough; those known to be gone do not count."""
    found: list[str] = []
    while len(found) < most and (some := list(itertools.islice(run_ids, most - len(found)))):
        found += unless_gone(landed, some)
    return found


def obtainable(landed: LandedData, run_ids: Iterable[str]) -> list[str]:
    """Leave out runs that are known to be gone and of which no payload was kept."""
    ids = list(run_ids)
    gone = set(landed.tombstones(ids))
    gone.difference_update(row[0] for row in landed.lookup(RAW_PAYLOADS, ("id",), gone))
    if gone:
        logger.warning(
            f"{counted(len(gone), 'run')} gone at the source: rows that were lost in the destination cannot come "
            "back, as no payload was kept. The current views leave such runs out."
        )
    return [run_id for run_id in ids if run_id not in gone]


def unless_gone(landed: LandedData, run_ids: Iterable[str]) -> list[str]:
    """Leave out runs that are known to be gone and were not listed again."""
    ids = list(dict.fromkeys(run_ids))
    gone = landed.tombstones(ids)
    return [run_id for run_id in ids if run_id not in gone]
