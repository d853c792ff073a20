"""Python looks for garbage less often while a rebuild runs, and not at all among what was there before a sync."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import dlt
import pytest

from extend_source import SyncProgress, extend_source, rebuild, sync
from extend_source.ingest.garbage import earlier_objects_left_alone, fewer_collections
from extend_source.pipeline.loads import run_load
from extend_source.sandbox import SandboxServer

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def collections_as_usual() -> Iterator[None]:
    before = gc.get_threshold()
    gc.set_threshold(700, 10, 10)
    gc.unfreeze()
    yield
    gc.set_threshold(*before)
    gc.collect()
    gc.freeze()


@pytest.fixture
def pipeline() -> dlt.Pipeline:
    return dlt.pipeline("collecting", destination=dlt.destinations.duckdb("collecting.duckdb"), dataset_name="d")


@contextmanager
def counted_collections() -> Iterator[list[int]]:
    """Note the generation of each collection of the block."""
    generations: list[int] = []

    def note(phase: str, details: dict[str, int]) -> None:
        if phase == "start":
            generations.append(details["generation"])

    gc.callbacks.append(note)
    try:
        yield generations
    finally:
        gc.callbacks.remove(note)


def test_thresholds_are_raised_and_set_back() -> None:
    with fewer_collections():
        within = gc.get_threshold()

    assert within[0] > 10_000
    assert gc.get_threshold() == (700, 10, 10)


def test_thresholds_are_set_back_after_an_error() -> None:
    with pytest.raises(KeyError), fewer_collections():
        raise KeyError

    assert gc.get_threshold() == (700, 10, 10)


@pytest.mark.parametrize("chosen", [(0, 10, 10), (900_000, 5, 5)], ids=["no collections", "fewer still"])
def test_what_the_user_has_chosen_stays(chosen: tuple[int, int, int]) -> None:
    gc.set_threshold(*chosen)

    with fewer_collections() as collect:
        assert gc.get_threshold() == chosen
        with counted_collections() as collections:
            collect()

    assert gc.get_threshold() == chosen
    assert collections == []


def test_nothing_is_collected_where_the_user_has_switched_collections_off() -> None:
    gc.disable()
    try:
        with fewer_collections() as collect, counted_collections() as collections:
            assert gc.get_threshold() == (700, 10, 10)
            collect()
    finally:
        gc.enable()

    assert collections == []


def test_cycles_are_still_let_go() -> None:
    class Node:
        """Holds itself."""

    gc.collect()
    with fewer_collections():
        for _ in range(500_000):
            node = Node()
            node.self = node  # type: ignore[attr-defined]
        left = sum(isinstance(one, Node) for one in gc.get_objects())

    assert left < 300_000


def test_cycles_of_the_block_alone_are_let_go_where_earlier_objects_are_left_alone() -> None:
    class Node:
        """Holds itself."""

        def __init__(self) -> None:
            self.self = self

    held = [Node()]
    earlier = weakref.ref(held[0])
    with earlier_objects_left_alone():
        new = weakref.ref(Node())
        held.clear()
        gc.collect()
        assert (new() is None, earlier() is None) == (True, False)

    gc.collect()
    assert earlier() is None
    assert gc.get_freeze_count() == 0


def test_what_one_block_leaves_is_let_go_by_the_next() -> None:
    class Node:
        """Holds itself."""

        def __init__(self) -> None:
            self.self = self

    for _ in range(3):
        with earlier_objects_left_alone():
            node = Node()
            del node

    with earlier_objects_left_alone():
        gc.unfreeze()  # so that all objects can be looked at
        assert not any(isinstance(one, Node) for one in gc.get_objects())


def test_objects_that_the_user_has_frozen_stay_so() -> None:
    gc.freeze()
    frozen = gc.get_freeze_count()

    with earlier_objects_left_alone():
        assert gc.get_freeze_count() == frozen

    assert gc.get_freeze_count() == frozen


def test_a_rebuild_has_thresholds_raised_and_a_sync_has_not_and_both_leave_earlier_objects_alone(
    pipeline: dlt.Pipeline,
) -> None:
    thresholds: list[int] = []
    frozen: list[int] = []

    class Watching(SyncProgress):
        """Looks whenever a load begins."""

        def __setattr__(self, name: str, value: object) -> None:
            if name == "packages" and value:
                thresholds.append(gc.get_threshold()[0])
                frozen.append(gc.get_freeze_count())
            super().__setattr__(name, value)

    with SandboxServer(runs=3) as server:
        sync(pipeline, progress=Watching(), api_key=server.api_key, base_url=server.base_url, keep_raw=True)
        assert thresholds == [700]
        rebuild(pipeline, progress=Watching())

    assert thresholds[1] > 10_000
    assert min(frozen) > 10_000
    assert (gc.get_threshold(), gc.get_freeze_count()) == ((700, 10, 10), 0)


def collected_by_rebuild(pipeline: dlt.Pipeline, **arguments: Any) -> int:
    """Rebuild, and count how often all garbage is collected on purpose, what the sync before has left among it."""
    collected: list[int] = []
    collect = gc.collect
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gc, "collect", lambda: collected.append(collect()))
        rebuild(pipeline, **arguments)
    return len(collected)


def test_a_rebuild_collects_all_garbage_between_its_loads(pipeline: dlt.Pipeline) -> None:
    with SandboxServer(runs=3) as server:
        sync(pipeline, api_key=server.api_key, base_url=server.base_url, keep_raw=True)

    assert [collected_by_rebuild(pipeline, package_runs=most) for most in (1, 3)] == [1 + 2, 1]


def test_a_rebuild_collects_the_garbage_of_pending_loads_before_its_own(pipeline: dlt.Pipeline) -> None:
    with SandboxServer(runs=3) as server:
        settings = {"api_key": server.api_key, "base_url": server.base_url, "keep_raw": True}
        sync(pipeline, **settings)
        pipeline.extract(extend_source(run_ids=server.workspace.run_ids(), **settings))

        assert collected_by_rebuild(pipeline) == 1 + 1
    assert not pipeline.has_pending_data


def test_memory_can_be_given_back_once_all_is_extracted_and_before_anything_is_written(pipeline: dlt.Pipeline) -> None:
    seen: list[tuple[int, bool]] = []

    def look() -> None:
        with pipeline.sql_client() as client:
            seen.append((len(pipeline.list_normalized_load_packages()), client.has_dataset()))

    loads = run_load(pipeline, 1, dlt.resource([{"id": 1}], name="rows"), look)

    assert seen == [(1, False)]
    assert len(loads) == 1
    assert "load" not in vars(pipeline)
