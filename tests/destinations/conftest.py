"""The stand-in and the warehouses of the acceptance tests, for those of single destinations."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.acceptance.conftest import (  # noqa: F401
    any_warehouse,
    destination,
    empty_server,
    make_warehouse,
    new_database,
    postgres,
    postgres_server,
    server,
)
from tests.destinations.places import mariadb


@pytest.fixture(scope="session")
def mysql_database() -> Iterator[Callable[[], str]]:
    """Makes empty databases of a MariaDB server, and returns their addresses."""
    with tempfile.TemporaryDirectory(prefix="extend-mariadb-") as folder:
        yield from mariadb(Path(folder))
