"""What processors are called on the page: names that are told apart, in a list that can be chosen from."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain
from typing import Protocol

from extend_source.reports.figures import CreditFigures
from extend_source.reports.grouping import WITHOUT_RUN, without_processor
from extend_source.text.wording import one_line

MAX_PROCESSORS = 30
"""Most processors that can be chosen; the smaller ones are one."""

MAX_COLOURS = 7
MAX_CHARACTERS = 80
OTHERS = "Other processors"
NO_PROCESSOR = WITHOUT_RUN.capitalize()


class _OfProcessor(Protocol):
    @property
    def processor_id(self) -> str | None: ...

    @property
    def processor(self) -> str | None: ...


@dataclass(frozen=True)
class Labels:
    """The processors of a page.

    Attributes:
        processors: the labels that can be chosen, most credits first, no label twice.
        coloured: those with a colour of their own, the first ones.
        of_id: the label of each processor id; of the small ones, and of those without spend, it is `OTHERS`.
    """

    processors: list[str]
    coloured: list[str]
    of_id: dict[str | None, str]


def labels_of(figures: CreditFigures) -> Labels:
    """Find out what the processors are called, and which can be chosen."""
    names = _names(figures)
    spent: dict[str, float] = defaultdict(float)
    for day in figures.days:
        spent[names[day.processor_id]] += float(day.credits or 0)
    ranked = [name for name, _ in sorted(spent.items(), key=lambda item: (-item[1], item[0]))]
    kept = ranked if len(ranked) <= MAX_PROCESSORS else ranked[: MAX_PROCESSORS - 1]
    of_id = {id_: name if name in kept else OTHERS for id_, name in names.items()}
    without_unit_costs: tuple[Iterable[_OfProcessor], ...] = _sources(figures)[:-1]
    others = any(of_id[row.processor_id] == OTHERS for row in chain.from_iterable(without_unit_costs))
    return Labels([*kept, OTHERS] if others else kept, kept[:MAX_COLOURS], of_id)


def _sources(figures: CreditFigures) -> tuple[Iterable[_OfProcessor], ...]:
    return figures.days, figures.expensive, figures.waste, figures.distribution, figures.unit_costs


def _names(figures: CreditFigures) -> dict[str | None, str]:
    """A name for each processor, with its id where two names would look alike."""
    of_id = {}
    for row in chain.from_iterable(reversed(_sources(figures))):
        if row.processor_id is not None:
            of_id[row.processor_id] = _readable(row.processor or "") or one_line(row.processor_id)
    no_processor = without_processor(figures.days).capitalize()
    times = Counter([*of_id.values(), no_processor, OTHERS])
    told_apart: dict[str | None, str] = {
        id_: name if times[name] == 1 else f"{name} ({one_line(id_)})" for id_, name in of_id.items()
    }
    return told_apart | {None: no_processor}


def _readable(name: str) -> str:
    """Return a name as a browser would show it, without doubled spaces, and short enough for a legend."""
    text = one_line(name)
    return text if len(text) <= MAX_CHARACTERS else f"{text[: MAX_CHARACTERS - 1]}…"
