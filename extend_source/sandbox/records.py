"""What a workspace holds: processors, files and runs, as plain mutable records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

Json = dict[str, Any]
"""A JSON object."""

ProcessorType = Literal["EXTRACT", "CLASSIFY", "SPLITTER"]
FileType = Literal["PDF", "DOCX", "EXCEL", "CSV", "IMG", "TXT"]

IN_FLIGHT_STATUSES = ("PENDING", "PROCESSING")
TERMINAL_STATUSES = ("PROCESSED", "FAILED", "CANCELLED")
STATUSES = IN_FLIGHT_STATUSES + TERMINAL_STATUSES
PROCESSOR_TYPES: tuple[ProcessorType, ...] = ("EXTRACT", "CLASSIFY", "SPLITTER")


@dataclass(frozen=True)
class ProcessorVersion:
    """One version of a processor.

    Attributes:
        id: ``dpv_...``.
        version: ``"1.0"``, ``"2.0"``, ``"draft"``.
        config: What a run of this version carries in ``config``.
        credits_per_page: What such a run costs, in credits per page.
        created_at: When it was published; None for a version the workspace started with.
    """

    id: str
    version: str
    config: Json
    credits_per_page: Decimal
    created_at: datetime | None = None


@dataclass
class Processor:
    """A processor and its versions, oldest first.

    Attributes:
        key: A short name for tests, such as ``invoices``.
        id: ``dp_...``.
        name: The name runs carry; it may change.
        type: EXTRACT, CLASSIFY or SPLITTER.
        versions: Published versions, oldest first.
        file_types: What it is given to read.
        topic: What its documents are called, used in file names.
        renamed_at: When its name was last changed; None: never.
    """

    key: str
    id: str
    name: str
    type: ProcessorType
    versions: list[ProcessorVersion]
    file_types: tuple[FileType, ...]
    topic: str
    renamed_at: datetime | None = None


@dataclass
class FileRecord:
    """A file: its payload without the parts that depend on the request.

    Attributes:
        payload: The File object without ``presignedUrl`` and ``contents``.
        pages: Number of pages (sheets for a spreadsheet).
        contents: All content parts; made on first use when None.
        verbatim: Serve ``payload`` exactly as it is, with no link and no contents of our own.
        parsed: Whether a run has read it; later runs reuse that parse.
        first_reader: The run that was created first of those that read it: the one that has it parsed.
    """

    payload: Json
    pages: int = 1
    contents: Json | None = None
    verbatim: bool = False
    parsed: bool = False
    first_reader: RunRecord | None = None

    @property
    def id(self) -> str:
        """The file's id."""
        return str(self.payload["id"])

    def read_by(self, run: RunRecord) -> None:
        """Note a run that reads the file."""
        if self.first_reader is None or run.created_at < self.first_reader.created_at:
            self.first_reader = run


@dataclass(frozen=True)
class Transition:
    """A change of status that happens to a run at a moment of the workspace's clock.

    Attributes:
        at: When; also the run's ``updatedAt`` from then on.
        changes: Keys of the run's payload that get new values.
        parse_rate: Credits a page that parsing costs, charged to files of the run that were not parsed before;
            None where nothing is reported.
        new_files: Files that exist from then on (a splitter's children).
    """

    at: datetime
    changes: Json
    parse_rate: Decimal | None = None
    new_files: tuple[FileRecord, ...] = ()


@dataclass
class RunRecord:
    """A run: its payload (with an empty ``files``) and what only the listing or a filter knows.

    Attributes:
        payload: The ProcessorRun object; ``files`` is filled in when it is served.
        created_at: ``createdAt`` of the summary.
        updated_at: ``updatedAt`` of the summary.
        file_ids: The files of the run, in order.
        source: What created the run; only a filter, never in a payload.
        source_id: Id of what created it; only a filter, never in a payload.
        visible_at: Not listed and not found before this moment.
        plan: Transitions still to come, earliest first.
        raw: When given, the exact JSON text served for this run.
        inline: Whether it was given a configuration instead of a processor; 2025-04-21 knows no such runs and
            shows one of the processor that the configuration was taken from.
    """

    payload: Json
    created_at: datetime
    updated_at: datetime
    file_ids: list[str] = field(default_factory=list)
    source: str = "API"
    source_id: str | None = None
    visible_at: datetime | None = None
    plan: list[Transition] = field(default_factory=list)
    raw: bytes | None = None
    inline: bool = False

    @property
    def id(self) -> str:
        """The run's id."""
        return str(self.payload["id"])

    @property
    def status(self) -> str:
        """The run's status as served now."""
        return str(self.payload.get("status"))

    @property
    def is_terminal(self) -> bool:
        """Whether the run has ended."""
        return self.status in TERMINAL_STATUSES


@dataclass(frozen=True)
class GivenParseRun:
    """A parse run that a test has put there.

    Attributes:
        payload: The ParseRun object, served exactly so.
        created_at: ``createdAt`` of the summary.
        updated_at: ``updatedAt`` of the summary.
    """

    payload: Json
    created_at: datetime
    updated_at: datetime


@dataclass
class KeptObject:
    """An object beside runs and files, such as an evaluation set.

    Attributes:
        payload: What GET shows of it.
        created_at: ``createdAt``, also where only lists can be sorted by it.
        updated_at: ``updatedAt``, likewise; of a run that has ended its end.
        parent: What it belongs to; only a path, never in a payload.
        source: What created it; only a filter, never in a payload.
        retains_nothing: Its result is deleted soon after the first GET; verify runs only.
        first_read_at: When GET has shown it first; None: not yet.
    """

    payload: Json
    created_at: datetime
    updated_at: datetime
    parent: str | None = None
    source: str | None = None
    retains_nothing: bool = False
    first_read_at: datetime | None = None

    @property
    def id(self) -> str:
        """The object's id."""
        return str(self.payload["id"])


def embedded_files(payload: Mapping[str, Any]) -> list[Json]:
    """Return the File objects in a run's payload, which a test may have filled with anything."""
    files = payload.get("files")
    return [file for file in files if isinstance(file, dict)] if isinstance(files, list) else []


def json_number(value: Decimal) -> int | float:
    """Return a credit amount as JSON writes it: ``10``, ``3.5``."""
    return int(value) if value == value.to_integral_value() else float(value)


def exact_number(value: Decimal | float | str) -> int | float:
    """Return a credit amount as JSON writes it, or refuse it if that would lose a digit.

    Raises:
        ValueError: It is no finite number, or has more digits than a float.
    """
    try:
        exact = Decimal(str(value))
        number = json_number(exact)
        if Decimal(str(number)) == exact:
            return number
    except (InvalidOperation, OverflowError, ValueError):
        pass
    raise ValueError(f"{value!r} is not a number that JSON carries exactly")
