"""The workspace's own account of credits: a truth that reports over loaded data can be compared with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from extend_source.sandbox.records import Json, embedded_files

_ZERO = Decimal(0)


@dataclass
class CreditAccount:
    """What the runs of a workspace cost, each thing counted once.

    Attributes:
        runs: Credits of every run that reports any, by run id.
        processors: Sum of the runs' credits, by processor id.
        files: Parse credits of every distinct file embedded in a run, by file id.
        runs_without_usage: Runs that report none; unknown, not free.
    """

    runs: dict[str, Decimal] = field(default_factory=dict)
    processors: dict[str, Decimal] = field(default_factory=dict)
    files: dict[str, Decimal] = field(default_factory=dict)
    runs_without_usage: int = 0

    @property
    def processing(self) -> Decimal:
        """Credits of all runs."""
        return sum(self.runs.values(), _ZERO)

    @property
    def parsing(self) -> Decimal:
        """Credits of all distinct files."""
        return sum(self.files.values(), _ZERO)

    @property
    def total(self) -> Decimal:
        """What was spent: all runs, and every distinct file once."""
        return self.processing + self.parsing


def account_for(payloads: Iterable[Mapping[str, Any]]) -> CreditAccount:
    """Add up the credits of full run payloads.

    Args:
        payloads: ProcessorRun objects with their files embedded.
    """
    account = CreditAccount()
    for payload in payloads:
        spent = credits_of(payload)
        if spent is None:
            account.runs_without_usage += 1
        else:
            processor_id = str(payload.get("processorId"))
            account.runs[str(payload["id"])] = spent
            account.processors[processor_id] = account.processors.get(processor_id, _ZERO) + spent
        for file in embedded_files(payload):
            parsed = credits_of(file)
            if parsed is not None:
                account.files[str(file["id"])] = parsed
    return account


def credits_of(thing: Mapping[str, Any] | Json) -> Decimal | None:
    """Return the credits of anything with a ``usage``, None where it reports none."""
    usage = thing.get("usage")
    value = usage.get("credits") if isinstance(usage, dict) else None
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return Decimal(str(value)) if is_number else None
