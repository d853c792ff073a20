"""Writing figures and times as people do."""

from __future__ import annotations

from datetime import datetime, timezone
from decimal import Decimal
from typing import Any


def figure(value: Any) -> str:
    """Write a value for people: thousands apart, decimals without padding, None as unknown."""
    if value is None:
        return "unknown"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, Decimal):
        text = f"{value:,f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    return str(value)


def counted(number: int, noun: str) -> str:
    """Write a number of things: ``1 run``, ``2,000 runs``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def duration(seconds: float) -> str:
    """Write a number of seconds as people say it: ``8 s``, ``3 min 20 s``, ``2 h 5 min``, ``4 d 2 h``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    if whole < 48 * 3600:
        return f"{whole // 3600} h {whole % 3600 // 60} min"
    return f"{whole // 86_400} d {whole % 86_400 // 3600} h"


def moment(time: datetime) -> str:
    """Write a time in UTC to the second."""
    return f"{time.astimezone(timezone.utc):%Y-%m-%d %H:%M:%S} UTC"


def megabytes(count: int) -> str:
    """Write a number of bytes: ``5.2 MB``."""
    return f"{count / 1e6:.1f} MB"
