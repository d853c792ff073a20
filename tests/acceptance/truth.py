"""What the tables must hold, worked out from the stand-in's own state: no HTTP, no pipeline, no destination."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

from extend_source.api import CURRENT_VERSION
from extend_source.api.adapters import parse_run, with_id_of_file
from extend_source.api.endpoints import endpoints_for
from extend_source.config.settings import API_VERSION
from extend_source.sandbox import NotFoundError, Workspace
from extend_source.sandbox.generation_2026.kinds import KIND_OF
from extend_source.sandbox.generation_2026.parse_bodies import full_parse, parse_summary
from extend_source.sandbox.generation_2026.parses import parse_runs
from extend_source.sandbox.generation_2026.runs import full_run
from extend_source.tables import TABLES, Flattener, Origin, TableSchema, TypedName, TypedNames, wanted_tables
from extend_source.tables.kinds import to_timestamp
from extend_source.tables.objects import group_of
from extend_source.text.json_codec import decode_json
from tests.acceptance.warehouse import AnyWarehouse, Row, canonical_json, without_sync_columns

Tables = dict[str, list[Row]]

LOADED_GROUPS = ("runs", "parsing")
"""What the tests load unless they say otherwise, as in tests/conftest.py."""

BOOKS = frozenset(
    {
        *(
            "fetch_errors",
            "schema_drift",
            "sync_log",
            "sync_log_objects",
            "processor_run_summaries",
            "parse_run_summaries",
            "tombstones",
        ),
        *("raw_payloads", "typed_columns", "erasures", "replacements"),
    }
)
"""The source's own books and the payloads as they are: nothing that a run says by itself."""

RUN_FED_TABLES = tuple(
    name
    for name, table in TABLES.items()
    if name not in {*BOOKS, "batch_runs"} and not table.opt_in and group_of(table) in ("", "runs", "parsing")
)

_BEYOND_CHUNKS = {
    "blocks": "standard,parse_blocks,parse_lines",
    "words": "standard,parse_blocks,parse_lines,parse_words",
}
"""What ``parse_runs.loaded_tables`` says where more is loaded than by default."""

_SUMMARY_COLUMNS = {
    "id": "id",
    "status": "status",
    "type": "type",
    "processorId": "processor_id",
    "processorVersionId": "processor_version_id",
    "processorName": "processor_name",
}

_NOW = datetime(2026, 2, 2, tzinfo=timezone.utc)  # in columns only that are not compared
_ENDED = frozenset({"PROCESSED", "FAILED", "CANCELLED"})
_EVERY_TEXT = {"raw_text": True, "markdown": True, "html": True}
_SHOWN_DIFFERENCES = 5
_SHOWN_CHARACTERS = 120


def expected_tables(
    workspace: Workspace,
    run_ids: Iterable[str] | None = None,
    *,
    file_contents: str = "embedded",
    parse_output: str = "chunks",
    listed: bool = True,
    workspace_id: str | None = None,
    loaded_tables: str | None = None,
    earlier: Tables | None = None,
    api_version: str = API_VERSION,
) -> Tables:
    """Work out the rows that the tables fed by runs must hold.

    Args:
        workspace: the state of the stand-in.
        run_ids: the runs that were loaded; None for all that can be seen, which must then be readable.
        file_contents: the setting of the load.
        parse_output: the setting of the load.
        listed: the runs were found by listing; those loaded by id have no times.
        workspace_id: the setting of the load.
        loaded_tables: what ``processor_runs.loaded_tables`` says.
        earlier: what an earlier call returned: rows of runs and files that are gone since stay, and what is not
            reported any longer is still known.
        api_version: the setting of the load.

    Returns:
        The rows by table, without the columns that every load changes.
    """
    flattener = Flattener(
        with_contents=file_contents != "none",
        trust_empty_contents=file_contents == "embedded",
        parse_output=parse_output,
    )
    with workspace.lock:
        runs = []
        for run_id in workspace.run_ids() if run_ids is None else run_ids:
            created, updated = _times(workspace.summary(run_id)) if listed else (None, None)
            origin = Origin(api_version, workspace_id, _NOW, created, updated, loaded_tables)
            runs.append(_decoded_run(workspace, run_id, api_version))
            flattener.add("processor_run", runs[-1], origin)
        for parsed in parse_runs(workspace) if api_version == CURRENT_VERSION and run_ids is None else ():
            summary = with_id_of_file(decode_json(workspace.signed_body(parse_summary(workspace, parsed))))
            flattener.add_summary("parse_run", summary, workspace_id, _NOW)
            if parsed.status in _ENDED:
                payload = parse_run(decode_json(workspace.signed_body(full_parse(workspace, parsed))))
                also_loaded = _BEYOND_CHUNKS.get(parse_output)
                origin = Origin(api_version, workspace_id, _NOW, *_times(summary), also_loaded)
                flattener.add("parse_run", payload, origin)
        for file, final in _fetched_files(workspace, runs) if file_contents == "fetch" else ():
            flattener.add("file", file, Origin(API_VERSION, workspace_id, _NOW), final=final)
    batch = flattener.take(None, _NOW)
    wanted = [table.name for table in wanted_tables(keep_raw=False, parse_output=parse_output, groups=LOADED_GROUPS)]
    return {
        name: _merged(TABLES[name], batch[name].to_pylist(), (earlier or {}).get(name, []))
        for name in wanted
        if name not in BOOKS
    }


def assert_holds(warehouse: AnyWarehouse, workspace: Workspace | None = None, **arguments: Any) -> None:
    """Assert that a warehouse holds what the stand-in's runs say, row for row, and nothing else.

    Args:
        warehouse: the warehouse.
        workspace: the state of the stand-in; None for the first workspace of the warehouse's server.
        **arguments: as for `expected_tables`.
    """
    __tracebackhide__ = True
    assert_tables(warehouse, expected_tables(workspace or warehouse.server.workspace, **arguments))


def assert_tables(warehouse: AnyWarehouse, expected: Tables) -> None:
    """Assert that the tables of a warehouse hold some rows and nothing else.

    Args:
        warehouse: the warehouse.
        expected: the rows by table, as `expected_tables` returns them; other tables are left alone.
    """
    __tracebackhide__ = True
    with warehouse.reading():
        lines = [
            line
            for name, rows in expected.items()
            for line in _report(name, TABLES[name].key, rows, without_sync_columns(warehouse.rows(name)))
        ]
    if lines:
        raise AssertionError("\n".join(["the warehouse does not hold what the runs say", *lines]))


def assert_typed_tables(warehouse: AnyWarehouse, workspace: Workspace | None = None, *, listed: bool = True) -> None:
    """Assert that the typed tables hold what the stand-in's runs say, under the names that have landed.

    Args:
        warehouse: the warehouse.
        workspace: the state of the stand-in; None for the first workspace of the warehouse's server.
        listed: the runs were found by listing; those loaded by id have no times.
    """
    __tracebackhide__ = True
    state = workspace or warehouse.server.workspace
    with warehouse.reading():
        landed = list(warehouse.rows("typed_columns"))
        names = TypedNames(TypedName(**{f.name: row[f.name] for f in fields(TypedName)}) for row in landed)
        flattener = Flattener(names=names)
        with state.lock:
            for run_id in state.run_ids():
                times = _times(state.summary(run_id)) if listed else (None, None)
                flattener.add("processor_run", _decoded_run(state, run_id), Origin(API_VERSION, None, _NOW, *times))
        batch = flattener.take(None, _NOW)
        assert len(batch["typed_columns"]) <= len(landed)
        assert {row["table_name"] for row in landed} == set(batch.typed)
        lines = []
        for name, table in batch.typed.items():
            found = without_sync_columns(warehouse.rows(name))
            lines += _report(name, table.key, _merged(table, batch[name].to_pylist(), []), found)
    if lines:
        raise AssertionError("\n".join(["the typed tables do not hold what the runs say", *lines]))


def assert_summaries(
    warehouse: AnyWarehouse, workspace: Workspace | None = None, run_ids: Iterable[str] | None = None
) -> None:
    """Assert that ``processor_run_summaries`` holds what the listing shows of the runs, and no other runs.

    Args:
        warehouse: the warehouse.
        workspace: the state of the stand-in; None for the first workspace of the warehouse's server.
        run_ids: the runs that were listed; None for all that can be seen.
    """
    __tracebackhide__ = True
    state = workspace or warehouse.server.workspace
    with state.lock:
        expected = [_summary_row(state.summary(each)) for each in (state.run_ids() if run_ids is None else run_ids)]
    landed = [
        {name: row[name] for name in (*_SUMMARY_COLUMNS.values(), "credits", "created_at", "updated_at")}
        for row in warehouse.rows("processor_run_summaries")
    ]
    lines = _report("processor_run_summaries", ("id",), expected, landed)
    if lines:
        raise AssertionError("\n".join(["the warehouse does not hold what the listing shows", *lines]))


def _decoded_run(workspace: Workspace, run_id: str, api_version: str = API_VERSION) -> dict[str, Any]:
    """A run's payload as the client would hand it on."""
    body = workspace.run_body(run_id)
    if api_version == CURRENT_VERSION:
        run = workspace.runs[run_id]
        body = workspace.signed_body(full_run(workspace, KIND_OF[run.payload["type"]], run))
    payload = decode_json(body)
    return endpoints_for(api_version, "processor_run", payload["id"])[0].adapt(payload)


def _fetched_files(workspace: Workspace, runs: Sequence[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], bool]]:
    """Each file of the runs once, with its text, and whether a run that has ended used it."""
    final: dict[str, bool] = {}
    for run in runs:
        for file in run.get("files") or ():
            final[file["id"]] = final.get(file["id"], False) or run.get("status") in _ENDED
    for file_id, ended in final.items():
        try:
            body = workspace.file_body(file_id, _EVERY_TEXT)
        except NotFoundError:
            continue  # a row of fetch_errors
        yield endpoints_for(API_VERSION, "file", "")[0].adapt(decode_json(body)), ended


def _times(summary: Mapping[str, Any]) -> tuple[datetime, datetime]:
    return to_timestamp(summary["createdAt"]), to_timestamp(summary["updatedAt"])


def _summary_row(summary: Mapping[str, Any]) -> Row:
    credits = (summary.get("usage") or {}).get("credits")
    created, updated = _times(summary)
    return {
        **{column: summary.get(key) for key, column in _SUMMARY_COLUMNS.items()},
        "credits": None if credits is None else Decimal(str(credits)),
        "created_at": created,
        "updated_at": updated,
    }


def _merged(table: TableSchema, batch: list[Row], earlier: list[Row]) -> list[Row]:
    """What a table holds after a load: one row a key, no markers, and what the load says nothing of."""
    owner = (table.replaced_by,) if table.replaced_by else table.key
    named = {_key(row, owner) for row in batch}
    rows = {_key(row, table.key): row for row in earlier if _key(row, owner) not in named}
    known = {_key(row, table.key): row for row in earlier}
    json_columns = {column.name for column in table.columns if column.kind.name == "json"}
    latest_by = table.latest_by
    for row in sorted(batch, key=lambda row: row[latest_by]) if latest_by else batch:
        if table.marker and all(row[name] == value for name, value in table.marker.items()):
            continue
        key = _key(row, table.key)
        kept = {name: known[key][name] for name in table.kept_columns if row[name] is None and key in known}
        texts = {name: canonical_json(row[name]) for name in json_columns if row[name] is not None}
        rows[key] = {**row, **kept, **texts}
    return without_sync_columns(rows.values())


def _report(name: str, key: Sequence[str], expected: Sequence[Row], landed: Sequence[Row]) -> list[str]:
    """Lines that name a table and its first differences; none if there are none."""
    found: dict[tuple[Any, ...], list[Row]] = {}
    for row in landed:
        found.setdefault(_key(row, key), []).append(row)
    wanted = {_key(row, key): row for row in expected}
    differences = []
    for place in sorted({*wanted, *found}, key=repr):
        what = _difference(wanted.get(place), found.get(place, []))
        if what:
            differences.append(f"  {', '.join(map(repr, place))}: {what}")
    if not differences:
        return []
    head = f"{name} ({', '.join(key)}): {len(expected)} rows expected, {len(landed)} found, {len(differences)} differ"
    hidden = len(differences) - _SHOWN_DIFFERENCES
    return [head, *differences[:_SHOWN_DIFFERENCES], *([f"  and {hidden} more"] if hidden > 0 else [])]


def _difference(expected: Row | None, found: Sequence[Row]) -> str | None:
    if expected is None:
        return "not expected"
    if len(found) != 1:
        return f"found {len(found)} times" if found else "missing"
    (row,) = found
    texts = []
    for name in dict.fromkeys((*expected, *row)):
        if name not in row:
            texts.append(f"{name} is no column")
        elif name not in expected:
            texts.append(f"{name} is a column too many")
        elif row[name] != expected[name]:
            texts.append(f"{name} is {_shown(row[name])}, expected {_shown(expected[name])}")
    return "; ".join(texts)


def _key(row: Row, names: Sequence[str]) -> tuple[Any, ...]:
    return tuple(row[name] for name in names)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}..."
