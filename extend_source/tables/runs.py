"""A run payload: the run's own row, and what of it belongs to the other families."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime
from functools import partial
from typing import Any

from extend_source.tables import bookkeeping, schemas
from extend_source.tables.building import TableSet
from extend_source.tables.configs import ConfigTables
from extend_source.tables.credits import CREDIT_ATTRIBUTIONS, CURRENT_RUNS, CreditTables
from extend_source.tables.edits import EditTables
from extend_source.tables.extraction import FINAL, ExtractionTables
from extend_source.tables.files import FileTables
from extend_source.tables.kinds import to_timestamp
from extend_source.tables.objects import TABLES
from extend_source.tables.payloads import Origin, payload_sha256
from extend_source.tables.reading import DriftLog, Extra, ObjectReader
from extend_source.tables.seen_files import SeenFiles
from extend_source.tables.stages import StageTables
from extend_source.tables.typed import TypedTables
from extend_source.text.json_codec import encode_json

_RUN = ObjectReader.of(schemas.PROCESSOR_RUNS)
_MERGED_PROCESSOR = ObjectReader.of(schemas.PROCESSOR_RUN_MERGED_PROCESSORS)
_API_NAMES = [column.name for column in schemas.PROCESSOR_RUNS.api_columns]
_TYPE, _CREDITS = _API_NAMES.index("type"), _API_NAMES.index("credits")

_STAGES = (("initial", "initialOutput"), ("reviewed", "reviewedOutput"))

_KEPT_IN_EXTRA = frozenset({"isExternal"})
"""Known keys of outputs that no column holds, as their meaning is not documented."""

_RUN_TABLES = tuple(
    table
    for table in TABLES.values()
    # runs of API 2025-04-21 never have any
    if table.replaced_by == "run_id" and table is not CREDIT_ATTRIBUTIONS
)


class RunTables:
    """Writes run payloads."""

    def __init__(
        self,
        tables: TableSet,
        drift: DriftLog,
        files: FileTables | SeenFiles,
        configs: ConfigTables,
        credits: CreditTables,
        *,
        keep_raw: bool = False,
        raw_contents: bool = True,
        typed: TypedTables | None = None,
    ) -> None:
        """Start a load.

        Args:
            tables: where the rows go.
            drift: where unknown keys are noted.
            files: where the files of runs go.
            configs: where their configs go.
            credits: where their credits go.
            keep_raw: also keep the payloads themselves.
            raw_contents: with the text of files in them.
            typed: where typed rows go; None: nowhere.
        """
        self._typed = typed
        self._keep_raw = keep_raw
        self._raw_contents = raw_contents
        self._tables = tables
        self._drift = drift
        self._files = files
        self._configs, self._credits = configs, credits
        self._extraction = ExtractionTables(tables, drift)
        self._stages = StageTables(tables, drift)
        self._edits = EditTables(tables, drift)

    def add(self, run: dict[str, Any], origin: Origin) -> str:
        """Add a run.

        Args:
            run: the API's ProcessorRun object with an ``id`` (docs "Get Processor Run", 2025-04-21).
            origin: where it came from.

        Returns:
            The payload's `payload_sha256`.
        """
        run_id: str = run["id"]
        self._drift.run_id = run_id
        for table in _RUN_TABLES:
            self._tables[table].mark(run_id)
        if run.get("object") in CURRENT_RUNS:
            self._tables[CREDIT_ATTRIBUTIONS].mark(run_id)
        self._tables[bookkeeping.FETCH_ERRORS].mark(run_id)
        self._tables[bookkeeping.TOMBSTONES].mark(run_id)
        values, read_extra = _RUN.read(run, self._drift)
        extra: Extra = dict(read_extra or {})
        config_id = self._add_config(run, extra)
        output_format = output_format_of(values[_TYPE], run)
        initial, reviewed = self._add_outputs(run_id, run, output_format, extra)
        self._add_edits(run_id, run, output_format, extra)
        self._add_files(run_id, run, origin.fetched_at, extra)
        self._add_merged_processors(run_id, run, extra)
        if odd := self._credits.add("processor_run", run_id, run.get("usage"), values[_CREDITS], origin.fetched_at):
            extra["usage"] = {**(extra.get("usage") or {}), **odd}
        # what the run itself says is newer than what the listing said before
        created_at = self._moment(run, "createdAt", extra) or origin.created_at
        updated_at = self._moment(run, "updatedAt", extra) or origin.updated_at
        shown_format = output_format if run.get("output") else None
        sha256 = origin.payload_sha256 or payload_sha256(run)
        said = {
            "api_version": origin.api_version,
            "workspace_id": origin.workspace_id,
            "created_at": created_at,
            "updated_at": updated_at,
            "fetched_at": origin.fetched_at,
            "payload_sha256": sha256,
        }
        self._tables[schemas.PROCESSOR_RUNS].add(
            values,
            extra or None,
            **said,
            config_id=config_id,
            output_format=shown_format,
            initial_output=initial,
            reviewed_output=reviewed,
            loaded_tables=origin.loaded_tables,
            row_counts=None,  # rows are counted once all are there
        )
        if self._keep_raw:
            payload = raw_payload(run, with_contents=self._raw_contents)
            self._tables[bookkeeping.RAW_PAYLOADS].add(
                **said, id=run_id, resource_type="processor_run", payload=payload, is_final=None
            )
        if self._typed is not None and values[_TYPE] == "EXTRACT":
            self._typed.add(run, config_id, created_at)
        self._drift.run_id = None
        return sha256

    def _add_config(self, run: dict[str, Any], extra: Extra) -> str | None:
        config = run.get("config")
        if isinstance(config, dict):
            return self._configs.add(config)
        self._keep(extra, "config", config)
        return None

    def _add_outputs(
        self, run_id: str, run: dict[str, Any], output_format: str | None, extra: Extra
    ) -> tuple[str | None, str | None]:
        """Add the outputs; return the initial and reviewed ones that `processor_runs` keeps as JSON."""
        if output_format in ("schema", "fields"):
            self._keep_output(extra, "output", run, partial(self._add_extraction, run_id, output_format))
            initial, reviewed = (
                encode_json(run[key])
                if run.get(key) is not None and not _is_same(run[key], run.get("output"))
                else None
                for _, key in _STAGES
            )
            return initial, reviewed
        add: Callable[[str, str, dict[str, Any]], Extra | None] = {
            "classification": self._stages.add_classification,
            "splits": self._stages.add_splits,
        }.get(output_format or "", _add_nothing)
        for stage, key in ((FINAL, "output"), *_STAGES):
            self._keep_output(extra, key, run, partial(add, run_id, stage))
        return None, None

    def _add_extraction(self, run_id: str, output_format: str, output: dict[str, Any]) -> Extra | None:
        if output_format == "schema":
            return self._extraction.add_schema_output(run_id, output)
        self._extraction.add_legacy_output(run_id, output)
        return None

    def _keep_output(
        self, extra: Extra, key: str, run: dict[str, Any], add: Callable[[dict[str, Any]], Extra | None]
    ) -> None:
        """Add an output; what no table holds of it goes to the run's ``extra``."""
        output = run.get(key)
        if output is None or output == {}:
            return
        if not isinstance(output, dict):
            self._keep(extra, key, output)
            return
        left_over = add(output)
        if left_over:
            extra[key] = left_over
            for name in left_over.keys() - _KEPT_IN_EXTRA:
                self._drift.unknown_key("output", name, left_over[name])

    def _add_edits(self, run_id: str, run: dict[str, Any], output_format: str | None, extra: Extra) -> None:
        edits, initial, reviewed = run.get("edits"), run.get("initialOutput"), run.get("reviewedOutput")
        if edits is not None and not isinstance(edits, dict):
            self._keep(extra, "edits", edits)
            edits = None
        if edits or (initial and reviewed and output_format in ("schema", "fields")):
            self._edits.add(run_id, edits or {}, initial, reviewed, output_format)

    def _add_files(self, run_id: str, run: dict[str, Any], fetched_at: datetime, extra: Extra) -> None:
        links = self._tables[schemas.PROCESSOR_RUN_FILES]
        for position, file in enumerate(self._objects_of(run, "files", extra)):
            file_id = self._files.add(file, fetched_at)
            if file_id is None:
                self._drift.unexpected_type("file", "id", file.get("id"))
                extra.setdefault("files", []).append(raw_file(file, with_contents=self._raw_contents))
            else:
                links.add(run_id=run_id, position=position, file_id=file_id)

    def _add_merged_processors(self, run_id: str, run: dict[str, Any], extra: Extra) -> None:
        builder = self._tables[schemas.PROCESSOR_RUN_MERGED_PROCESSORS]
        for position, processor in enumerate(self._objects_of(run, "mergedProcessors", extra)):
            builder.add(*_MERGED_PROCESSOR.read(processor, self._drift), run_id=run_id, position=position)

    def _objects_of(self, run: dict[str, Any], key: str, extra: Extra) -> list[dict[str, Any]]:
        """Return a list of objects; anything else goes to the run's ``extra``."""
        items = run.get(key)
        if isinstance(items, list) and all(isinstance(item, dict) for item in items):
            return items
        self._keep(extra, key, items)
        return []

    def _moment(self, run: dict[str, Any], key: str, extra: Extra) -> datetime | None:
        """Read a time that runs of API 2026-02-09 have."""
        value = run.get(key)
        try:
            return None if value is None else to_timestamp(value)
        except ValueError:
            self._keep(extra, key, value)
            return None

    def _keep(self, extra: Extra, key: str, value: Any) -> None:
        if value is not None:
            extra[key] = value
            self._drift.unexpected_type("processor_run", key, value)


def _is_same(one: Any, other: Any) -> bool:
    # to Python 1, 1.0 and True are equal; in JSON they are not
    if one is other:
        return True
    return bool(one == other) and encode_json(one, sort_keys=True) == encode_json(other, sort_keys=True)


def _add_nothing(run_id: str, stage: str, output: dict[str, Any]) -> Extra:
    """Leave an output of an unknown shape to the run's ``extra``, as a whole."""
    return output


def output_format_of(run_type: str | None, run: dict[str, Any]) -> str | None:
    """Tell the shape of a run's outputs from its type and config, never from the output's keys.

    A legacy extraction may have fields that are called ``value`` and ``metadata``; only where the config
    says nothing is the output's own shape looked at.
    """
    if run_type == "CLASSIFY":
        return "classification"
    if run_type == "SPLITTER":
        return "splits"
    if run_type != "EXTRACT":
        return None
    config = run.get("config")
    config = config if isinstance(config, dict) else {}
    if config.get("schema") is not None:
        return "schema"
    if config.get("fields") is not None:
        return "fields"
    output = run.get("output")
    return "schema" if isinstance(output, dict) and output.keys() <= {"value", "metadata"} else "fields"


def without_files(run: dict[str, Any], file_ids: Collection[str]) -> dict[str, Any]:
    """Leave some files out of a payload.

    Args:
        run: a canonical object: a run, of which the steps have files as well, or what is about one file.
        file_ids: the files to leave out.

    Returns:
        The run itself where it has none of them.
    """
    if not file_ids:
        return run
    file, files, steps = run.get("file"), run.get("files"), run.get("stepRuns")
    if isinstance(file, dict) and file.get("id") in file_ids:
        run = {**run, "file": None}
    if isinstance(files, list):
        kept = [file for file in files if not (isinstance(file, dict) and file.get("id") in file_ids)]
        run = run if len(kept) == len(files) else {**run, "files": kept}
    if isinstance(steps, list):
        left = [without_files(step, file_ids) if isinstance(step, dict) else step for step in steps]
        changed = any(new is not old for new, old in zip(left, steps, strict=True))
        run = {**run, "stepRuns": left} if changed else run
    return run


def raw_payload(run: dict[str, Any], *, with_contents: bool = True) -> str:
    """Return a run's payload as JSON text for ``raw_payloads``.

    Args:
        run: the API's ProcessorRun object, without signed URLs.
        with_contents: keep the text of its files.

    Returns:
        JSON text with the numbers' digits as sent.
    """
    files = run.get("files")
    if isinstance(files, list) and not with_contents:
        run = {**run, "files": [raw_file(file, with_contents=False) for file in files]}
    return encode_json(run)


def raw_file(file: Any, *, with_contents: bool = True) -> Any:
    """Return a File object, its contents as they are or left out; what is none is returned as it is."""
    if with_contents or not isinstance(file, dict):
        return file
    return {key: value for key, value in file.items() if key != "contents"}
