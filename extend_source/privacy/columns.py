"""Rules for columns: which ones there can be, and what they do to rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
from dlt.common.configuration.exceptions import ConfigurationValueError

from extend_source.config.choices import shown_name
from extend_source.config.privacy_rules import PrivacyAction
from extend_source.privacy.hiding import GONE, Hider
from extend_source.privacy.objects import ColumnActions
from extend_source.tables.contract import Column, TableSchema
from extend_source.tables.objects import OBJECT_TYPES, TABLES
from extend_source.tables.schemas import EXTRACTION_FIELDS
from extend_source.text.json_codec import decode_json, encode_json

_RULED = {
    table.name: table
    for table in TABLES.values()
    if table.object_name and table.owner is not None and table.owner.about in OBJECT_TYPES
}
"""The tables that can have rules: those of what comes from documents and their owners."""

_PERSONAL = tuple((table, column.name) for table in _RULED.values() for column in table.columns if column.is_personal)

PERSONAL_TABLES = frozenset(table.name for table, _ in _PERSONAL)
"""The tables of which some columns are dropped without a rule: they name people."""

_NEEDED = frozenset(
    {
        *("id", "status", "credits", "created_at", "updated_at", "fetched_at", "listed_at", "observed_at"),
        *("payload_sha256", "summary_sha256", "loaded_tables", "api_version", "processor_runs.type"),
    }
)
"""The columns by which a sync knows what has landed, and a payload is read."""

_VALUES = frozenset({"value_type", "value_text", "value_number", "value_boolean", "value_date"})


def column_actions(rules: Mapping[str, PrivacyAction], *, keep_raw: bool) -> ColumnActions:
    """Check rules for columns and sort them by table.

    Args:
        rules: the actions by ``table.column``.
        keep_raw: payloads are kept.

    Returns:
        The actions by table and column; columns that name people are dropped where no rule is about them.

    Raises:
        ConfigurationValueError: there is no such column, or the action cannot be done there; one line says what can.
    """
    actions: ColumnActions = {}
    for name, action in rules.items():
        table_name, _, column_name = name.partition(".")
        table = _RULED.get(table_name)
        if table is None:
            hint = " For a field of a document, set a rule under privacy.fields." if "extraction_" in table_name else ""
            raise ConfigurationValueError(
                f"privacy.columns {shown_name(name)}: rules can be set for columns of {', '.join(_RULED)}.{hint}"
            )
        columns = {column.name: column for column in table.columns}
        free = [column for column in columns if not _is_needed(table, column)]
        if column_name in columns and column_name not in free:
            if column_name in _VALUES:
                raise ConfigurationValueError(
                    f"privacy.columns {name!r}: values are in other tables as well; set a rule under privacy.fields."
                )
            raise ConfigurationValueError(
                f"privacy.columns {name!r}: the source needs it to tell rows apart and to know what has changed; "
                f"{table_name} takes rules for {', '.join(free)}."
            )
        if column_name not in columns:
            raise ConfigurationValueError(
                f"privacy.columns {name!r}: there is no such column; {table_name} takes rules for {', '.join(free)}."
            )
        _check_action(name, columns[column_name], action, keep_raw=keep_raw)
        if action != "keep":
            actions.setdefault(table_name, {})[column_name] = action
    for table, name in _PERSONAL:
        if f"{table.name}.{name}" not in rules:
            actions.setdefault(table.name, {})[name] = "drop"
    return actions


def _is_needed(table: TableSchema, column: str) -> bool:
    return (
        column in {*table.key, table.replaced_by, table.latest_by, table.marker_on}
        or column in _NEEDED
        or f"{table.name}.{column}" in _NEEDED
        or column.endswith("_id")
        or (table is EXTRACTION_FIELDS and column in _VALUES)
    )


def _check_action(name: str, column: Column, action: PrivacyAction, *, keep_raw: bool) -> None:
    if action in ("hash", "mask") and column.kind.name not in ("text", "json"):
        raise ConfigurationValueError(
            f"privacy.columns {name!r}: the column holds {column.kind.name}, which cannot become text; use drop."
        )
    if action != "keep" and keep_raw and column.api is None:
        raise ConfigurationValueError(
            f"privacy.columns {name!r}: with keep_raw the payloads would still show it; turn keep_raw off, "
            "or set rules under privacy.fields."
        )


def clean_rows(rows: pa.Table, actions: Mapping[str, PrivacyAction], schema: TableSchema, hider: Hider) -> pa.Table:
    """Apply rules to the rows of a table; what is hidden already stays as it is.

    Args:
        rows: the rows.
        actions: the actions by column.
        schema: the table.
        hider: applies them.

    Returns:
        The rows, of the same Arrow schema.
    """
    kinds = {column.name: column.kind.name for column in schema.columns}
    for name, action in actions.items():
        place = rows.schema.get_field_index(name)
        field = rows.schema.field(place)
        if action == "drop":
            hidden = pa.nulls(rows.num_rows, field.type)
        else:
            hide = _hide_json if kinds[name] == "json" else _hide_text
            hidden = pa.array([hide(value, action, hider) for value in rows[name].to_pylist()], type=field.type)
        rows = rows.set_column(place, field, hidden)
    return rows


def _hide_text(text: str | None, action: PrivacyAction, hider: Hider) -> Any:
    return hider.scalar(text, action)


def _hide_json(text: str | None, action: PrivacyAction, hider: Hider) -> Any:
    if text is None:
        return None
    hidden = hider.json(decode_json(text.encode()), action)
    return None if hidden is GONE else encode_json(hidden)
