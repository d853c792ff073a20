"""What becomes of a payload from the wire, without any network or destination."""

from __future__ import annotations

import json
from typing import Any

from extend_source.api import CARRIED, lists_of
from extend_source.api.endpoints import endpoints_for
from extend_source.tables import Flattener, Origin
from extend_source.text.json_codec import decode_json
from tests.leaves import missing_leaves
from tests.tables.flat import NOW, cells, rows_of


def landed(object_type: str, payload: dict[str, Any], api_version: str) -> dict[str, list[dict[str, Any]]]:
    """Return the rows that a payload gives, by table."""
    wire = decode_json(json.dumps(payload).encode())
    adapted = endpoints_for(api_version, object_type, payload["id"])[0].adapt(wire)
    flattener = Flattener()
    origin = Origin(api_version, "ws_1", NOW)
    flattener.add(object_type, {key: value for key, value in adapted.items() if key != CARRIED}, origin)
    return rows_of(flattener)


def lost_of_list(object_type: str, summary: dict[str, Any], api_version: str) -> list[str]:
    """Name the places of a row of a list whose values have landed nowhere."""
    wire = decode_json(json.dumps(summary).encode())
    flattener = Flattener()
    flattener.add_summary(object_type, lists_of(api_version, object_type)[0].adapt_summary(wire), "ws_1", NOW)
    return [place for place, _ in missing_leaves(summary, cells(rows_of(flattener)))]


def lost(object_type: str, payload: dict[str, Any], api_version: str) -> list[str]:
    """Name the places of a payload whose values have landed nowhere."""
    tables = landed(object_type, payload, api_version)
    return [place for place, _ in missing_leaves(payload, cells(tables))]
