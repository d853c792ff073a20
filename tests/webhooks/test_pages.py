"""The pages on webhooks and telemetry are followed as they are written: their commands print what they show."""

from __future__ import annotations

import pytest

from docs.generator.pages import DOCS, check


@pytest.mark.thorough
@pytest.mark.parametrize("name", ["webhooks.md", "telemetry.md"])
def test_the_commands_of_a_page_print_what_it_shows(name: str) -> None:
    assert check([DOCS / "how-to" / name]) == 0, "run: make docs-write"
