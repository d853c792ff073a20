"""The requests for one object, and what their answers hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from extend_source.api.adapters import Payload
from extend_source.api.endpoint import Endpoint
from extend_source.api.evidence import Call
from extend_source.api.paths import path_segment
from extend_source.errors import MalformedResponse
from extend_source.text.json_codec import MemberDecoder, decode_json


def decoder_of(endpoint: Endpoint) -> Callable[[bytes], Any]:
    """Make what decodes the answers of an endpoint."""
    if endpoint.shared is None:
        return decode_json
    decoder = MemberDecoder(endpoint.shared, convert=endpoint.adapt_shared)
    return decoder.decode_object if endpoint.get_key is None else decoder.decode


def call_for(endpoint: Endpoint, object_id: str, parent: str = "") -> Call:
    """Say what to ask for.

    Args:
        endpoint: where the object is read.
        object_id: the object.
        parent: the id of what it is a part of, where the path names it.
    """
    path = endpoint.get_path.format(id=path_segment(object_id), parent=path_segment(parent) if parent else "")
    return Call(endpoint.get_name, path, endpoint.parameters)


def object_in(body: Payload, key: str | None, object_id: str) -> Payload:
    """Take an object out of the body of an answer.

    Raises:
        MalformedResponse: it is not there.
    """
    value = body if key is None else body.get(key)
    if not isinstance(value, dict):
        raise MalformedResponse(f"{object_id}: 200 without a {key} object", status_code=200)
    if value.get("id") != object_id:
        raise MalformedResponse(f"{object_id}: the {key or 'object'} in the answer has another id", status_code=200)
    return value
