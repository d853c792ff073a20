"""What reaches dlt's log."""

from __future__ import annotations

import logging

import pytest

from extend_source.pipeline.hints import silence_expected_warnings


@pytest.mark.case("S5")
def test_log_lines_have_nothing_that_a_terminal_obeys(caplog: pytest.LogCaptureFixture) -> None:
    silence_expected_warnings()
    with caplog.at_level(logging.WARNING, "dlt"):
        logging.getLogger("dlt").warning("field %s\n  of \x1b]0;owned\x07 \u202ename", "a\x9b31m")
        logging.getLogger("dlt").warning("type of a when merging arrow schema with dlt schema")

    assert [record.getMessage() for record in caplog.records] == ["field a�31m\n  of �]0;owned� �name"]
