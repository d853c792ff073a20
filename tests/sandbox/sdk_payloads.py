"""Makes payloads of the types that the vendor's SDK declares, whichever version of it is imported: every key is filled.

No two values of a payload are equal, so that none can be taken for another one.
"""

from __future__ import annotations

import datetime as dt
import enum
import inspect
import types
import typing
from itertools import count
from typing import Any

import pydantic
import typing_extensions


def payloads(declared: Any) -> list[Any]:
    """Return payloads of a type, in which each member of a union and each value of an enum comes at least once."""
    return _Walk().values(declared)


class _Walk:
    """One walk over a type."""

    def __init__(self) -> None:
        self._numbers = count(11)
        self._open: list[Any] = []

    def values(self, declared: Any) -> list[Any]:
        origin, arguments = typing_extensions.get_origin(declared), typing_extensions.get_args(declared)
        if origin is typing_extensions.Annotated:
            return self.values(arguments[0])
        if origin in (typing.Union, types.UnionType):
            members = [each for each in arguments if each not in (Any, type(None))]
            found = [value for member in members or [Any] for value in self.values(member)]
            return [*found, None] if type(None) in arguments else found
        if origin is typing.Literal:
            return list(arguments)
        if origin is list:
            inner = self.values(arguments[0])
            return [inner, []] if inner else [[]]
        if origin is dict:
            return [{f"key {next(self._numbers)}": value for value in self.values(arguments[1])}]
        if inspect.isclass(declared) and issubclass(declared, enum.Enum):
            return [member.value for member in declared if member.name != "_UNKNOWN"]
        if inspect.isclass(declared) and issubclass(declared, pydantic.BaseModel):
            return self._models(declared)
        return self._scalars(declared)

    def _models(self, model: type[pydantic.BaseModel]) -> list[Any]:
        if model in self._open:
            return []  # it holds itself
        self._open.append(model)
        fields = {field.alias or name: field.annotation for name, field in model.model_fields.items()}
        # each type is walked once, as types of schemas hold many others
        made = {name: values for name, declared in fields.items() if (values := self.values(declared))}
        self._open.pop()
        variants = max(map(len, made.values()), default=1)
        found = [{name: values[place % len(values)] for name, values in made.items()} for place in range(variants)]
        # in one list no two objects are the same one
        return [{**each, **({"id": f"text {next(self._numbers)}"} if "id" in each else {})} for each in found]

    def _scalars(self, declared: Any) -> list[Any]:
        number = next(self._numbers)
        if declared is Any:
            return [f"anything {number}", {f"key {number}": [number]}]
        if declared is dt.datetime:
            return [(dt.datetime(2026, 3, 1, tzinfo=dt.timezone.utc) + dt.timedelta(seconds=number)).isoformat()]
        made: dict[Any, list[Any]] = {
            str: [f"text {number}"],
            int: [number],
            float: [number + 0.25],
            bool: [True, False],
        }
        return made[declared]
