"""Writing figures, times and the texts of third parties for people."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

UNPRINTABLE = "\ufffd"
"""What people see in the place of a character that is not shown but obeyed, or that nobody can see."""

_BREAKS = re.compile("\r\n|[\t-\r\x85\u2028\u2029]")
# C0, DEL and C1 controls; what turns the direction of writing; what is invisible, such as soft hyphens, zero width
# spaces, fillers and tags; halves of surrogate pairs. Joiners and variation selectors stay: scripts and emoji need
# them, and they move nothing.
_CONTROLS = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f"
    "\u3164\ud800-\udfff\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e00ff"
    "\U000e01f0-\U000e0fff]"
)


def printable(text: str) -> str:
    """Write a text so that a terminal, a browser or a log shows it and obeys nothing in it.

    Everything that people read goes through here: output, progress, the page, log lines, and messages of one line
    that are stored. The values of data tables, JSON and CSV do not: they stay exact.

    Args:
        text: any text, such as a name that a third party has chosen.

    Returns:
        The text on one line: tabs and ends of lines are spaces; controls and invisible characters are `UNPRINTABLE`.
    """
    return _CONTROLS.sub(UNPRINTABLE, _BREAKS.sub(" ", text))


def one_line(text: str) -> str:
    """Write a message on one line, `printable` and without doubled spaces."""
    return " ".join(printable(text).split())


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


def sentence(text: str) -> str:
    """End a text with a full stop, unless it has its end."""
    text = text.strip()
    return text if not text or text[-1] in ".!?" else f"{text}."


def rounded_credits(value: Decimal) -> str:
    """Write credits in a sentence: to one decimal, and what is less not as none."""
    return figure(round(value, 1) or value)


def counted(number: int, noun: str) -> str:
    """Write a number of things: ``1 run``, ``2,000 runs``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def noun_of(object_type: str) -> str:
    """What people call an object of a type."""
    return "run" if object_type == "processor_run" else object_type.replace("_", " ")


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
