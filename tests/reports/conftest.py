"""The stand-in and the warehouses of the acceptance tests, for those of reports."""

from tests.acceptance.conftest import (  # noqa: F401
    any_warehouse,
    destination,
    empty_server,
    empty_warehouse,
    make_warehouse,
    new_database,
    postgres,
    postgres_server,
    server,
    warehouse,
)
from tests.reports.browsing import browser  # noqa: F401
