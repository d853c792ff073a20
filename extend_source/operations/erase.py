"""Erasing runs and files on request: every row of theirs, in every table, and no sync brings them back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import dlt
import pyarrow as pa
from dlt.destinations.job_client_impl import SqlJobClientWithStagingDataset
from dlt.extract import DltResource

from extend_source.config.settings import SECTION, ExtendSettings
from extend_source.error_codes import ErrorCode
from extend_source.errors import UsageError
from extend_source.ingest.definitions import landed_parts
from extend_source.ingest.named_runs import checked_run_ids, run_types_of
from extend_source.ingest.resolution import resolved_settings
from extend_source.ingest.state import SyncState
from extend_source.pipeline.completeness import restore
from extend_source.pipeline.conditions import Sql, equals
from extend_source.pipeline.duckdb_file import compact as compact_file
from extend_source.pipeline.erased_rows import delete_rows_of, made_tables
from extend_source.pipeline.held_database import database_file, held_database
from extend_source.pipeline.hints import apply_hints
from extend_source.pipeline.landed import LandedData
from extend_source.pipeline.load_files import delete_load_files
from extend_source.pipeline.loads import compare_all_next, run_load
from extend_source.pipeline.lock import exclusive
from extend_source.pipeline.overrides import refuse_refresh
from extend_source.pipeline.pending import settle
from extend_source.pipeline.read_only import location
from extend_source.pipeline.sibling_datasets import BACKUP, dataset_name_of, datasets_there, sibling_pipeline
from extend_source.pipeline.write_mode import active_write_mode, replacement_of
from extend_source.source import load_id
from extend_source.tables.bookkeeping import ERASURES, MIGRATED_IDS, RAW_PAYLOADS
from extend_source.tables.evaluation import EVALUATION_SET_ITEM_FILES
from extend_source.tables.forms import EDIT_TEMPLATES
from extend_source.tables.objects import FILE_COLUMNS, LISTED_TYPES, OBJECT_TYPES
from extend_source.tables.runs import without_files
from extend_source.tables.schemas import PROCESSOR_RUN_FILES
from extend_source.tables.workflow_runs import WORKFLOW_RUN_FILES, WORKFLOW_STEP_RUN_FILES
from extend_source.text.json_codec import decode_json, encode_json

_RUN, _FILE, _PARSE_RUN, _WORKFLOW_RUN = "processor_run", "file", "parse_run", "workflow_run"

_LINKS = (
    (_RUN, PROCESSOR_RUN_FILES, "run_id"),
    (_WORKFLOW_RUN, WORKFLOW_RUN_FILES, "workflow_run_id"),
    (_WORKFLOW_RUN, WORKFLOW_STEP_RUN_FILES, "workflow_run_id"),
    ("evaluation_set_item", EVALUATION_SET_ITEM_FILES, "evaluation_set_item_id"),
    ("edit_template", EDIT_TEMPLATES, "id"),
)
"""Which objects have which files: the type of objects, the table, and its column with the object."""


@dataclass(frozen=True)
class EraseResult:
    """What was erased.

    Attributes:
        runs: the processor runs asked for.
        files: the files asked for.
        parse_runs: the parse runs asked for, and those of the files.
        rows: rows deleted, by table; only tables that had some. Those of the dataset that a migration has kept bear its
            name.
        payloads: raw payloads of other runs that a file was taken out of.
        files_left: files of the erased runs that are still there, as they were not named.
        runs_left: runs that still are there and have used the erased files: what they extracted stays.
        destination: where the rows were, without any password.
        dataset: the dataset (schema) they were in.
        compacted: the size of the DuckDB file in bytes before and after it was written anew; None: it was not.
        remains: where bytes of what was erased can still be, a line each.
        others: workflow runs, processors and so on that were asked for, their parts, and those of the files, by type.
        unknown: the ids asked for that have no row of their own, and were not erased before.
    """

    runs: int
    files: int
    rows: dict[str, int]
    payloads: int
    files_left: list[str]
    runs_left: list[str]
    destination: str
    dataset: str
    parse_runs: int = 0
    compacted: tuple[int, int] | None = None
    remains: list[str] = field(default_factory=list)
    others: dict[str, int] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)


def erase(
    pipeline: dlt.Pipeline, *, run_ids: Iterable[str] = (), file_ids: Iterable[str] = (), compact: bool = False
) -> EraseResult:
    """Delete all rows of runs, parse runs and files, and note their ids so that no sync loads them again.

    The ids are noted first: a kill in between leaves rows to delete, and the same call deletes them. What dlt keeps of
    earlier loads is deleted as a whole: the rows in its staging dataset and, on this machine, the files of all loads.

    Args:
        pipeline: the pipeline that has loaded them.
        run_ids: the runs; also parse runs, workflow runs, and so on. Processors and workflows take their versions
            along, evaluation sets their items. What a workflow run has made must be named by itself.
        file_ids: the files, which takes their parse runs, verify runs and edit runs along. Runs that used a file stay,
            with what they extracted from it.
        compact: then write the DuckDB file anew, in which the bytes of deleted rows would stay.

    Returns:
        What was deleted, and what is left of what belongs to it.

    Raises:
        UsageError: no id, something that is none, a destination that cannot delete rows or, where that was asked
            for, be written anew; or the DuckDB file is open elsewhere: the rows are deleted then.
        InvalidSetting: the destination can hold no tables of this source, or the pipeline was made with `refresh`.
        SyncUnderWay: the pipeline is being synced.
        SyncError: the DuckDB file could not be written anew; it is as it was.
        PipelineStepFailed: a load that an earlier sync left behind, or the note, could not be loaded.
    """
    named, files = checked_run_ids(run_ids), checked_run_ids(file_ids)
    if not named and not files:
        raise UsageError("Nothing to erase", "Name runs or files", error_code=ErrorCode.BAD_COMMAND)
    if replacement_of(pipeline) == "supersede":
        name = pipeline.destination.destination_name
        raise UsageError(
            f"The destination {name} cannot delete rows",
            "Delete them at Extend, load into a new dataset, and delete the old one",
            error_code=ErrorCode.UNFIT_DESTINATION,
        )
    file = _file_to_compact(pipeline) if compact else None
    refuse_refresh(pipeline, "erase")
    settings = resolved_settings(needs_key=False)
    with exclusive(pipeline):
        with held_database(pipeline, has_large_rows=settings.keep_raw):
            result = _erased(pipeline, named, files, settings)
        if file is None:
            return result
        return replace(result, compacted=compact_file(file), remains=_remains(pipeline, compacted=True))


def _erased(pipeline: dlt.Pipeline, named: list[str], files: list[str], settings: ExtendSettings) -> EraseResult:
    """Erase, with the pipeline locked and its DuckDB file open."""
    settle(pipeline, settings.package_attempts)
    landed = LandedData(pipeline, SECTION)
    compare_all_next(pipeline, restore(landed))
    migrated = _in_both_versions(landed, named)
    types = {**run_types_of(named, settings.api_version, landed), **migrated}
    ids = {kind: [object_id for object_id in types if types[object_id] == kind] for kind in OBJECT_TYPES}
    for kind, parts in ((name, each.parts) for name, each in OBJECT_TYPES.items() if each.parts):
        ids[parts] += landed_parts(landed, kind, ids[kind]).difference(ids[parts])
    for kind in FILE_COLUMNS:
        ids[kind] += _of_files(landed, kind, files).difference(ids[kind])
    twins = migrated.keys() - set(named)
    numbers = {kind: len(set(of_kind) - twins) for kind, of_kind in ids.items() if of_kind}
    runs, parse_runs = numbers.pop(_RUN, 0), numbers.pop(_PARSE_RUN, 0)
    ids[_FILE] = files
    known = {erasure[0] for erasure in landed.erasures()}
    unknown = sorted({*named, *files} - known - _there(landed, ids))
    run_load(pipeline, settings.package_attempts, _notes(ids, len(known.union(*ids.values()))))
    landed = LandedData(pipeline, SECTION)
    files_left = sorted(_files_of(landed, ids))
    runs_left = _users_of(landed, _RUN, ids)
    rows = Counter[str]()
    if landed.knows_table(MIGRATED_IDS):
        but_files = [each for kind, of_kind in ids.items() if kind != _FILE for each in of_kind]
        rows = _erased_in_backup(pipeline, but_files, files)
    with pipeline.sql_client(SECTION) as client:
        users = sorted({user for kind, _, _ in _LINKS for user in _users_of(landed, kind, ids)})
        payloads = _clean_payloads(client, landed, users, frozenset(files))
    rows += delete_rows_of(pipeline, landed, ids)
    _empty_staging(pipeline)
    delete_load_files(pipeline)
    return EraseResult(
        runs=runs,
        files=len(files),
        rows={table: count for table, count in rows.items() if count},
        payloads=payloads,
        files_left=files_left,
        runs_left=runs_left,
        destination=location(pipeline),
        dataset=pipeline.dataset_name,
        parse_runs=parse_runs,
        remains=_remains(pipeline, compacted=False),
        others=numbers,
        unknown=unknown,
    )


def _there(landed: LandedData, ids: Mapping[str, Sequence[str]]) -> set[str]:
    """Say which objects have a row of their own, of what they are or of what a list says; or had one before."""
    found = set[str]()
    for kind, of_kind in ids.items():
        tables = [kinds[kind].table for kinds in (OBJECT_TYPES, LISTED_TYPES) if kind in kinds and of_kind]
        found.update(object_id for table in tables for object_id in landed.known(table, of_kind))
    return found.union(_in_both_versions(landed, [each for of_kind in ids.values() for each in of_kind]))


def _in_both_versions(landed: LandedData, ids: list[str]) -> dict[str, str]:
    """Say what each object of a migrated dataset is, by its ids in both versions of the API."""
    if not landed.knows_table(MIGRATED_IDS):
        return {}
    types: dict[str, str] = {}
    for column, other in (("new_id", "old_id"), ("old_id", "new_id")):
        for this_id, other_id, kind in landed.lookup(MIGRATED_IDS, (column, other, "resource_type"), ids):
            types |= {each: kind for each in (this_id, other_id) if each}
    return types


def _erased_in_backup(pipeline: dlt.Pipeline, runs: list[str], files: list[str]) -> Counter[str]:
    """Erase the same from the rows that a migration has kept; return how many there were, by dataset and table."""
    if not datasets_there(pipeline, dataset_name_of(pipeline, BACKUP)):
        return Counter()
    backup = sibling_pipeline(pipeline, BACKUP)
    try:
        found = erase(backup, run_ids=runs, file_ids=files).rows
    finally:
        pipeline.activate()
    return Counter({f"{backup.dataset_name}.{table}": count for table, count in found.items()})


def _file_to_compact(pipeline: dlt.Pipeline) -> Path:
    file = database_file(pipeline)
    if file is None:
        name = pipeline.destination.destination_name
        raise UsageError(
            f"Only a DuckDB file can be written anew, and the destination is {name}",
            "Leave out --compact, and let the database free its space (PostgreSQL: VACUUM FULL)",
            error_code=ErrorCode.UNFIT_DESTINATION,
        )
    return file


def _remains(pipeline: dlt.Pipeline, *, compacted: bool) -> list[str]:
    """Say, a line each, where bytes of what was erased can be that this command does not reach."""
    elsewhere = "Backups and copies have them still."
    if compacted:
        return [elsewhere]
    file = database_file(pipeline)
    if file is None:
        return [f"The database may keep freed pages until it reuses them. {elsewhere}"]
    return [f"{file} holds their bytes until DuckDB writes over them: erase again with --compact. {elsewhere}"]


def _notes(ids: Mapping[str, Sequence[str]], erasures: int) -> Any:
    """The source of the load that notes what is erased, and how many erasures there are then."""
    now = datetime.now(timezone.utc)

    @dlt.source(name=SECTION, section=SECTION, max_table_nesting=0)
    def erased_ids() -> list[DltResource]:
        @dlt.resource(name=ERASURES.name)
        def notes() -> Iterator[pa.Table]:
            SyncState(dlt.current.source_state()).remember_rows("erasures", erasures)
            kinds = {object_id: kind for kind, of_kind in ids.items() for object_id in of_kind}
            rows = [(object_id, kind, now, load_id()) for object_id, kind in kinds.items()]
            schema = ERASURES.arrow_schema
            columns = zip(*rows, strict=True)
            arrays = [pa.array(values, type=field.type) for values, field in zip(columns, schema, strict=True)]
            yield pa.Table.from_arrays(arrays, schema=schema)

        return [apply_hints(notes, ERASURES, active_write_mode())]

    return erased_ids()


def _of_files(landed: LandedData, kind: str, files: Sequence[str]) -> set[str]:
    """The objects of a type that hold nothing but what is of these files."""
    tables = [kinds[kind].table for kinds in (OBJECT_TYPES, LISTED_TYPES) if kind in kinds]
    places = [(table, name) for table in tables for name in FILE_COLUMNS[kind] if name in table.column_names]
    return {row[1] for table, name in places for row in landed.lookup(table, (name, "id"), files)}


def _files_of(landed: LandedData, ids: Mapping[str, Sequence[str]]) -> set[str]:
    """The files of runs, but for those that are erased as well."""
    links = [landed.lookup(table, (column, "file_id"), ids[kind]) for kind, table, column in _LINKS]
    for kind, names in FILE_COLUMNS.items():
        links += (landed.lookup(OBJECT_TYPES[kind].table, ("id", name), ids[kind]) for name in names)
    return {row[1] for rows in links for row in rows if row[1] is not None}.difference(ids[_FILE])


def _users_of(landed: LandedData, kind: str, ids: Mapping[str, Sequence[str]]) -> list[str]:
    """The runs of files, but for those that are erased as well."""
    links = (landed.lookup(table, ("file_id", column), ids[_FILE]) for of, table, column in _LINKS if of == kind)
    return sorted({row[1] for rows in links for row in rows}.difference(ids[kind]))


def _clean_payloads(client: Sql, landed: LandedData, runs: Sequence[str], files: frozenset[str]) -> int:
    """Take files out of the raw payloads of the runs that carried them; return how many payloads changed."""
    changed = 0
    for run_id, text in landed.lookup(RAW_PAYLOADS, ("id", "payload"), runs) if files else ():
        payload = decode_json(text.encode())
        cleaned = without_files(payload, files) if isinstance(payload, dict) else payload
        if cleaned is payload:
            continue
        table, column = client.make_qualified_table_name(RAW_PAYLOADS.name), client.escape_column_name("payload")
        where = equals("id", run_id)
        client.execute_sql(f"UPDATE {table} SET {column} = %s WHERE {where.sql(client)}", encode_json(cleaned), run_id)
        changed += 1
    return changed


def _empty_staging(pipeline: dlt.Pipeline) -> None:
    """Delete the rows of the last load, which dlt leaves in its staging dataset until it needs the tables again."""
    with pipeline.destination_client(SECTION) as client:
        if not isinstance(client, SqlJobClientWithStagingDataset):
            return
        with client.with_staging_dataset():
            if client.is_storage_initialized():
                names = sorted(made_tables(pipeline))
                client.sql_client.truncate_tables(
                    *(name for name, columns in client.get_storage_tables(names) if columns)
                )
