"""The stand-in and the warehouses of the acceptance tests, for those of single destinations."""

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
