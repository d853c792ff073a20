"""Seeded values for the fields of a schema: what a reader would have found in a document."""

from __future__ import annotations

import random
from datetime import date, timedelta
from typing import Any

from extend_source.sandbox.records import Json
from extend_source.sandbox.seeding import chance

_WORDS = (
    *("binder", "paper", "carton", "pallet", "label", "printer", "toner", "cable", "bracket", "valve"),
    *("gasket", "filter", "pump", "sensor", "relay", "switch", "bolt", "washer", "adhesive", "solvent"),
    *("coating", "timber", "panel", "hinge", "lamp", "module", "service", "freight", "storage", "handling"),
)
_CITIES = ("Northport", "Eastham", "Westfield", "Südhausen", "Łąka", "São Vento", "東町")
_CURRENCIES = ("EUR", "USD", "GBP", "JPY")
_FIRST_DAY = date(2025, 1, 1)

_MISSING = object()
_NULL_SHARE = 0.06
_ABSENT_SHARE = 0.08


def words(rng: random.Random, count: int) -> str:
    """Return ``count`` words."""
    return " ".join(rng.choice(_WORDS) for _ in range(count))


def amount(rng: random.Random, most: int = 500_000) -> float:
    """Return an amount of money with two decimals, at most ``most`` hundredths."""
    return rng.randrange(1, most) / 100


def day(rng: random.Random) -> str:
    """Return a date as ``YYYY-MM-DD``."""
    return (_FIRST_DAY + timedelta(days=rng.randrange(500))).isoformat()


def currency(rng: random.Random, most: int = 500_000) -> Json:
    """Return a currency value as the API writes it."""
    return {"amount": amount(rng, most), "iso_4217_currency_code": rng.choice(_CURRENCIES)}


def signature(rng: random.Random) -> Json:
    """Return a signature value; an unsigned one has nulls."""
    signed = chance(rng, 0.7)
    return {
        "printed_name": f"Signatory {rng.randrange(100):03d}" if signed else None,
        "signature_date": day(rng) if signed else None,
        "is_signed": signed,
        "title_or_role": rng.choice(("Buyer", "Head of Purchasing", None)) if signed else None,
    }


def text(rng: random.Random, name: str) -> str:
    """Return a text that fits a field's name."""
    lowered = name.lower()
    if "number" in lowered or "no." in lowered or "sku" in lowered:
        return f"{name[:2].upper()}-{rng.randrange(10**6):06d}"
    if "city" in lowered:
        return rng.choice(_CITIES)
    if "country" in lowered:
        return rng.choice(("DE", "US", "PL", "JP"))
    if "name" in lowered:
        return f"Supplier {rng.randrange(1000):03d}"
    if lowered in ("notes", "text", "metadata", "description"):
        return _long_text(rng)
    return words(rng, rng.randrange(1, 4))


def _long_text(rng: random.Random) -> str:
    extra = ("", '\nSecond line, with a "quoted" word', " — 50 % à 3 €", "\tafter a tab", " 📦")
    return words(rng, rng.randrange(3, 9)).capitalize() + "." + rng.choice(extra)


def number(rng: random.Random) -> int | float:
    """Return a number: mostly small, sometimes whole, negative, tiny or large."""
    shape = rng.randrange(8)
    if shape == 0:
        return -amount(rng)
    if shape == 1:
        return rng.randrange(10**12)
    if shape == 2:
        return rng.randrange(1, 1000) / 10**6
    if shape == 3:
        return 0
    return rng.randrange(1, 10**5) / (1, 10, 100, 1000)[rng.randrange(4)]


class SchemaSampler:
    """Draws values that conform to a JSON Schema of the kind Extend's processors use.

    Args:
        schema: The whole schema, where ``$ref`` is looked up.
        rng: Where values come from.
        max_items: The largest number of items of an array.
    """

    def __init__(self, schema: Json, rng: random.Random, max_items: int = 5) -> None:
        self._root = schema
        self._rng = rng
        self._max_items = max_items

    def document(self) -> Json:
        """Return one value of the whole schema."""
        return self._object(self._root)

    def _value(self, schema: Json, name: str) -> Any:
        schema = self._resolve(schema)
        rng = self._rng
        special = self._special(schema)
        if special is not _MISSING:
            return special
        kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        if "null" in kinds and chance(rng, _NULL_SHARE):
            return None
        kind = kinds[0]
        if kind == "object":
            return self._object(schema)
        if kind == "array":
            return [self._value(schema["items"], name) for _ in range(rng.randrange(self._max_items + 1))]
        if kind == "string":
            return text(rng, name)
        if kind == "boolean":
            return chance(rng, 0.5)
        return rng.randrange(100) if kind == "integer" else number(rng)

    def _special(self, schema: Json) -> Any:
        """Return the value of an enum or of one of Extend's own types, or the marker for none of these."""
        rng = self._rng
        if "enum" in schema:
            return rng.choice(schema["enum"])
        kind = schema.get("extend:type")
        if kind == "currency":
            return currency(rng)
        if kind == "signature":
            return signature(rng)
        if kind == "date":
            return None if chance(rng, _NULL_SHARE) else day(rng)
        return _MISSING

    def _object(self, schema: Json) -> Json:
        required = schema.get("required", ())
        return {
            name: self._value(inner, name)
            for name, inner in schema["properties"].items()
            if name in required or not chance(self._rng, _ABSENT_SHARE)
        }

    def _resolve(self, schema: Json) -> Json:
        if "$ref" in schema:
            target: Any = self._root
            for step in schema["$ref"].removeprefix("#/").split("/"):
                target = target[step]
            return self._resolve(target)
        if "anyOf" in schema:
            options = [option for option in schema["anyOf"] if option.get("type") != "null"]
            if len(options) < len(schema["anyOf"]) and chance(self._rng, 0.2):
                return {"type": "null", "enum": [None]}
            return self._resolve(self._rng.choice(options))
        return schema


def legacy_value(rng: random.Random, field: Json) -> Any:
    """Return a value for a field of the legacy list.

    Args:
        rng: Where values come from.
        field: An ``ExtractionField``; arrays are lists of objects keyed by column name.
    """
    kind = field["type"]
    if kind == "array":
        return [_legacy_object(rng, field["schema"]) for _ in range(rng.randrange(4))]
    if kind == "object":
        return _legacy_object(rng, field["schema"])
    if chance(rng, _NULL_SHARE):
        return None
    makers: dict[str, Any] = {
        "currency": lambda: currency(rng),
        "signature": lambda: signature(rng),
        "date": lambda: day(rng),
        "boolean": lambda: chance(rng, 0.5),
        "number": lambda: number(rng),
        "enum": lambda: rng.choice(field["enum"])["value"] if field.get("enum") else None,
        "string": lambda: text(rng, field["name"]),
    }
    return makers[kind]()


def _legacy_object(rng: random.Random, fields: list[Json]) -> Json:
    return {field["name"]: legacy_value(rng, field) for field in fields}
