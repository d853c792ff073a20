"""The extraction schemas of the sample processors: JSON Schema and the legacy field list."""

from __future__ import annotations

from typing import Any

from extend_source.sandbox.records import Json


def _nullable(kind: str, description: str, **more: Any) -> Json:
    return {"type": [kind, "null"], "description": description, **more}


def _date(description: str) -> Json:
    return _nullable("string", description, **{"extend:type": "date"})


def _currency(description: str) -> Json:
    return {
        "type": "object",
        "extend:type": "currency",
        "description": description,
        "properties": {
            "amount": {"type": ["number", "null"]},
            "iso_4217_currency_code": {"type": ["string", "null"]},
        },
        "required": ["amount", "iso_4217_currency_code"],
        "additionalProperties": False,
    }


def _signature(description: str) -> Json:
    return {
        "type": "object",
        "extend:type": "signature",
        "description": description,
        "properties": {
            "printed_name": {"type": ["string", "null"]},
            "signature_date": {"type": ["string", "null"], "extend:type": "date"},
            "is_signed": {"type": ["boolean", "null"]},
            "title_or_role": {"type": ["string", "null"]},
        },
        "required": ["printed_name", "signature_date", "is_signed", "title_or_role"],
        "additionalProperties": False,
    }


def _object(properties: Json, required: list[str] | None = None) -> Json:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties) if required is None else required,
        "additionalProperties": False,
    }


def _array(items: Json, description: str) -> Json:
    return {"type": "array", "description": description, "items": items}


_ADDRESS = _object(
    {
        "street": _nullable("string", "Street and number"),
        "city": _nullable("string", "City"),
        "postal_code": _nullable("string", "Postal code, as printed"),
        "country_code": _nullable("string", "ISO 3166-1 alpha-2"),
    }
)


def invoice_schema(version: int) -> Json:
    """Return the invoice schema; each of its three versions adds to the one before.

    Args:
        version: 1 is flat with line items, 2 adds addresses by ``$ref``, tax and enums, 3 adds a signature
            and lists of plain values.
    """
    line_item = {
        "sku": _nullable("string", "Article number"),
        "description": _nullable("string", "What was sold"),
        "quantity": _nullable("number", "Quantity, may be fractional"),
        "unit_price": _currency("Price of one unit"),
        "amount": _currency("Price of the line"),
    }
    properties: Json = {
        "invoice_number": _nullable("string", "The number the supplier gave the invoice"),
        "invoice_date": _date("When it was issued"),
        "vendor": _object({"name": _nullable("string", "Legal name"), "tax_id": _nullable("string", "VAT id")}),
        "line_items": _array(_object(line_item), "One entry a line, in reading order"),
        "total": _currency("What is to be paid"),
    }
    if version >= 2:
        properties["vendor"]["properties"]["address"] = {"$ref": "#/$defs/address"}
        properties["bill_to"] = {"$ref": "#/$defs/address"}
        properties["due_date"] = _date("When it is to be paid")
        properties["payment_terms"] = {
            "enum": ["prepaid", "net_14", "net_30", "net_60", None],
            "description": "Agreed terms of payment",
        }
        properties["tax"] = _currency("Sum of all taxes")
        line_item["tax_rate"] = _nullable("number", "Percent")
    if version >= 3:
        properties["is_credit_note"] = _nullable("boolean", "True for a credit note")
        properties["purchase_order_numbers"] = _array(_nullable("string", "A number"), "All orders named")
        properties["page_total"] = _nullable("integer", "Number of pages as printed")
        properties["approval"] = _signature("Approval stamp")
        properties["notes"] = _nullable("string", "Anything else")
    schema = _object(properties)
    if version >= 2:
        schema["$defs"] = {"address": _ADDRESS}
    return schema


def odd_names_schema(version: int) -> Json:
    """Return a schema whose field names are as awkward as JSON allows.

    Names differ only in case, contain what the path grammar uses as separators, and two different places of
    the document (``net.weight`` and ``net`` / ``weight``) have the same path in the output's metadata.

    Args:
        version: 2 adds arrays of arrays.
    """
    properties: Json = {
        "Delivery Note No.": _nullable("string", "With a space and a dot"),
        "Gross Weight (kg)": _nullable("number", "With brackets and a unit"),
        "items[0]": _nullable("string", "Looks like a path"),
        "net.weight": _nullable("number", "Looks like a nested field"),
        "net": _object({"weight": _nullable("number", "A nested field")}),
        'the "quoted" one': _nullable("string", "With double quotes"),
        "it's": _nullable("string", "With a single quote"),
        "Größe / Straße": _nullable("string", "Not ASCII"),
        "納品日": {**_date("Delivery date"), "title": "Delivery date"},
        "total": _nullable("number", "Lower case"),
        "Total": _nullable("number", "Title case"),
        "TOTAL": _nullable("string", "Upper case, and not even the same type"),
        "_dlt_id": _nullable("string", "The name of a column of the loader"),
        "run_id": _nullable("string", "The name of a key column"),
        "select": _nullable("string", "A word of SQL"),
        "1st stop": _nullable("string", "Starts with a digit"),
        "back\\slash": _nullable("string", "With a backslash"),
        "Packages": _array(
            _object({"Package No": _nullable("string", "No."), "package_no": _nullable("integer", "No.")}),
            "Two names that become the same in snake case",
        ),
    }
    if version >= 2:
        properties["Measured Grid"] = _array(
            _array(_nullable("number", "A cell"), "A row"), "Rows of measured values, of unequal length"
        )
        properties["Pallets"] = _array(
            _object({"layers": _array(_array(_nullable("string", "A label"), "A layer"), "Layers")}),
            "Pallets",
        )
    return _object(properties, required=["Delivery Note No.", "total", "Total", "TOTAL"])


def contract_schema(version: int) -> Json:
    """Return the contract schema: deep nesting, several signatures, long texts."""
    party = {
        "name": _nullable("string", "Name of the party"),
        "role": {"enum": ["buyer", "seller", "guarantor", None], "description": "Role"},
        "signature": _signature("The party's signature"),
    }
    properties: Json = {
        "title": _nullable("string", "Title"),
        "effective_date": _date("First day"),
        "parties": _array({"$ref": "#/$defs/party"}, "All parties"),
        "governing_law": _nullable("string", "Law"),
        "auto_renewal": _nullable("boolean", "Renews by itself"),
        "obligations": _array(
            _object(
                {
                    "text": _nullable("string", "The clause"),
                    "deadlines": _array(_object({"date": _date("By when"), "penalty": _currency("Or else")}), "When"),
                }
            ),
            "What has to be done",
        ),
    }
    if version >= 2:
        properties["liability_cap"] = {
            "anyOf": [_currency("The cap"), {"type": "null"}],
            "description": "Upper limit of liability",
        }
    return {**_object(properties), "$defs": {"party": _object(party)}}


def price_list_schema() -> Json:
    """Return the schema used on spreadsheets: one wide array."""
    row = {
        "Artikel": _nullable("string", "Article"),
        "group": {"type": ["string", "null"], "enum": ["A", "B", "C", None], "description": "Group"},
        "list_price": _nullable("number", "Price"),
        "valid_from": _date("First day"),
        "in_stock": _nullable("boolean", "Available"),
    }
    return _object({"currency": _nullable("string", "ISO 4217"), "rows": _array(_object(row), "All rows")})


def _field(number: int, name: str, kind: str, description: str, **more: Any) -> Json:
    return {"id": f"field_{number:02d}", "name": name, "type": kind, "description": description, **more}


def legacy_fields(version: int) -> list[Json]:
    """Return the field list of the claims processor (the format before JSON Schema).

    Args:
        version: 2 adds two fields of the same name (the output then has their ids as keys) and fields that
            are called ``value`` and ``metadata`` like the envelope of a JSON Schema output.
    """
    cost_columns = [
        _field(51, "Item", "string", "What was damaged"),
        _field(52, "Cost", "currency", "Cost of repair"),
        _field(53, "Date", "date", "When"),
    ]
    holder = [_field(61, "Policy Number", "string", "No."), _field(62, "Insured Since", "date", "Since")]
    kinds = [
        {"value": "water", "description": "Water damage"},
        {"value": "fire", "description": "Fire damage"},
        {"value": "other", "description": "Anything else"},
    ]
    fields = [
        _field(1, "Claim Number", "string", "Number of the claim"),
        _field(2, "Amount Claimed", "currency", "The sum claimed"),
        _field(3, "Number of Photos", "number", "Photos enclosed"),
        _field(4, "Police Report", "boolean", "Was the police called"),
        _field(5, "Kind of Damage", "enum", "Kind", enum=kinds),
        _field(6, "Policy Holder", "object", "The insured", schema=holder),
        _field(7, "Costs", "array", "Table of costs", schema=cost_columns),
        _field(8, "Signature", "signature", "Signature of the claimant", schema=[]),
    ]
    if version == 1:
        return [*fields, _field(9, "Date", "date", "Date of damage")]
    return [
        *fields,
        _field(9, "Date", "date", "Date of damage"),
        _field(10, "Date", "date", "Date of the claim"),
        _field(11, "value", "string", "Value class"),
        _field(12, "metadata", "string", "Remarks"),
    ]
