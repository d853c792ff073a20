"""What dlt lets users change of a source, and this one cannot honour: refused before the first request."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NoReturn

import dlt
from dlt.common.schema.typing import C_DLT_ID
from dlt.common.schema.utils import has_table_seen_data
from dlt.extract import DltResource, DltSource
from dlt.extract.exceptions import CurrentSourceNotAvailable

from extend_source.config.settings import SECTION
from extend_source.error_codes import ErrorCode
from extend_source.errors import InvalidSetting
from extend_source.pipeline.hints import apply_hints
from extend_source.pipeline.write_mode import WriteMode
from extend_source.tables import TABLES, TYPED_TABLES, TableSchema

_ADVICE = {
    "write_disposition": "Leave it out: rows of a run replace those that it had. For a full reload use "
    'refresh="drop_sources", or refresh=True of extend_source to fetch all again',
    "table_name": "Leave it out: each resource has a table of its own; a dataset_name of its own keeps data apart",
    "primary_key": "Leave it out: the tables have their keys",
    "merge_key": "Leave it out: the tables have their keys",
    "incremental": "Leave it out: use start_date and lookback of extend_source",
    "table_format": "Set table_format of extend_source",
}
"""The hints of resources that must stay as they are, and what to do in place of changing them."""


class ExtendResource(DltResource):
    """A resource of this source, which cannot be cut short: its rows belong to those of other tables."""

    def add_limit(self, *args: Any, **options: Any) -> NoReturn:
        """Refuse; see `refuse_limit`."""
        refuse_limit()


class ExtendSource(DltSource):
    """The source, which cannot be cut short: rows of a run would be missing from some of its tables."""

    def add_limit(self, *args: Any, **options: Any) -> NoReturn:
        """Refuse; see `refuse_limit`."""
        refuse_limit()


_FILE_FORMATS = ("parquet", "insert_values")
"""The formats in which rows travel to a destination without losing anything."""


def refuse_limit() -> NoReturn:
    """Say what to use in place of dlt's limit of yields.

    Raises:
        InvalidSetting: always.
    """
    raise InvalidSetting(
        "add_limit cannot be used: it counts pieces of tables, not runs",
        "Set max_runs of extend_source: so many runs are loaded, newest first",
        error_code=ErrorCode.BAD_OVERRIDE,
    )


def refuse_refresh(pipeline: dlt.Pipeline, verb: str) -> None:
    """Make sure that a pipeline does not drop the tables that it is to work on.

    Args:
        pipeline: the pipeline.
        verb: what is to be done.

    Raises:
        InvalidSetting: it was made with `refresh`.
    """
    if pipeline.refresh is not None:
        raise InvalidSetting(
            f"{verb} cannot run in a pipeline made with refresh={pipeline.refresh!r}, which would drop its tables",
            "Make the pipeline without refresh",
            error_code=ErrorCode.BAD_OVERRIDE,
        )


def refuse_overrides(tables: Iterable[TableSchema], write_mode: WriteMode) -> None:
    """Make sure that the resources about to run write their tables as they must.

    Args:
        tables: the tables of the source.
        write_mode: how the destination takes rows.

    Raises:
        InvalidSetting: a hint was changed by an argument of ``pipeline.run`` or by ``apply_hints``, or a contract or
            file format would lose rows or values.
    """
    try:
        source = dlt.current.source()
    except CurrentSourceNotAvailable:
        return
    if source.schema.name != SECTION:
        raise InvalidSetting(
            f"The resources run in the schema {source.schema.name!r}, not in that of their source, {SECTION!r}",
            "Run the source itself: extend_source().with_resources(...), without a schema of your own",
            error_code=ErrorCode.BAD_OVERRIDE,
        )
    expected = {table.name: apply_hints(_bare(table.name), table, write_mode) for table in tables}
    expected[TYPED_TABLES] = _bare(TYPED_TABLES)
    for name in source.selected_resources:
        if name not in expected:
            continue
        given, ours = source.resources[name]._hints or {}, expected[name]._hints or {}
        for hint, advice in _ADVICE.items():
            if given.get(hint) != ours.get(hint):
                raise InvalidSetting(
                    f"{hint}={given.get(hint)!r} cannot be used with {name}", advice, error_code=ErrorCode.BAD_OVERRIDE
                )
        if given.get("file_format") not in (None, *_FILE_FORMATS):
            raise InvalidSetting(
                f"loader_file_format={given['file_format']!r} cannot be used: it does not hold all values exactly",
                f"Leave it out, or use one of {', '.join(_FILE_FORMATS)}",
                error_code=ErrorCode.BAD_OVERRIDE,
            )

    contract = source.schema_contract
    modes = contract.values() if isinstance(contract, dict) else (contract,)
    if any(str(mode).startswith("discard") for mode in modes):
        raise InvalidSetting(
            f"schema_contract={contract!r} cannot be used: rows of runs would be missing",
            'Use "evolve" or "freeze"',
            error_code=ErrorCode.BAD_OVERRIDE,
        )


def refuse_changed_row_ids() -> None:
    """Make sure that dlt gives rows an id only where the tables have always had one: it can be added to no row later.

    Raises:
        InvalidSetting: that was switched on or off since the tables were made.
    """
    setting = "NORMALIZE__PARQUET_NORMALIZER__ADD_DLT_ID"
    is_on = bool(dlt.config.get("normalize.parquet_normalizer.add_dlt_id", bool))
    for name, table in dlt.current.source_schema().tables.items():
        if name in TABLES and has_table_seen_data(table) and (C_DLT_ID in table["columns"]) is not is_on:
            raise InvalidSetting(
                f"{setting} was switched {'on' if is_on else 'off'} since the table {name} was made",
                f"Switch it {'off' if is_on else 'on'} again, or load into a new dataset",
                error_code=ErrorCode.BAD_OVERRIDE,
            )


def _bare(name: str) -> Any:
    return dlt.resource([], name=name)
