"""The figures of the last sync in a file, for the textfile collector of node_exporter."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from extend_source.errors import InvalidSetting
from extend_source.ingest.progress import SyncProgress
from extend_source.telemetry.facts import Ending, SyncFacts

_KEPT = {"extend_sync_last_success_timestamp_seconds", "extend_watermark_timestamp_seconds"}
"""What a sync that failed says nothing of: the figures of the one before stand."""

_HELP = {
    "extend_sync_last_end_timestamp_seconds": "When the last sync ended.",
    "extend_sync_last_success_timestamp_seconds": "When the last sync ended that did not fail.",
    "extend_sync_succeeded": "1 if the last sync did not fail, else 0.",
    "extend_sync_duration_seconds": "How long the last sync took.",
    "extend_sync_requests": "Requests that the last sync sent, by endpoint.",
    "extend_sync_retries": "Second or later attempts of the last sync.",
    "extend_sync_throttled": "429 answers to the last sync.",
    "extend_sync_waiting_seconds": "Time in which the request budget held requests of the last sync back.",
    "extend_sync_received_bytes": "Bytes of the bodies that the last sync received.",
    "extend_sync_objects": "Objects of the last sync, by type and by what became of them.",
    "extend_watermark_timestamp_seconds": "All changes up to here are loaded.",
}
_SAMPLE = re.compile(r"^(\w+)(\{.*\})? (\S+)$")
_READABLE = 0o644  # node_exporter is another user


class _Sample(NamedTuple):
    metric: str
    value: float
    labels: Mapping[str, str] = {}


class Observer:
    """Writes the figures of a sync once it has ended, in a file of its pipeline's own."""

    def __init__(self, folder: str) -> None:
        """Look at the folder.

        Args:
            folder: the folder.

        Raises:
            InvalidSetting: there is no such folder, or it cannot be written to.
        """
        self._folder = Path(folder)
        if not self._folder.is_dir() or not os.access(self._folder, os.W_OK | os.X_OK):
            raise InvalidSetting(
                f"prometheus_folder {folder!r} is no folder that can be written to",
                "Make it, or set another one under [sources.extend] in .dlt/config.toml",
            )

    def begin(self, facts: SyncFacts) -> None:
        """Remember which sync it is."""
        self._labels = facts.labels()
        name = re.sub(r"[^\w.-]", "_", f"extend_source_{facts.pipeline}_{facts.kind}")
        self._path = self._folder / f"{name}.prom"

    def beat(self, progress: SyncProgress) -> None:
        """Write nothing: the figures of a sync under way would be compared with those of whole ones."""

    def begin_load(self) -> None:
        """Write nothing: a load is part of a sync."""

    def end_load(self, error_code: str | None) -> None:
        """Write nothing: a load is part of a sync."""

    def end(self, ending: Ending) -> None:
        """Write the figures; whoever reads the file sees the old or the new ones, never a half."""
        lines = list(self._lines(ending))
        draft = self._path.with_suffix(f".{os.getpid()}")
        draft.write_text("\n".join(lines) + "\n", "utf-8")
        draft.chmod(_READABLE)
        draft.replace(self._path)

    def _lines(self, ending: Ending) -> Iterator[str]:
        samples = list(self._samples(ending))
        written = {sample.metric for sample in samples}
        before = {name: lines for name, lines in self._kept().items() if name not in written}
        for metric, meaning in _HELP.items():
            own = [f"{metric}{self._labels_of(each)} {each.value!r}" for each in samples if each.metric == metric]
            if own or metric in before:
                yield f"# HELP {metric} {meaning}"
                yield f"# TYPE {metric} gauge"
                yield from own or before[metric]

    def _samples(self, ending: Ending) -> Iterator[_Sample]:
        ended_at, failed = ending.ended_at.timestamp(), ending.outcome == "failed"
        yield _Sample("extend_sync_last_end_timestamp_seconds", ended_at)
        if not failed:
            yield _Sample("extend_sync_last_success_timestamp_seconds", ended_at)
        yield _Sample("extend_sync_succeeded", float(not failed))
        yield _Sample("extend_sync_duration_seconds", ending.seconds)
        for endpoint, count in sorted(ending.requests.items()):
            yield _Sample("extend_sync_requests", count, {"endpoint": endpoint})
        yield _Sample("extend_sync_retries", ending.retries)
        yield _Sample("extend_sync_throttled", ending.throttled)
        yield _Sample("extend_sync_waiting_seconds", ending.seconds_waiting)
        yield _Sample("extend_sync_received_bytes", ending.bytes_received)
        for kind, counts in sorted(ending.objects.items()):
            for name, count in counts.items():
                yield _Sample("extend_sync_objects", count, {"object": kind, "state": name})
        if ending.watermark is not None:
            yield _Sample("extend_watermark_timestamp_seconds", ending.watermark.timestamp())

    def _kept(self) -> dict[str, list[str]]:
        """Read of the file that is there what may still hold."""
        try:
            text = self._path.read_text("utf-8")
        except (OSError, UnicodeDecodeError):
            return {}
        kept: dict[str, list[str]] = {}
        for line in text.splitlines():
            sample = _SAMPLE.match(line)
            if sample is not None and sample.group(1) in _KEPT:
                kept.setdefault(sample.group(1), []).append(line)
        return kept

    def _labels_of(self, sample: _Sample) -> str:
        pairs = (f'{name}="{_escaped(value)}"' for name, value in {**self._labels, **sample.labels}.items())
        return "{" + ",".join(pairs) + "}"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
