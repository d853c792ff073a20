"""When Python looks for garbage, and when memory goes back to the system."""

from __future__ import annotations

import ctypes
import gc
import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pyarrow as pa

_THRESHOLDS = (200_000, 10, 10)

_blocks = itertools.count()
"""Counts the blocks of this process in which earlier objects are left alone."""


@contextmanager
def fewer_collections() -> Iterator[Callable[[], object]]:
    """Let Python look for cycles less often for the length of the block.

    A payload is thousands of objects that live for milliseconds and have no cycles; Python would look through all
    objects again and again for them. Not for fetching, which gains little, and took a tenth to a fifth more memory.

    Yields:
        What collects all garbage, to be called where much of it has come together.
    """
    before = gc.get_threshold()
    if not gc.isenabled() or before[0] == 0 or before[0] >= _THRESHOLDS[0]:  # chosen by the user, or raised already
        yield lambda: None
        return
    gc.set_threshold(*_THRESHOLDS)
    try:
        yield gc.collect
    finally:
        gc.set_threshold(*before)


@contextmanager
def earlier_objects_left_alone() -> Iterator[None]:
    """Have Python look for cycles among the objects that come within the block, and not among those before it.

    These are modules for the most part: to look through them took 0.1 seconds, seven times in a sync of 1,000 runs.
    """
    if not gc.isenabled() or gc.get_freeze_count():  # the user has frozen objects of their own
        yield
        return
    if next(_blocks):
        gc.collect()  # what an earlier block has left: within a block nobody would find it
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def give_back() -> None:
    """Give memory that is no longer used back to the system, before a destination takes as much for itself."""
    gc.collect()
    pa.default_memory_pool().release_unused()
    with suppress(OSError, AttributeError):  # the GNU C library alone has it
        ctypes.CDLL(None).malloc_trim(0)
