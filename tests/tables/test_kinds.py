"""JSON values into column values."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extend_source.tables.kinds import to_integer, to_json, to_number, to_timestamp

UTC = timezone.utc


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2024-03-21T15:30:00Z", datetime(2024, 3, 21, 15, 30, tzinfo=UTC)),
        ("2024-03-21T15:30:00.5Z", datetime(2024, 3, 21, 15, 30, 0, 500000, tzinfo=UTC)),
        ("2024-03-21T15:30:00.123456789+02:00", datetime(2024, 3, 21, 13, 30, 0, 123456, tzinfo=UTC)),
        ("2024-03-21T15:30:00", datetime(2024, 3, 21, 15, 30, tzinfo=UTC)),
    ],
)
def test_times_are_read_in_every_form_the_api_sends(text: str, moment: datetime) -> None:
    assert to_timestamp(text) == moment


@given(st.datetimes(min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30)), st.integers(-14, 14))
def test_any_time_with_any_offset_keeps_its_instant(moment: datetime, hours: int) -> None:
    aware = moment.replace(tzinfo=timezone(timedelta(hours=hours)))

    assert to_timestamp(aware.isoformat()) == aware


@pytest.mark.parametrize("value", ["", "soon", "2024-03-21", 5, None, [], "2024-13-21T15:30:00Z"])
def test_what_is_no_time_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r"."):
        to_timestamp(value)


@pytest.mark.parametrize("value", [30, 30.0])
def test_whole_numbers_come_with_or_without_a_decimal_point(value: Any) -> None:
    assert to_integer(value) == 30


@pytest.mark.parametrize("value", [30.5, "30", True, None, 2**63, float("inf"), []])
def test_what_is_no_64_bit_whole_number_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r"."):
        to_integer(value)


@pytest.mark.parametrize("value", ["1.5", True, None, 10**400, float("nan")])
def test_what_is_no_float_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r"."):
        to_number(value)


def test_json_is_written_without_download_links() -> None:
    assert to_json({"presignedUrl": "x", "list": [{"presignedUrl": "y", "kept": 1}]}) == '{"list":[{"kept":1}]}'
