"""How a DuckDB file is laid out, which decides how much memory DuckDB takes to write it."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

BLOCK_BYTES = 65_536
"""The size of the blocks of a new file, a quarter of DuckDB's own choice; that of an existing file never changes.

DuckDB holds a block for each column that a load writes to, however few its rows, and a typed table has two columns for
each field. Smaller blocks still made the change of one run in a table of millions of rows slower.
"""

ROWS_IN_GROUP = 8_192
"""The rows of a row group, in place of 122,880.

DuckDB holds what does not fill a group until the end of a load. And when it closes a file it merges groups that fit
into one, unpacked in memory: a sync of three runs after one of thousands took 614 MB so. With fewer rows than these
the change of one run in a table of millions of rows takes longer.
"""

LARGE_ROWS_IN_GROUP = 2_048
"""The same where rows are large, as payloads are that are kept; DuckDB takes no fewer."""

MUCH_BYTES = 16_000_000
"""The bytes of JSON from which on a load is one of many megabytes, and of the file from which on groups matter."""

_LITTLE = (
    "threads = 1",  # each thread holds rows of its own
    "write_buffer_row_group_count = 1",  # of full groups, before they are written
    "allocator_flush_threshold = '1MB'",
    "allocator_bulk_deallocation_flush_threshold = '1MB'",
)
"""Settings with which DuckDB holds little, and gives back what it has used."""

_OF_DLT = 2
"""The connections of one of dlt's clients: the one that it opened, and the copy of it that it lends."""


def make_file(file: Path) -> None:
    """Make an empty database, unless the file is there.

    Args:
        file: where.
    """
    if not file.exists():
        import duckdb  # a pipeline with another destination has no use for it

        duckdb.connect(str(file), config={"default_block_size": BLOCK_BYTES}).close()


def attach_with_groups(connection: duckdb.DuckDBPyConnection, file: Path, rows_in_group: int) -> None:
    """Attach a connection's own database anew, with small row groups.

    It holds for all connections of the process until the last one is closed. Where someone else in this process has one
    as well, nothing is done: theirs may be in a transaction.

    Args:
        connection: a connection to the file that dlt has lent, in no transaction; dlt keeps another one.
        file: the file.
        rows_in_group: the rows of each new row group, a multiple of 2,048.

    Raises:
        duckdb.Error: it is in use, or another process took the file in between; then all connections must be closed.
    """
    [(count,)] = connection.execute("SELECT * FROM duckdb_connection_count()").fetchall()
    if count > _OF_DLT:
        return
    [(name,)] = connection.execute("SELECT current_database()").fetchall()
    name, path = name.replace('"', '""'), str(file).replace("'", "''")
    connection.execute("ATTACH ':memory:' AS aside")
    connection.execute("USE aside")
    connection.execute(f'DETACH "{name}"')
    connection.execute(f"ATTACH '{path}' AS \"{name}\" (ROW_GROUP_SIZE {rows_in_group})")
    connection.execute(f'USE "{name}"')
    connection.execute("DETACH aside")


def hold_little(connection: duckdb.DuckDBPyConnection) -> None:
    """Have the database of a connection take little memory, until the last connection of the process is closed.

    Args:
        connection: any connection to it.
    """
    import duckdb  # a pipeline with another destination has no use for it

    for setting in _LITTLE:
        with suppress(duckdb.Error):  # older versions do not know all of them
            connection.execute(f"SET GLOBAL {setting}")
