"""The price book: what a credit costs, from which day on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from dlt.common.configuration.exceptions import ConfigurationValueError

from extend_source.config.choices import shown_name, shown_time

_EXAMPLE = '[{"from": "2026-01-01", "credit_price": 0.0125, "currency": "USD", "included_credits": 10000}]'
_KEYS = ("from", "credit_price", "currency", "included_credits")
_DIGITS = {"credit_price": 9, "included_credits": 12}
"""The digits before the point that each takes; after it both take nine, as the views calculate with."""
_SMALLEST = Decimal("0.000000001")


@dataclass(frozen=True)
class Price:
    """The price of a credit.

    Attributes:
        valid_from: the first day on which it holds.
        valid_to: the first day on which it no longer does; None: it still holds.
        credit_price: what a credit costs.
        currency: in which money, for example USD.
        included_credits: credits of a month that cost nothing more.
    """

    valid_from: date
    valid_to: date | None
    credit_price: Decimal
    currency: str
    included_credits: Decimal


def price_book(value: Any) -> tuple[Price, ...]:
    """Read the price book from the setting ``prices``.

    Args:
        value: a list of tables with ``from`` (ISO date), ``credit_price``, ``currency`` and, if some are free,
            ``included_credits`` a month; or such a list as JSON. None: there are no prices.

    Returns:
        The prices in the order of their days, each up to the next one.

    Raises:
        ConfigurationValueError: it is no such list; one line says what is wrong.
    """
    if value is None:
        return ()
    if isinstance(value, str):
        try:
            value = json.loads(value, parse_float=Decimal)
        except ValueError:
            raise ConfigurationValueError(f"prices takes a list, as JSON for example {_EXAMPLE}.") from None
    if not isinstance(value, list | tuple) or not all(isinstance(entry, Mapping) for entry in value):
        raise ConfigurationValueError(f"prices takes a list of prices, for example {_EXAMPLE}.")
    entries = sorted((_entry(entry) for entry in value), key=lambda entry: entry[0])
    days = [entry[0] for entry in entries]
    if len(set(days)) < len(days):
        raise ConfigurationValueError("prices has two prices from the same day on.")
    if len({entry[2] for entry in entries}) > 1:
        raise ConfigurationValueError("prices takes one currency: amounts in several could not be added up.")
    ends = [*days[1:], None]
    return tuple(Price(entry[0], end, *entry[1:]) for entry, end in zip(entries, ends, strict=False))


def _entry(entry: Mapping[str, Any]) -> tuple[date, Decimal, str, Decimal]:
    for key in entry:
        if key not in _KEYS:
            raise ConfigurationValueError(f"prices: a price has {', '.join(_KEYS)}; not {shown_name(key)}.")
    currency = entry.get("currency")
    if not isinstance(currency, str) or not currency.strip():
        raise ConfigurationValueError(f"prices: each price names its currency, for example {_EXAMPLE}.")
    price = _amount("credit_price", entry.get("credit_price"))
    return (
        _day(entry.get("from")),
        price,
        currency.strip(),
        _amount("included_credits", entry.get("included_credits", 0)),
    )


def _day(value: Any) -> date:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        raise ConfigurationValueError(
            f"prices: from takes a day such as 2026-01-01; not {shown_time(value)}."
        ) from None


def _amount(name: str, value: Any) -> Decimal:
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        amount = Decimal("NaN")
    if isinstance(value, bool) or not amount.is_finite() or amount < 0:
        shown = repr(value) if amount.is_finite() else shown_name(value)
        raise ConfigurationValueError(f"prices: {name} takes a number from 0 on; not {shown}.")
    if amount >= 10 ** _DIGITS[name] or amount % _SMALLEST:
        raise ConfigurationValueError(
            f"prices: {name} takes up to {_DIGITS[name]} digits before the point and 9 after it; not {value!r}."
        )
    return amount
