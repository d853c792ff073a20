"""What the page counts in: money where there is a price book, and credits."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Literal

from extend_source.reports.figures import CreditFigures

CREDITS_FORM = ",.1f"
"""How credits are written, in d3's words."""

_MONEY, _CREDITS = Decimal("0.01"), Decimal("0.1")


@dataclass(frozen=True)
class Unit:
    """A unit that charts are drawn in.

    Attributes:
        name: money or credits.
        field: the key of the rows that has the amount.
        label: what is written at an axis.
        form: how amounts are written, in d3's words.
        of_one: the same for what one page or document costs.
        price: what a credit is worth in it on the last day, for what has no day of its own.
    """

    name: Literal["money", "credits"]
    field: Literal["cost", "credits"]
    label: str
    form: str
    of_one: str
    price: Decimal


def units_of(figures: CreditFigures) -> tuple[Unit, ...]:
    """Return the units of a page, the one to begin with first: money where any of the days has a price."""
    credits = Unit("credits", "credits", "credits", CREDITS_FORM, ",.2f", Decimal(1))
    if figures.currency is None or figures.credit_price is None:
        return (credits,)
    return Unit("money", "cost", figures.currency, ",.2f", ",.4f", figures.credit_price), credits


def has_money(figures: CreditFigures) -> bool:
    """Say whether a page has money on it."""
    return len(units_of(figures)) > 1


def money(amount: Decimal | None, currency: str | None) -> str:
    """Write an amount of money, always with two decimals."""
    return "unknown" if amount is None else f"{_rounded(amount, _MONEY)} {currency}"


def credits(amount: Decimal | None) -> str:
    """Write an amount of credits, always with one decimal."""
    return "unknown" if amount is None else f"{_rounded(amount, _CREDITS)} credits"


def _rounded(amount: Decimal, step: Decimal) -> str:
    """A little is not nothing."""
    return f"<{step}" if 0 < amount < step / 2 else f"{amount.quantize(step, ROUND_HALF_UP):,f}"
