"""Empty texts on PostgreSQL, where dlt's COPY takes them for NULL.

dlt writes ``""`` for an empty text and nothing for NULL into its CSV files, and then tells PostgreSQL to take both for
NULL. A process that uses this source copies the rows of this source's tables, which a hint of theirs tells, without
that; the tables of other sources are copied as ever.
"""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from types import SimpleNamespace
from typing import Any

import dlt

from extend_source.pipeline.traits import traits_of

KEEPS_EMPTY_TEXTS = "x-extend-keeps-empty-texts"
"""The hint of a table in which an empty text is no NULL."""


@cache
def _register() -> None:
    from dlt.destinations.impl.postgres import postgres

    class ExactCopyJob(postgres.PostgresCsvCopyJob):
        """Copies a CSV file as dlt does, but for empty texts."""

        def run(self) -> None:
            """Copy the file."""
            client: Any = self._job_client
            load_table: Any = self._load_table
            if load_table.get(KEEPS_EMPTY_TEXTS):
                self._job_client = _without_nullable_columns(client)
            try:
                super().run()
            finally:
                self._job_client = client

    postgres.PostgresCsvCopyJob = ExactCopyJob  # type: ignore[misc]


def _without_nullable_columns(client: Any) -> Any:
    """What a copy job asks of its client, where it forces NULL upon empty texts in nullable columns."""

    def columns(table_name: str) -> dict[str, Any]:
        found = client.schema.get_table_columns(table_name)
        return {name: {**column, "nullable": False} for name, column in found.items()}

    schema = SimpleNamespace(get_table_columns=columns)
    return SimpleNamespace(config=client.config, sql_client=client.sql_client, schema=schema)


def keep_empty_texts(pipeline: dlt.Pipeline) -> None:
    """Let a pipeline's tables tell empty texts from NULL, if it loads into PostgreSQL; else do nothing."""
    if traits_of(pipeline).kind == "postgres":
        with suppress(ImportError):  # dlt says which extra is missing, when the load begins
            _register()
