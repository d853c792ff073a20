"""The seven sample processors of a workspace and their versions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from extend_source.sandbox import configs
from extend_source.sandbox.records import FileType, Json, Processor, ProcessorType, ProcessorVersion
from extend_source.sandbox.seeding import make_id, rng_for


@dataclass(frozen=True)
class _Blueprint:
    key: str
    name: str
    type: ProcessorType
    config: Callable[[int], Json]
    versions: tuple[str, ...]
    rates: tuple[str, ...]
    """Credits per page, one a version."""
    file_types: tuple[FileType, ...]
    topic: str


_BLUEPRINTS = (
    _Blueprint(
        "invoices",
        "Supplier Invoices",
        "EXTRACT",
        configs.invoices,
        ("1.0", "2.0", "2.1"),
        ("3", "3", "4"),
        ("PDF", "IMG", "DOCX"),
        "invoice",
    ),
    _Blueprint(
        "delivery_notes",
        'Delivery Notes "Süd" (beta)',
        "EXTRACT",
        configs.delivery_notes,
        ("1.0", "draft"),
        ("3", "3"),
        ("PDF", "IMG"),
        "delivery",
    ),
    _Blueprint(
        "claims",
        "Claims (legacy)",
        "EXTRACT",
        configs.claims,
        ("1.0", "2.0"),
        ("3", "3"),
        ("PDF", "DOCX", "TXT"),
        "claim",
    ),
    _Blueprint(
        "classifier",
        "Document Classifier",
        "CLASSIFY",
        configs.classifier,
        ("1.0", "2.0"),
        ("0.3", "1"),
        ("PDF", "IMG", "DOCX", "TXT"),
        "document",
    ),
    _Blueprint(
        "splitter",
        "Mailroom Splitter",
        "SPLITTER",
        configs.splitter,
        ("1.0", "2.0"),
        ("0.5", "2"),
        ("PDF",),
        "packet",
    ),
    _Blueprint(
        "price_lists",
        "Price Lists",
        "EXTRACT",
        configs.price_lists,
        ("1.0", "1.1"),
        ("0.7", "0.7"),
        ("EXCEL", "CSV"),
        "prices",
    ),
    _Blueprint(
        "contracts",
        "Contracts",
        "EXTRACT",
        configs.contracts,
        ("1.0", "2.0"),
        ("3", "4"),
        ("PDF", "DOCX"),
        "contract",
    ),
)

PROCESSOR_KEYS = tuple(blueprint.key for blueprint in _BLUEPRINTS)
"""The short names of the sample processors."""


def make_processors(seed: int) -> dict[str, Processor]:
    """Return the sample processors of a workspace by their short names.

    Args:
        seed: The seed of the workspace; ids depend on it, configurations do not.
    """
    return {blueprint.key: _make_processor(seed, blueprint) for blueprint in _BLUEPRINTS}


def _make_processor(seed: int, blueprint: _Blueprint) -> Processor:
    rng = rng_for(seed, "processor", blueprint.key)
    processor_id = make_id("dp", rng)
    versions = [
        ProcessorVersion(make_id("dpv", rng), version, blueprint.config(number), Decimal(rate))
        for number, (version, rate) in enumerate(zip(blueprint.versions, blueprint.rates, strict=True), start=1)
    ]
    return Processor(
        key=blueprint.key,
        id=processor_id,
        name=blueprint.name,
        type=blueprint.type,
        versions=versions,
        file_types=blueprint.file_types,
        topic=blueprint.topic,
    )
