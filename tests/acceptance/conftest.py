"""The stand-in and the warehouse of the acceptance tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from extend_source.sandbox import SandboxServer
from tests.acceptance.warehouse import Warehouse


@pytest.fixture
def empty_server() -> Iterator[SandboxServer]:
    """A stand-in without any runs."""
    with SandboxServer(runs=0) as server:
        yield server


@pytest.fixture
def server() -> Iterator[SandboxServer]:
    """A stand-in with runs of every kind."""
    with SandboxServer(runs=120) as server:
        yield server


@pytest.fixture
def warehouse(server: SandboxServer, tmp_path: Path) -> Warehouse:
    """An empty warehouse in front of the stand-in with runs."""
    return Warehouse(server, tmp_path)


@pytest.fixture
def empty_warehouse(empty_server: SandboxServer, tmp_path: Path) -> Warehouse:
    """An empty warehouse in front of the stand-in without runs."""
    return Warehouse(empty_server, tmp_path)
