"""A served sandbox and an in-process client, both small and fresh for every test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from extend_source.sandbox import Organization, SandboxServer, Workspace

from .in_process import InProcessClient

Connect = Callable[..., InProcessClient]


@pytest.fixture
def workspace() -> Workspace:
    return Workspace(seed=7, runs=40)


@pytest.fixture
def connect(workspace: Workspace) -> Connect:
    """Return a function that makes a client of an organization with the given settings."""

    def make(*more_workspaces: Workspace, **settings: Any) -> InProcessClient:
        return InProcessClient(Organization([workspace, *more_workspaces], **settings))

    return make


@pytest.fixture
def client(connect: Connect) -> InProcessClient:
    return connect()


@pytest.fixture
def newer(connect: Connect) -> InProcessClient:
    """Return a client of API 2026-02-09."""
    client = connect()
    client.headers["x-extend-api-version"] = "2026-02-09"
    return client


@pytest.fixture
def server() -> Iterator[SandboxServer]:
    with SandboxServer(seed=7, runs=40) as running:
        yield running
