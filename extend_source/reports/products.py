"""Spend by what the credits were charged for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from extend_source.reports.figures import ProductSpend
from extend_source.reports.grouping import priced_sum

NOT_SAID = "not said"

_STEP = Decimal("0.0001")


@dataclass(frozen=True)
class ProductCredits:
    """What one product, charged by one unit, has cost.

    Attributes:
        product: the API's name of it; None: not said.
        unit: page, cell or usd; None: not said.
        name: how people call it.
        charges: lines of the bill; 0 where no product is said.
        quantity: how many units; of usd: dollars. None: not said.
        credits: their credits; None: all are unknown.
        per_page: credits a page, of what is charged by the page; None: it is not, or the pages are not said of all.
        cost: what they cost at list price; None: unknown, or some of them have no price.
    """

    product: str | None
    unit: str | None
    name: str
    charges: int
    quantity: Decimal | None
    credits: Decimal | None
    per_page: Decimal | None
    cost: Decimal | None


def spend_by_product(products: Iterable[ProductSpend]) -> list[ProductCredits]:
    """Add up spend by product and unit.

    Args:
        products: spend by day, processor, product and unit.

    Returns:
        The products by their credits from most to least.
    """
    groups: dict[tuple[str | None, str | None], list[ProductSpend]] = {}
    for each in products:
        groups.setdefault((each.product, each.unit), []).append(each)
    rows = [_added_up(product, unit, parts) for (product, unit), parts in groups.items()]
    return sorted(rows, key=lambda row: (-(row.credits or Decimal(-1)), row.name, row.unit or ""))


def _added_up(product: str | None, unit: str | None, parts: list[ProductSpend]) -> ProductCredits:
    credits = _sum(part.credits for part in parts)
    pages = None if any(part.pages is None for part in parts) else _sum(part.pages for part in parts)
    return ProductCredits(
        product=product,
        unit=unit,
        name=product or NOT_SAID,
        charges=sum(part.charges for part in parts),
        quantity=_sum(part.quantity for part in parts),
        credits=credits,
        per_page=(credits / pages).quantize(_STEP).normalize() if credits is not None and pages else None,
        cost=priced_sum(parts),
    )


def _sum(amounts: Iterable[Decimal | None]) -> Decimal | None:
    known = [amount for amount in amounts if amount is not None]
    return sum(known, Decimal(0)) if known else None
