"""Reads query parameters; what is not allowed is a 400."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from starlette.requests import Request

from extend_source.sandbox.problems import ApiError
from extend_source.sandbox.queries import SortBy, SortDir

SORT_BY: tuple[SortBy, ...] = ("updatedAt", "createdAt")
SORT_DIR: tuple[SortDir, ...] = ("asc", "desc")

Choice = TypeVar("Choice", bound=str)


def text(request: Request, name: str) -> str | None:
    """Return a parameter, or None when it is not given.

    Raises:
        ApiError: 400 when it is given twice.
    """
    values = request.query_params.getlist(name)
    if len(values) > 1:
        raise ApiError(400, f"{name} may be given once.")
    return values[0] if values else None


def choice(request: Request, name: str, allowed: Sequence[Choice]) -> Choice | None:
    """Return a parameter that takes one of some values, or None when it is not given.

    Raises:
        ApiError: 400 for another value.
    """
    given = text(request, name)
    if given is None:
        return None
    for value in allowed:
        if given == value:
            return value
    raise ApiError(400, f"{name} must be one of {', '.join(allowed)}.")


def flag(request: Request, name: str) -> bool:
    """Return a parameter that is ``true`` or ``false``; False when it is not given."""
    return choice(request, name, ("true", "false")) == "true"


def sort_by(request: Request) -> SortBy:
    """Return ``sortBy``, ``updatedAt`` when it is not given."""
    return choice(request, "sortBy", SORT_BY) or "updatedAt"


def sort_dir(request: Request) -> SortDir:
    """Return ``sortDir``, ``desc`` when it is not given."""
    return choice(request, "sortDir", SORT_DIR) or "desc"
