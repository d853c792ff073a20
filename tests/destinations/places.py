"""The destinations of the battery: how to reach each, and how a reader sees what is current in it."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import dlt
import duckdb
import pytest

from extend_source import SyncResult, create_current_views, sync
from extend_source.sandbox import SandboxServer

ALWAYS = ("duckdb", "postgres")
"""Part of ``make test``."""
MORE = ("sqlite", "mysql", "filesystem", "delta", "iceberg")
"""Part of ``make test-destinations``."""

INSTALL = {
    "sqlite": 'pip install "dlt-source-extend[sqlalchemy]"',
    "mysql": 'apt-get install mariadb-server; pip install "dlt-source-extend[sqlalchemy]"',
    "delta": "pip install dlt[deltalake]; and DuckDB's extension: install delta",
    "iceberg": "pip install dlt[pyiceberg] sqlalchemy; and DuckDB's extensions: install avro; install iceberg",
    "ducklake": "DuckDB's extensions: install ducklake; install sqlite_scanner",
}

MODULES = {
    "sqlite": ("sqlalchemy",),
    "mysql": ("sqlalchemy", "pymysql"),
    "delta": ("deltalake",),
    "iceberg": ("pyiceberg", "sqlalchemy"),
    "ducklake": (),
}
EXTENSIONS = {"delta": ("delta",), "iceberg": ("avro", "iceberg"), "ducklake": ("ducklake", "sqlite_scanner")}

Row = tuple[Any, ...]


class Place:
    """A destination, a pipeline into it, and a stand-in that feeds it."""

    def __init__(
        self, name: str, destination: Any, server: SandboxServer, folder: Path, pipelines: str = "pipelines"
    ) -> None:
        """Make the pipeline; nothing is loaded yet."""
        self.name, self.server, self.folder = name, server, folder
        self.settings = {"table_format": name} if name in ("delta", "iceberg") else {}
        self.pipeline = dlt.pipeline(
            "extend", destination=destination, dataset_name="extend_data", pipelines_dir=str(folder / pipelines)
        )

    def on_another_machine(self) -> Place:
        """The same destination, seen by a machine that has never loaded anything."""
        return Place(self.name, self.pipeline.destination, self.server, self.folder, "other-pipelines")

    def sync(self, **arguments: Any) -> SyncResult:
        """Sync through the public function."""
        return sync(
            self.pipeline,
            api_key=self.server.api_key,
            base_url=self.server.base_url,
            requests_per_second=0,
            keep_raw=True,
            **self.settings,
            **arguments,
        )

    def current(self, columns: dict[str, tuple[str, ...]]) -> dict[str, set[Row]]:
        """What a reader of the current views sees of some tables; no row twice."""
        script = create_current_views(self.pipeline).script
        if script is not None:
            with duckdb.connect() as connection:
                connection.execute(script)
                return {
                    table: unique(names, connection.sql(f'select {", ".join(names)} from "{table}_current"').fetchall())
                    for table, names in columns.items()
                }
        with self.pipeline.sql_client() as client:
            return {
                table: unique(
                    names,
                    client.execute_sql(
                        f"select {', '.join(map(client.escape_column_name, names))}"
                        f" from {client.make_qualified_table_name(f'{table}_current')}"
                    )
                    or (),
                )
                for table, names in columns.items()
            }

    def lose(self, table: str) -> None:
        """Lose the rows of a table, as by a mistake."""
        if self.name in ("filesystem", "delta", "iceberg"):
            shutil.rmtree(self.folder / "bucket" / "extend_data" / table)
            return
        with self.pipeline.sql_client() as client, client.begin_transaction():
            client.execute_sql(f"delete from {client.make_qualified_table_name(table)}")


JSON_COLUMNS = frozenset({"original_value", "edited_value"})


def unique(names: tuple[str, ...], rows: Any) -> set[Row]:
    """Rows with numbers as floats or ints, dates and JSON as text, as not all destinations have types for these."""
    found = [tuple(_plain(name, value) for name, value in zip(names, row, strict=True)) for row in rows]
    assert len(found) == len(set(found)), "a row is there twice"
    return set(found)


def _plain(name: str, value: Any) -> Any:
    if name in JSON_COLUMNS and not isinstance(value, str):
        return json.dumps(value)
    if isinstance(value, Decimal):
        return float(value)
    return value.isoformat() if isinstance(value, date) else value


def make_destination(name: str, folder: Path, request: pytest.FixtureRequest) -> Any:
    """Make an empty destination of a kind; skip the test where what it needs is not installed."""
    if name == "postgres":
        return dlt.destinations.postgres(request.getfixturevalue("postgres"))
    if name in INSTALL:
        require(name)
    if name == "sqlite":
        return dlt.destinations.sqlalchemy(f"sqlite:///{folder / 'warehouse.db'}")
    if name == "mysql":
        return dlt.destinations.sqlalchemy(request.getfixturevalue("mysql_database")())
    if name == "ducklake":
        from dlt.destinations.impl.ducklake.configuration import DuckLakeCredentials

        catalog, storage = f"sqlite:///{folder / 'catalog.sqlite'}", (folder / "data").as_uri()
        return dlt.destinations.ducklake(DuckLakeCredentials("lake", catalog=catalog, storage=storage))
    if name in ("filesystem", "delta", "iceberg"):
        return dlt.destinations.filesystem((folder / "bucket").as_uri())
    return dlt.destinations.duckdb(str(folder / "warehouse.duckdb"))


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def require(name: str) -> None:
    """Skip the test where what a destination needs is not installed; fail where all must be."""
    missing = name == "mysql" and shutil.which("mariadbd") is None
    missing |= any(importlib.util.find_spec(module) is None for module in MODULES[name])
    if missing or not all(map(_has_extension, EXTENSIONS.get(name, ()))):
        message = f"{name} is not installed: {INSTALL[name]}"
        if os.environ.get("REQUIRE_DESTINATIONS"):
            pytest.fail(message)
        pytest.skip(message)


def _has_extension(name: str) -> bool:
    """Load an extension of DuckDB, from a package if there is one."""
    if importlib.util.find_spec("duckdb_extensions") is not None:
        from duckdb_extensions import import_extension

        import_extension(name)
    try:
        with duckdb.connect() as connection:
            connection.execute(f"load {name}")
    except duckdb.Error:
        return False
    return True


def mariadb(folder: Path) -> Iterator[Callable[[], str]]:
    """Run a MariaDB server; yields what makes empty databases in it and returns their addresses."""
    import pymysql

    data, port = folder / "data", _free_port()
    as_root = os.geteuid() == 0
    user = ["--user=root"] if as_root else []
    install = ["mariadb-install-db", "--no-defaults", *user, f"--datadir={data}", "--skip-test-db"]
    subprocess.run([*install, "--auth-root-authentication-method=normal"], check=True, capture_output=True)
    charset = ["--character-set-server=utf8mb4", "--collation-server=utf8mb4_bin"]
    where = [f"--datadir={data}", f"--socket={folder / 's'}", f"--pid-file={folder / 'pid'}"]
    network = ["--bind-address=127.0.0.1", f"--port={port}"]
    server = subprocess.Popen(
        ["mariadbd", "--no-defaults", *user, *charset, *where, *network, "--innodb-flush-log-at-trx-commit=0"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                connection = pymysql.connect(unix_socket=str(folder / "s"), user="root")
                break
            except pymysql.OperationalError:
                assert server.poll() is None, "MariaDB has ended"
                assert time.monotonic() < deadline, "MariaDB does not start"
                time.sleep(0.2)
        with closing(connection), connection.cursor() as cursor:
            cursor.execute("create user 'loader'@'127.0.0.1' identified by 'secret'")
            cursor.execute("grant all on *.* to 'loader'@'127.0.0.1'")
            numbers = iter(range(1, 1000))

            def make() -> str:
                name = f"test_{next(numbers)}"
                cursor.execute(f"create database {name}")
                cursor.execute("drop database if exists extend_data")
                cursor.execute("drop database if exists extend_data_staging")
                return f"mysql+pymysql://loader:secret@127.0.0.1:{port}/{name}"

            yield make
    finally:
        server.terminate()
        server.wait(30)
