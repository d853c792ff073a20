"""The sample data of a workspace: half a year of runs, drawn from one seed."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from extend_source.sandbox.documents import make_file
from extend_source.sandbox.factory import Outcome, Review, RunFactory, RunOrder
from extend_source.sandbox.lifecycle import settle
from extend_source.sandbox.processors import PROCESSOR_KEYS, make_processors
from extend_source.sandbox.records import FileRecord, Processor, ProcessorVersion, RunRecord
from extend_source.sandbox.seeding import chance, rng_for

_HISTORY = timedelta(days=180)
_MAX_IN_FLIGHT = 20
_OPENING: tuple[tuple[str, Outcome, Review | None], ...] = (
    ("invoices", "PROCESSED", None),
    ("splitter", "PROCESSED", None),
    ("delivery_notes", "PROCESSED", None),
    ("claims", "PROCESSED", None),
    ("classifier", "PROCESSED", None),
    ("price_lists", "PROCESSED", None),
    ("contracts", "PROCESSED", None),
    ("invoices", "PROCESSED", "edited"),
    ("classifier", "PROCESSED", "edited"),
    ("invoices", "FAILED", None),
    ("claims", "CANCELLED", None),
    ("claims", "PROCESSED", "edited"),
    ("contracts", "PROCESSED", "approved"),
    ("splitter", "PROCESSED", "edited"),
    ("delivery_notes", "PROCESSED", "edited"),
)
"""The first runs of every workspace, so that a small one shows every shape too."""

_WEIGHTS = {
    "invoices": 30,
    "delivery_notes": 14,
    "claims": 14,
    "classifier": 18,
    "splitter": 8,
    "price_lists": 8,
    "contracts": 8,
}
_PROCESSOR_OF_CLASS = {"invoice": "invoices", "delivery_note": "delivery_notes", "contract": "contracts"}


@dataclass
class Population:
    """The records a workspace starts with.

    Attributes:
        processors: By short name.
        files: By id.
        runs: By id, oldest first.
    """

    processors: dict[str, Processor]
    files: dict[str, FileRecord] = field(default_factory=dict)
    runs: dict[str, RunRecord] = field(default_factory=dict)


def populate(seed: int, runs: int, now: datetime, factory: RunFactory) -> Population:
    """Return the sample data of a workspace.

    Args:
        seed: Everything depends on it, and on nothing else but the other arguments.
        runs: How many runs, exactly.
        now: The present instant; runs were created in the 180 days before it, the last ones seconds ago.
        factory: Makes the single runs.
    """
    builder = _Builder(seed, now, factory)
    for serial, moment in enumerate(_moments(seed, runs, now)):
        builder.add(serial, moment, progress=serial / runs)
    return builder.population


def _moments(seed: int, runs: int, now: datetime) -> list[datetime]:
    """Return when the runs were created, oldest first; some share an instant, the last are seconds old."""
    rng = rng_for(seed, "moments")
    in_flight = min(_MAX_IN_FLIGHT, runs // 25)
    finished = runs - in_flight
    step = (_HISTORY - timedelta(hours=1)) / max(finished, 1)
    moments: list[datetime] = []
    for number in range(finished):
        jitter = timedelta(milliseconds=rng.randrange(max(int(step.total_seconds() * 900), 1)))
        moment = now - _HISTORY + step * number + jitter
        whole = moment.replace(microsecond=0 if chance(rng, 0.2) else moment.microsecond // 1000 * 1000)
        moments.append(moments[-1] if moments and chance(rng, 0.15) else whole)
    ages = sorted((rng.randrange(500, 15_000) for _ in range(in_flight)), reverse=True)
    return moments + [now - timedelta(milliseconds=age) for age in ages]


class _Builder:
    def __init__(self, seed: int, now: datetime, factory: RunFactory) -> None:
        self._seed = seed
        self._now = now
        self._factory = factory
        self._unread_children: list[tuple[datetime, str, FileRecord]] = []
        self._recent: list[FileRecord] = []
        self.population = Population(make_processors(seed))

    def add(self, serial: int, moment: datetime, progress: float) -> None:
        """Create one run and whatever files it needs."""
        rng = rng_for(self._seed, "order", serial)
        outcome: Outcome = rng.choices(("PROCESSED", "FAILED", "CANCELLED"), (86, 9, 5))[0]
        review: Review | None = rng.choices((None, "edited", "approved"), (74, 16, 10))[0]
        key = rng.choices(PROCESSOR_KEYS, [_WEIGHTS[each] for each in PROCESSOR_KEYS])[0]
        file: FileRecord | None = None
        if serial < len(_OPENING):
            key, outcome, review = _OPENING[serial]
        elif self._unread_children and self._unread_children[0][0] <= moment and chance(rng, 0.7):
            _, key, file = self._unread_children.pop(0)
        processor = self.population.processors[key]
        if file is None:
            file = self._shared_file(serial, processor) or self._new_file(serial, processor, moment)
        version = _version_in_use(processor, progress if chance(rng, 0.9) else 0.0)
        self._place(RunOrder(serial, processor, version, [file], moment, outcome, review))

    def _place(self, order: RunOrder) -> None:
        run = self._factory.make(order)
        for file in order.files:
            file.read_by(run)
        for transition in run.plan:
            for child in transition.new_files:
                kind = child.payload["metadata"]["parentSplit"]["type"]
                key = _PROCESSOR_OF_CLASS.get(kind, "classifier")
                self._unread_children.append((transition.at, key, child))
        settle(run, self.population.files, self._now)
        self.population.runs[run.id] = run

    def _shared_file(self, serial: int, processor: Processor) -> FileRecord | None:
        """Return a file that other runs have read before, for one run in five."""
        rng = rng_for(self._seed, "shared", serial)
        fitting = [file for file in self._recent if file.payload.get("type") in processor.file_types]
        return rng.choice(fitting) if fitting and processor.type != "SPLITTER" and chance(rng, 0.2) else None

    def _new_file(self, serial: int, processor: Processor, moment: datetime) -> FileRecord:
        rng = rng_for(self._seed, "file", serial)
        file_type = rng.choice(processor.file_types)
        pages = 1 if file_type in ("IMG", "CSV") else rng.randrange(1, 7)
        if processor.type == "SPLITTER":
            pages += 6
        uploaded = moment - timedelta(seconds=rng.randrange(1, 90))
        file = make_file(rng, processor.topic, file_type, uploaded, pages)
        self.population.files[file.id] = file
        self._recent = [*self._recent[-40:], file]
        return file


def _version_in_use(processor: Processor, progress: float) -> ProcessorVersion:
    """Return the version that was current when a share of the history had passed."""
    return processor.versions[min(int(progress * len(processor.versions)), len(processor.versions) - 1)]
