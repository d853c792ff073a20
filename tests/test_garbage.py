"""Python looks for garbage less often while a rebuild runs, and as before after it."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import dlt
import pytest

from extend_source import SyncProgress, extend_source, rebuild, sync
from extend_source.ingest.garbage import fewer_collections
from extend_source.sandbox import SandboxServer

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def thresholds() -> Iterator[None]:
    before = gc.get_threshold()
    gc.set_threshold(700, 10, 10)
    yield
    gc.set_threshold(*before)


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


def test_a_rebuild_has_them_raised_and_a_sync_has_not(pipeline: dlt.Pipeline) -> None:
    seen: list[int] = []

    class Watching(SyncProgress):
        """Notes the threshold whenever a load begins."""

        def __setattr__(self, name: str, value: object) -> None:
            if name == "packages":
                seen.append(gc.get_threshold()[0])
            super().__setattr__(name, value)

    with SandboxServer(runs=3) as server:
        sync(pipeline, progress=Watching(), api_key=server.api_key, base_url=server.base_url, keep_raw=True)
        assert set(seen) == {700}
        seen.clear()
        rebuild(pipeline, progress=Watching())

    assert max(seen) > 10_000
    assert gc.get_threshold() == (700, 10, 10)


def collected_by_rebuild(pipeline: dlt.Pipeline, **arguments: Any) -> int:
    """Rebuild, and count how often all garbage is collected on purpose."""
    collected: list[int] = []
    collect = gc.collect
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gc, "collect", lambda: collected.append(collect()))
        rebuild(pipeline, **arguments)
    return len(collected)


def test_a_rebuild_collects_all_garbage_between_its_loads(pipeline: dlt.Pipeline) -> None:
    with SandboxServer(runs=3) as server:
        sync(pipeline, api_key=server.api_key, base_url=server.base_url, keep_raw=True)

    assert [collected_by_rebuild(pipeline, package_runs=most) for most in (1, 3)] == [2, 0]


def test_a_rebuild_collects_the_garbage_of_pending_loads_before_its_own(pipeline: dlt.Pipeline) -> None:
    with SandboxServer(runs=3) as server:
        settings = {"api_key": server.api_key, "base_url": server.base_url, "keep_raw": True}
        sync(pipeline, **settings)
        pipeline.extract(extend_source(run_ids=server.workspace.run_ids(), **settings))

        assert collected_by_rebuild(pipeline) == 1
    assert not pipeline.has_pending_data
