"""All that a user may need is exported from `extend_source` itself."""

from __future__ import annotations

import builtins
import inspect
import re
from collections.abc import Iterator

import pytest

import extend_source
from extend_source import errors
from extend_source.ingest.resolution import Arguments

DLT = {"ConfigurationValueError", "PipelineStepFailed"}
"""dlt's own errors, which a user imports from dlt."""


def documented(name: str) -> Iterator[object]:
    """The public object of a name and, where it is a class, what it has of its own."""
    public = getattr(extend_source, name)
    yield public
    if inspect.isclass(public):
        yield from vars(public).values()


def raised_by(public: object) -> set[str]:
    """The errors that a docstring names under Raises."""
    section = re.search(r"^Raises:\n((?: +.*\n?|\n)+)", inspect.getdoc(public) or "", flags=re.MULTILINE)
    return set(re.findall(r"^ {4}(\w+):", section.group(1), flags=re.MULTILINE)) if section else set()


def classes_of_errors() -> list[type[errors.ExtendError]]:
    return [
        value for value in vars(errors).values() if inspect.isclass(value) and issubclass(value, errors.ExtendError)
    ]


def test_every_name_of_the_face_is_there_in_order():
    assert list(extend_source.__all__) == sorted(extend_source.__all__)
    assert [name for name in extend_source.__all__ if not hasattr(extend_source, name)] == []


def test_the_errors_of_a_docstring_are_read():
    assert {"SyncUnderWay", "TooManyErrors", "PipelineStepFailed"} <= raised_by(extend_source.sync)
    assert raised_by(extend_source.StatusResult) == set()


@pytest.mark.parametrize("name", extend_source.__all__)
def test_every_error_that_a_public_function_raises_is_exported(name: str):
    raised = set().union(*(raised_by(public) for public in documented(name)))

    assert raised - DLT - set(dir(builtins)) <= set(extend_source.__all__)


def test_every_error_stands_on_one_branch_of_the_tree():
    branches = (errors.ApiError, errors.UsageError, errors.SyncError)
    above = {errors.ExtendError, errors.ExtendTransientError, errors.ExtendTerminalError}
    for error in set(classes_of_errors()) - above:
        assert sum(issubclass(error, branch) for branch in branches) == 1, error.__name__


def test_the_tree_in_the_docstring_is_the_tree_of_the_classes():
    drawn = re.findall(r"^ {4}((?:[│ ] {3})*)[├└]── (\w+)( +T )?", errors.__doc__ or "", flags=re.MULTILINE)
    parents: list[str] = ["ExtendError"]
    for indent, name, transient in drawn:
        depth = len(indent) // 4 + 1
        parents[depth:] = [name]
        error = getattr(errors, name)
        assert parents[depth - 1] in {base.__name__ for base in error.__mro__[1:]}, name
        assert issubclass(error, errors.ExtendTransientError) == bool(transient), name
    marks = {"ExtendError", "ExtendTransientError", "ExtendTerminalError"}
    assert {name for _, name, _ in drawn} == {error.__name__ for error in classes_of_errors()} - marks


def test_editors_know_every_setting_that_functions_take_by_name() -> None:
    parameters = inspect.signature(extend_source.extend_source).parameters
    assert set(Arguments.__annotations__) == parameters.keys() - {"run_ids", "session", "unknown"}
