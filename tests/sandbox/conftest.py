"""A served sandbox and an in-process client, both small and fresh for every test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from extend_source.sandbox import Organization, SandboxServer, Workspace, create_app

HEADERS = {"Authorization": "Bearer sk_sandbox", "x-extend-api-version": "2025-04-21"}

Connect = Callable[..., TestClient]


@pytest.fixture
def workspace() -> Workspace:
    return Workspace(seed=7, runs=40)


@pytest.fixture
def connect(workspace: Workspace) -> Connect:
    """Return a function that makes a client of an organization with the given settings."""

    def make(*more_workspaces: Workspace, **settings: Any) -> TestClient:
        organization = Organization([workspace, *more_workspaces], **settings)
        client = TestClient(create_app(organization), headers=HEADERS)
        client.organization = organization
        return client

    return make


@pytest.fixture
def client(connect: Connect) -> TestClient:
    return connect()


@pytest.fixture
def server() -> Iterator[SandboxServer]:
    with SandboxServer(seed=7, runs=40) as running:
        yield running
