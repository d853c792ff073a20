"""Indexes where dlt loads through SQLAlchemy."""

from __future__ import annotations

from pathlib import Path

import pytest

from extend_source.pipeline.indexes import forget_indexes
from extend_source.sandbox import SandboxServer
from tests.acceptance.small_world import fill
from tests.destinations.places import Place, make_destination

pytestmark = pytest.mark.destinations


@pytest.mark.parametrize("name", ["sqlite", "mysql"])
def test_indexes_are_made_once_and_again_where_one_is_gone(
    name: str, empty_server: SandboxServer, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    import sqlalchemy as sa

    fill(empty_server.workspace)
    place = Place(name, make_destination(name, tmp_path, request), empty_server, tmp_path)

    def indexed(table: str) -> set[str | None]:
        with place.pipeline.sql_client() as client:
            found = sa.inspect(client.native_connection).get_indexes(table, schema=client.dataset_name)
        return {index["column_names"][0] for index in found}

    place.sync()
    assert indexed("extraction_fields") == {"run_id"}
    assert indexed("extraction_invoices__lines") == {"run_id"}
    assert indexed("processor_run_files") == {"run_id", "file_id"}

    with place.pipeline.sql_client() as client:
        index = "ix_extraction_fields_run_id"
        dropped = (
            f"{index} on {client.dataset_name}.extraction_fields"
            if name == "mysql"
            else f"{client.dataset_name}.{index}"
        )
        client.execute_sql(f"drop index {dropped}")
    place.sync(quiet_log_minutes=0)
    assert indexed("extraction_fields") == set()
    forget_indexes(place.pipeline)
    place.sync(quiet_log_minutes=0)
    assert indexed("extraction_fields") == {"run_id"}


def test_a_table_that_somebody_reads_in_mysql_is_left_alone_until_another_day(
    empty_server: SandboxServer, tmp_path: Path, request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture
) -> None:
    fill(empty_server.workspace)
    place = Place("mysql", make_destination("mysql", tmp_path, request), empty_server, tmp_path)
    place.sync(indexes=False)
    with place.pipeline.sql_client() as client, client.begin_transaction():
        client.execute_sql(f"select count(*) from {client.make_qualified_table_name('splits')}")
        place.sync(quiet_log_minutes=0)
    assert "Indexes of 1 table could not be made, splits among them" in caplog.text
    with place.pipeline.sql_client() as client:
        assert client.execute_sql(f"show index from {client.make_qualified_table_name('files')}")
        assert client.execute_sql(f"show index from {client.make_qualified_table_name('splits')}") == []
