"""Compares JSON with the declared types of the vendor's SDK, strictly.

The SDK itself is forgiving: it builds its models without validation, keeps keys it does not know, and takes the first
member of a union that does not raise. So a payload that merely goes through it proves little. `problems` walks the
type annotations instead and reports every unknown key, missing key, wrong type and unknown enum value.
"""

from __future__ import annotations

import datetime as dt
import enum
import functools
import inspect
import types
import typing
from typing import Any

import pydantic
import typing_extensions
from extend_ai.core import serialization
from extend_ai.core.unchecked_base_model import construct_type

# the SDK works out anew what the types of a model mean for each object that it reads
serialization.typing_extensions = types.SimpleNamespace(  # type: ignore[assignment]
    **{**vars(typing_extensions), "get_type_hints": functools.cache(typing_extensions.get_type_hints)}
)

_SIMPLE: dict[Any, tuple[type, ...]] = {str: (str,), bool: (bool,), int: (int,), float: (int, float)}


_TIMES = frozenset({"createdAt", "updatedAt", "initialRunAt", "startTime", "endTime", "reviewedAt"})


def problems(declared: Any, value: Any, path: str = "$") -> list[str]:
    """Return what is wrong with a JSON value, compared with a type of the SDK; an empty list is a fit."""
    origin = typing_extensions.get_origin(declared)
    if origin is typing_extensions.Annotated:
        return problems(typing_extensions.get_args(declared)[0], value, path)
    if declared is Any:
        return []
    if origin in (typing.Union, types.UnionType):
        return _union_problems(typing_extensions.get_args(declared), value, path)
    if origin is typing.Literal:
        known = typing_extensions.get_args(declared)
        return [] if value in known else [f"{path}: {value!r} is not one of {known}"]
    if inspect.isclass(declared) and issubclass(declared, enum.Enum):
        known = tuple(member.value for member in declared if member.name != "_UNKNOWN")
        return [] if value in known else [f"{path}: {value!r} is not one of {known}"]
    if origin is list:
        return _list_problems(typing_extensions.get_args(declared)[0], value, path)
    if origin is dict:
        return _map_problems(typing_extensions.get_args(declared)[1], value, path)
    if inspect.isclass(declared) and issubclass(declared, pydantic.BaseModel):
        return _model_problems(declared, value, path)
    return _simple_problems(declared, value, path)


def _union_problems(members: tuple[Any, ...], value: Any, path: str) -> list[str]:
    if value is None:
        return [] if type(None) in members else [f"{path}: null is not allowed"]
    # an enum that may grow is declared as Union[Literal[...], Any]; only the values known today count here
    closed = [member for member in members if member is not Any and member is not type(None)]
    if not closed:
        return []  # Optional[Any]: a value of the customer's own
    fewest = None
    for member in _of_its_type(closed, value):
        found = problems(member, value, path)
        if not found:
            return []
        fewest = found if fewest is None or len(found) < len(fewest) else fewest
    return fewest or []


def _of_its_type(members: list[Any], value: Any) -> list[Any]:
    """Return the member whose ``type`` a value has, else all: next to models a union may have a free object."""
    if not isinstance(value, dict):
        return members
    tagged = [
        member
        for member in members
        if inspect.isclass(member)
        and issubclass(member, pydantic.BaseModel)
        and "type" in member.model_fields
        and typing_extensions.get_origin(member.model_fields["type"].annotation) is typing.Literal
        and value.get("type") in typing_extensions.get_args(member.model_fields["type"].annotation)
    ]
    return tagged or members


def _list_problems(item_type: Any, value: Any, path: str) -> list[str]:
    if not isinstance(value, list):
        return [f"{path}: {type(value).__name__} instead of an array"]
    return [found for index, item in enumerate(value) for found in problems(item_type, item, f"{path}[{index}]")]


def _map_problems(item_type: Any, value: Any, path: str) -> list[str]:
    if not isinstance(value, dict):
        return [f"{path}: {type(value).__name__} instead of an object"]
    return [found for key, item in value.items() for found in problems(item_type, item, f"{path}.{key}")]


def _model_problems(model: type[pydantic.BaseModel], value: Any, path: str) -> list[str]:
    if not isinstance(value, dict):
        return [f"{path}: {type(value).__name__} instead of {model.__name__}"]
    fields = {field.alias or name: field for name, field in model.model_fields.items()}
    found = [f"{path}.{key}: unknown to {model.__name__}" for key in value if key not in fields]
    for key, field in fields.items():
        if key in value:
            found.extend(problems(field.annotation, value[key], f"{path}.{key}"))
        elif field.is_required():
            found.append(f"{path}.{key}: missing in {model.__name__}")
    return found


def _simple_problems(declared: Any, value: Any, path: str) -> list[str]:
    if declared is dt.datetime:
        try:
            moment = dt.datetime.fromisoformat(value.replace("Z", "+00:00"))
        except (AttributeError, ValueError):
            return [f"{path}: {value!r} is not a time"]
        return [] if moment.tzinfo else [f"{path}: {value!r} has no time zone"]
    allowed = _SIMPLE[declared]
    fits = isinstance(value, allowed) and (declared is bool or not isinstance(value, bool))
    return [] if fits else [f"{path}: {value!r} is not a {declared.__name__}"]


def through_sdk(model: type[pydantic.BaseModel], payload: dict[str, Any]) -> dict[str, Any]:
    """Return a payload after the SDK has parsed it and written it out again, with times as instants."""
    return instants(construct_type(type_=model, object_=payload).dict())


def instants(value: Any) -> Any:
    """Return JSON with every time, parsed or text, as a number of seconds, so that two spellings are equal."""
    if isinstance(value, dict):
        return {
            key: _instant(inner) if key in _TIMES and inner is not None else instants(inner)
            for key, inner in value.items()
        }
    if isinstance(value, list):
        return [instants(inner) for inner in value]
    return value


def _instant(value: Any) -> float:
    moment = dt.datetime.fromisoformat(value.replace("Z", "+00:00")) if isinstance(value, str) else value
    return moment.timestamp()
