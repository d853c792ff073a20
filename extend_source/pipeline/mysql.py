"""Long texts on MySQL and MariaDB, where dlt's columns for text hold 64 KB: too little for a page, and for dlt itself.

dlt lets anybody register what it should know of a SQLAlchemy dialect; this adds to what it knows of MySQL. A process
that uses this source gets ``LONGTEXT`` columns for all that it loads there.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import dlt

from extend_source.pipeline.traits import traits_of


@cache
def _register() -> None:
    from dlt.destinations.impl.sqlalchemy import dialect, type_mapper
    from sqlalchemy.dialects.mysql import LONGTEXT

    class LongTextMapper(type_mapper.MysqlVariantTypeMapper):
        """Maps text of no stated length to LONGTEXT."""

        def db_type_from_text_type(self, column: Any, table: Any) -> Any:
            """Return the column type of a text."""
            if column.get("precision") is None and not column.get("unique"):
                return LONGTEXT()
            return super().db_type_from_text_type(column, table)

    class LongTexts(dialect.MysqlDialectCapabilities):
        """What dlt knows of MySQL, with longer texts."""

        def type_mapper_class(self) -> Any:
            """Return the mapper."""
            return LongTextMapper

    for name in ("mysql", "mariadb"):
        dialect.register_dialect_capabilities(name, LongTexts)


def use_long_texts(pipeline: dlt.Pipeline) -> None:
    """Let a pipeline's tables hold texts of any length, if it loads through SQLAlchemy; else do nothing."""
    if traits_of(pipeline).kind == "sqlalchemy":
        _register()
