"""The days of a credit report."""

from __future__ import annotations

from datetime import date, timedelta

from extend_source.error_codes import ErrorCode
from extend_source.errors import UsageError

DAYS = 90
"""How many days a report covers unless told otherwise."""

EARLIEST = date(1970, 1, 1)


def resolved_span(first_day: date | None, last_day: date | None, today: date) -> tuple[date, date]:
    """Return the first and the last day of a report.

    Args:
        first_day: the first day; None: 89 days before the last one.
        last_day: the last day; None: today.
        today: the day, UTC.

    Raises:
        UsageError: the first day comes after the last one, or a day is long before there was any run.
    """
    last = today if last_day is None else last_day
    for day in (last, first_day or last):
        if day < EARLIEST:
            raise UsageError(
                f"There are no runs from {day}", f"Take a day from {EARLIEST} on", error_code=ErrorCode.BAD_COMMAND
            )
    first = first_day or max(EARLIEST, last - timedelta(days=DAYS - 1))
    if first > last:
        raise UsageError(
            f"The first day, {first}, comes after the last one, {last}",
            "Change --from or --to",
            error_code=ErrorCode.BAD_COMMAND,
        )
    return first, last
