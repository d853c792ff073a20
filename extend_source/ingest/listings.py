"""The listings that the settings ask for: the API takes one value of each filter per request."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from extend_source.api import GROUP_OF, Endpoint, RunFilters, RunPage, lists_of
from extend_source.config.settings import ExtendSettings, parse_start_date
from extend_source.text.json_codec import encode_json

MUST_NOT_BE_READ = (403, 404, 410)
"""The answers that say so of one list alone."""

REFUSED = "refused"
"""In place of the sum of a page: the key must not read the list."""


class Listing(NamedTuple):
    """One listing of runs.

    Attributes:
        endpoint: what is listed.
        filters: which of it.
    """

    endpoint: Endpoint
    filters: RunFilters

    @property
    def name(self) -> str:
        """What no other listing of the same settings is called."""
        chosen = {name: value for name, value in asdict(self.filters).items() if value is not None}
        return f"{self.endpoint.list_path} {encode_json(chosen, sort_keys=True)}"


def all_listings(settings: ExtendSettings) -> Iterator[Listing]:
    """Name all listings that each sync reads: those of runs, and the lists beside them."""
    if "runs" in settings.groups:
        yield from listings(settings)
    yield from (each for each in _lists(settings, of_definitions=False) if each.endpoint.object_type != "processor_run")


def definition_listings(settings: ExtendSettings) -> Iterator[Listing]:
    """Name the lists that a sync reads now and then: of processors, workflows and other definitions."""
    yield from _lists(settings, of_definitions=True)


def _lists(settings: ExtendSettings, *, of_definitions: bool) -> Iterator[Listing]:
    for name, group in GROUP_OF.items():
        for endpoint in lists_of(settings.api_version, name) if group in settings.groups else ():
            if endpoint.is_listed and endpoint.is_definition is of_definitions:
                yield Listing(endpoint, RunFilters())


def due_list(paths: Iterable[str], read: Mapping[str, datetime], minutes: float, now: datetime) -> str | None:
    """Name the list that is due, and was read longest ago; None: none is due.

    Args:
        paths: the lists.
        read: when they were read last, UTC.
        minutes: how often each is to be read.
        now: the time, UTC.
    """
    age = timedelta(minutes=minutes)
    due = [path for path in paths if path not in read or not now - age < read[path] <= now]
    never = [path for path in due if path not in read]
    return never[0] if never else min(due, key=lambda path: read[path], default=None)


def floor_of(settings: ExtendSettings, watermark: datetime | None) -> datetime | None:
    """Say how far back a scan reads the listings of runs; None: to their ends.

    Args:
        settings: how far scans overlap, and the start date.
        watermark: all changes up to here have been loaded; None: nothing is known.
    """
    start = None if settings.start_date is None else parse_start_date(settings.start_date)
    lowest = None if watermark is None else watermark - timedelta(seconds=settings.lookback)
    return max((time for time in (lowest, start) if time is not None), default=None)


def page_sum(page: RunPage) -> str:
    """Sum up what a page of a listing shows."""
    return hashlib.sha256(encode_json([page.is_last, page.summaries], sort_keys=True).encode()).hexdigest()


def listings(settings: ExtendSettings) -> Iterator[Listing]:
    """Name the listings of runs that the settings ask for.

    Args:
        settings: the API version and the filters.

    Yields:
        Each of them once; where a list has one type of runs only, it is left out if other types are asked for.
    """
    lists = lists_of(settings.api_version, "processor_run")
    for endpoint in lists:
        types: list[Any] = _choice(settings.processor_types)
        if endpoint.run_type:
            types = [None] if not settings.processor_types or endpoint.run_type in types else []
        processors = [each for each in _choice(settings.processor_ids) if _may_have(endpoint, each, lists)]
        others = (settings.statuses, settings.run_sources, settings.run_source_ids)
        choices = itertools.product(processors, types, *map(_choice, others))
        for processor_id, processor_type, status, source, source_id in choices:
            yield Listing(
                endpoint,
                RunFilters(
                    processor_id=processor_id,
                    processor_type=processor_type,
                    status=status,
                    source=source,
                    source_id=source_id,
                    file_name_contains=settings.file_name_contains,
                ),
            )


def is_filtered(settings: ExtendSettings) -> bool:
    """Tell whether the settings leave some runs of the workspace out."""
    lists = lists_of(settings.api_version, "processor_run")
    return [*listings(settings)] != [Listing(endpoint, RunFilters()) for endpoint in lists]


def _choice(values: Any) -> list[Any]:
    return list(dict.fromkeys(values or [None]))


def _may_have(endpoint: Endpoint, processor_id: str | None, lists: tuple[Endpoint, ...]) -> bool:
    """Tell whether a list may have runs of a processor; an id that looks like none is asked for everywhere."""
    if processor_id is None:
        return True
    known = {each.processor_prefix for each in lists if each.processor_prefix}
    fitting = {prefix for prefix in known if processor_id.startswith(prefix)}
    return not fitting or endpoint.processor_prefix in fitting
