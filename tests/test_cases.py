"""Each input that once went wrong has a test, and each test of one says which."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.cases import CASES

TESTS = Path(__file__).parent


def marked_cases() -> Iterator[tuple[str, str]]:
    """Yield the number and the place of each ``@pytest.mark.case(...)``."""
    for module in sorted(TESTS.rglob("test_*.py")):
        for node in ast.walk(ast.parse(module.read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.case":
                for number in node.args:
                    yield ast.literal_eval(number), f"{module.relative_to(TESTS)}:{node.lineno}"


def test_each_case_has_a_test() -> None:
    assert set(CASES) - {number for number, _ in marked_cases()} == set()


def test_each_test_of_a_case_names_one_that_is_listed() -> None:
    assert [(number, place) for number, place in marked_cases() if number not in CASES] == []
