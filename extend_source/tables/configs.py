"""Run configs, stored once by content, with their classes, fields and page ranges."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import islice
from typing import Any, NamedTuple

from extend_source.tables import schemas
from extend_source.tables.building import TableSet
from extend_source.tables.paths import item, member
from extend_source.tables.reading import DriftLog, ObjectReader
from extend_source.tables.schema_walking import MAX_VISITED, References, SchemaWalk, objects_in, text_or_none
from extend_source.text.json_codec import encode_json

_CONFIG = ObjectReader.of(schemas.RUN_CONFIGS)
_CLASSIFICATION = ObjectReader.of(schemas.RUN_CONFIG_CLASSIFICATIONS)
_PAGE_RANGE = ObjectReader.of(schemas.RUN_CONFIG_PAGE_RANGES)

_RULES = ("extractionRules", "classificationRules", "splitRules")
_CLASSES = ("classifications", "splitClassifications")
_RANGES = (
    ("advanced", ("advancedOptions", "pageRanges")),
    ("parser", ("parser", "advancedOptions", "pageRanges")),
    ("excel_sheets", ("advancedOptions", "excelSheetRanges")),
)
_EXTEND_TYPES = ("date", "currency", "signature")

_MAX_KNOWN = 256
"""Most configs that are known by identity: decoding gives equal ones as one object."""


class DeclaredField(NamedTuple):
    """A field that a config declares: the columns of ``run_config_fields`` that are read from it."""

    path: str
    field_id: str | None
    name: str | None
    value_type: str | None
    extend_type: str | None
    nullable: bool | None
    description: str | None
    enum_values: str | None


class ConfigTables:
    """Writes each distinct config once a load."""

    def __init__(self, tables: TableSet, drift: DriftLog) -> None:
        """Start a load."""
        self._tables = tables
        self._drift = drift
        self._seen: set[str] = set()
        self._ids: dict[int, tuple[dict[str, Any], str]] = {}

    def add(self, config: dict[str, Any]) -> str:
        """Add the config that a run carries.

        Args:
            config: the API's config object (docs "Processor config"), without signed URLs.

        Returns:
            The config's id: SHA-256 of its canonical JSON, so that equal configs share one row.
        """
        known = self._ids.get(id(config))
        if known is not None and known[1] in self._seen:
            return known[1]
        text = encode_json(config, sort_keys=True)
        config_id = hashlib.sha256(text.encode()).hexdigest()
        if len(self._ids) >= _MAX_KNOWN:
            self._ids.clear()
        self._ids[id(config)] = config, config_id  # kept, so that no other object gets its id
        if config_id not in self._seen:
            self._seen.add(config_id)
            self._write(config_id, config, text)
        return config_id

    def _write(self, config_id: str, config: dict[str, Any], text: str) -> None:
        values, _ = _CONFIG.read(config, self._drift)
        rules = next((config[key] for key in _RULES if isinstance(config.get(key), str)), None)
        self._tables[schemas.RUN_CONFIGS].add(values, config_id=config_id, rules=rules, row_counts=None, config=text)
        self._add_objects(config_id, config)
        fields = self._tables[schemas.RUN_CONFIG_FIELDS]
        taken: set[str] = set()
        for declared in declared_fields(config):
            # a schema can describe one path twice (variants of anyOf): the config column has them all
            if declared.path not in taken:
                fields.add(config_id=config_id, position=len(taken), **declared._asdict())
                taken.add(declared.path)

    def forget(self) -> None:
        """Forget which configs were written."""
        self._seen.clear()

    def _add_objects(self, config_id: str, config: dict[str, Any]) -> None:
        classes = self._tables[schemas.RUN_CONFIG_CLASSIFICATIONS]
        offered = [entry for key in _CLASSES for entry in objects_in(config.get(key))]
        for position, entry in enumerate(offered):
            classes.add(*_CLASSIFICATION.read(entry, self._drift), config_id=config_id, position=position)
        ranges = self._tables[schemas.RUN_CONFIG_PAGE_RANGES]
        for scope, keys in _RANGES:
            for position, entry in enumerate(objects_in(_dig(config, keys))):
                read = _PAGE_RANGE.read(entry, self._drift)
                ranges.add(*read, config_id=config_id, scope=scope, position=position)


def _dig(value: Any, keys: tuple[str, ...]) -> Any:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def declared_fields(config: dict[str, Any]) -> Iterator[DeclaredField]:
    """Yield the fields that a config declares; a path may come twice.

    Args:
        config: the API's config object.

    Yields:
        Each field, parents before children, as a row of ``run_config_fields``.
    """
    schema, legacy = config.get("schema"), config.get("fields")
    if isinstance(schema, dict):
        yield from islice(_schema_members("", schema, SchemaWalk(schema), ()), MAX_VISITED)
    elif isinstance(legacy, list):
        yield from _legacy_fields("", legacy)


def _schema_members(path: str, schema: dict[str, Any], walk: SchemaWalk, seen: References) -> Iterator[DeclaredField]:
    """Walk the members of an object schema and the items of an array schema."""
    for variant, refs in walk.variants(schema, seen):
        properties = variant.get("properties")
        if isinstance(properties, dict):
            for name, child in properties.items():
                if isinstance(child, dict):
                    child_path = member(path, name)
                    yield _schema_field(child_path, name, child, walk)
                    yield from _schema_members(child_path, child, walk, refs)
        items = variant.get("items")
        if isinstance(items, dict):
            item_path = item(path, None)
            yield _schema_field(item_path, None, items, walk)
            yield from _schema_members(item_path, items, walk, refs)


def _schema_field(path: str, name: str | None, schema: dict[str, Any], walk: SchemaWalk) -> DeclaredField:
    parts = [part for part, _ in walk.variants(schema, ())]
    types: list[str] = []
    enum: Any = None
    extend_type = description = None
    for variant in parts:
        declared = variant.get("type")
        for name_of_type in declared if isinstance(declared, list) else [declared]:
            if isinstance(name_of_type, str) and name_of_type not in types:
                types.append(name_of_type)
        enum = variant.get("enum") if enum is None else enum
        extend_type = extend_type or text_or_none(variant.get("extend:type"))
        description = description or text_or_none(variant.get("description"))
    nullable = "null" in types or (isinstance(enum, list) and None in enum)
    value_type = "|".join(kind for kind in types if kind != "null") or None
    enum_values = encode_json(enum) if enum is not None else None
    return DeclaredField(path, None, name, value_type, extend_type, nullable, description, enum_values)


def _legacy_fields(path: str, fields: list[Any]) -> Iterator[DeclaredField]:
    for field in objects_in(fields):
        name = text_or_none(field.get("name")) or text_or_none(field.get("id"))
        if name is None:
            continue
        field_path = member(path, name)
        kind = text_or_none(field.get("type"))
        extend_type = kind if kind in _EXTEND_TYPES else None
        enum = encode_json(field["enum"]) if field.get("enum") is not None else None
        description = text_or_none(field.get("description"))
        field_id = text_or_none(field.get("id"))
        yield DeclaredField(field_path, field_id, name, kind, extend_type, None, description, enum)
        nested = field.get("schema")
        if isinstance(nested, list):
            inner = item(field_path, None) if kind == "array" else field_path
            yield from _legacy_fields(inner, nested)
