"""The statements that a PostgreSQL server has run in one database, by its own log."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg2

WRITES = ("TRUNCATE", "COPY", "INSERT", "DELETE", "CREATE", "ALTER", "DROP")

SEVERAL = "(several)"

_ENTRY = re.compile(r"^\d{4}-\d\d-\d\d .*? \w+:  ", re.MULTILINE)
_STATEMENT = re.compile(r"\w+:  statement: (.*)", re.DOTALL)
_TABLE = re.compile(r'"(?:\w+)"\."(\w+)"')


class Statements(list[str]):
    """Statements in the order in which they were run."""

    @property
    def writes(self) -> dict[str, Counter[str]]:
        """How many statements of each kind have written to a table, or to its staging, by table.

        One that empties several tables at once is about `SEVERAL`.
        """
        found: dict[str, Counter[str]] = {}
        for text in self:
            kind = text.split(maxsplit=1)[0].upper()
            if kind in WRITES:
                tables = _TABLE.findall(text)
                table = SEVERAL if kind == "TRUNCATE" and len(tables) > 1 else tables[0]
                found.setdefault(table, Counter())[kind] += 1
        return found


@contextmanager
def logged(uri: str, folder: Path) -> Iterator[Callable[[], Statements]]:
    """Have a server log the statements that run in a database.

    Args:
        uri: the database's address.
        folder: the server's folder.

    Yields:
        Returns the statements since it was called last, or since the block began.
    """
    log, database = folder / "log", urlsplit(uri).path[1:]
    with closing(psycopg2.connect(uri)) as connection, connection.cursor() as cursor:
        cursor.execute(f"alter database {database} set log_statement = 'all'")
        connection.commit()
    position = log.stat().st_size

    def since() -> Statements:
        nonlocal position
        with log.open("rb") as file:
            file.seek(position)
            text = file.read().decode("utf-8", "replace")
            position = file.tell()
        starts = [found.start() for found in _ENTRY.finditer(text)]
        entries = [text[start:end] for start, end in zip(starts, [*starts[1:], None], strict=True)]
        found = (_STATEMENT.search(entry) for entry in entries)
        return Statements(
            part.strip() for entry in found if entry for part in entry[1].split(";") if part.strip() and part[0] != "'"
        )

    yield since
