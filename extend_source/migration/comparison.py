"""The figures of a dataset beside those of the one that is to take its place."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import dlt

from extend_source.config.settings import SECTION
from extend_source.pipeline.cells import as_credits
from extend_source.pipeline.conditions import Sql
from extend_source.pipeline.sibling_datasets import tables_in
from extend_source.tables.bookkeeping import MIGRATED_IDS

MAX_NAMED = 5
"""Most runs that are named of those that differ."""

Figure = int | Decimal | None

_COUNTED = ("extraction_fields", "classifications", "splits")
_SHOWN = {"processor_run": "runs", "file": "parsing", "parse_run": "parsing"}

_PAIRS = """
SELECT ids.old_id, olds.type, olds.credits, news.credits AS new_credits, olds.status, news.status AS new_status,
       coalesce(old_fields.number, 0) AS fields, coalesce(new_fields.number, 0) AS new_fields
FROM {ids} AS ids
JOIN {old_runs} AS olds ON olds.id = ids.old_id
JOIN {new_runs} AS news ON news.id = ids.new_id
LEFT JOIN (SELECT run_id, count(*) AS number FROM {old_fields} AS counted GROUP BY run_id) AS old_fields
    ON old_fields.run_id = olds.id
LEFT JOIN (SELECT run_id, count(*) AS number FROM {new_fields} GROUP BY run_id) AS new_fields
    ON new_fields.run_id = news.id
WHERE ids.resource_type = 'processor_run'
"""


@dataclass(frozen=True)
class Difference:
    """Runs that are in both datasets and say something else.

    Attributes:
        what: status, credits or fields.
        runs: how many runs.
        named: the first of them by their old ids, each with both values.
    """

    what: str
    runs: int
    named: list[tuple[str, Any, Any]]


@dataclass(frozen=True)
class Comparison:
    """What two datasets hold.

    Attributes:
        figures: by what is counted, the figure of the old and of the new dataset: runs by type, rows, credits.
        pairs: runs that are in both.
        only_old: runs that only the old one has.
        only_new: runs that only the new one has.
        only_old_credits: the credits of the first, which the new dataset lacks.
        only_new_credits: the credits of the second.
        differences: what runs of both say otherwise; empty: nothing.
    """

    figures: dict[str, tuple[Figure, Figure]]
    pairs: int
    only_old: int
    only_new: int
    only_old_credits: Decimal
    only_new_credits: Decimal
    differences: list[Difference] = field(default_factory=list)


def compare(pipeline: dlt.Pipeline, staged: dlt.Pipeline) -> Comparison:
    """Compare the dataset of a pipeline with the one that is to take its place.

    Args:
        pipeline: the pipeline of the old dataset.
        staged: the pipeline of the new one, in the same database; its ``migrated_ids`` are written.

    Returns:
        The figures of both.
    """
    with staged.sql_client(SECTION) as other:
        names = {
            name: other.make_qualified_table_name(name)
            for name in ("processor_runs", "extraction_fields", "credit_usage", *_COUNTED)
        }
        ids = other.make_qualified_table_name(MIGRATED_IDS.name)
    with pipeline.sql_client(SECTION) as client:
        old = _old_tables(pipeline, client, names)
        figures = _figures(client, {name: (old[name], there) for name, there in names.items()})
        runs = old["processor_runs"], names["processor_runs"]
        pairs = _PAIRS.format(
            ids=ids,
            old_runs=runs[0],
            new_runs=runs[1],
            old_fields=old["extraction_fields"],
            new_fields=names["extraction_fields"],
        )
        of_runs = f"{ids} AS ids WHERE ids.resource_type = 'processor_run'"
        lone_old = _lone(client, f"id NOT IN (SELECT old_id FROM ({pairs}) AS pairs)", runs[0])
        old_ids = f"SELECT id FROM {runs[0]} AS olds"
        paired = f"SELECT ids.new_id FROM {of_runs} AND ids.new_id IS NOT NULL AND ids.old_id IN ({old_ids})"
        lone_new = _lone(client, f"id NOT IN ({paired})", runs[1])
        return Comparison(
            figures=figures,
            pairs=int(_rows(client, f"SELECT count(*) FROM ({pairs}) AS pairs")[0][0]),
            only_old=lone_old[0],
            only_new=lone_new[0],
            only_old_credits=lone_old[1],
            only_new_credits=lone_new[1],
            differences=[
                each for what in ("status", "credits", "fields") if (each := _difference(client, pairs, what))
            ],
        )


def _old_tables(pipeline: dlt.Pipeline, client: Sql, new: dict[str, str]) -> dict[str, str]:
    """Name the old tables; one that was never loaded, as where lists alone were read, has no rows."""
    there = tables_in(pipeline, client.dataset_name)
    return {
        name: client.make_qualified_table_name(name) if name in there else f"(SELECT * FROM {empty} WHERE 1 = 0)"
        for name, empty in new.items()
    }


def _figures(client: Sql, tables: dict[str, tuple[str, str]]) -> dict[str, tuple[Figure, Figure]]:
    old, new = (_figures_of(client, {name: both[place] for name, both in tables.items()}) for place in (0, 1))
    return {name: (old.get(name), new.get(name)) for name in dict.fromkeys((*old, *new))}


def _figures_of(client: Sql, tables: dict[str, str]) -> dict[str, Figure]:
    by_type = f"SELECT type, count(*) FROM {tables['processor_runs']} AS runs GROUP BY type ORDER BY type"
    figures: dict[str, Figure] = {f"{kind} runs": int(count) for kind, count in _rows(client, by_type)}
    for name in _COUNTED:
        figures[name] = int(_rows(client, f"SELECT count(*) FROM {tables[name]} AS counted")[0][0])
    ledger = f"SELECT resource_type, sum(credits) FROM {tables['credit_usage']} AS ledger GROUP BY resource_type"
    spent = {"runs": Decimal(0), "parsing": Decimal(0)}
    for resource_type, credits in _rows(client, ledger):
        name = _SHOWN.get(resource_type, resource_type)
        spent[name] = spent.get(name, Decimal(0)) + (as_credits(credits) or Decimal(0))
    figures.update({f"credits of {name}": credits for name, credits in spent.items()})
    return {**figures, "credits": sum(spent.values(), Decimal(0))}


def _lone(client: Sql, condition: str, runs: str) -> tuple[int, Decimal]:
    ((count, credits),) = _rows(client, f"SELECT count(*), sum(credits) FROM {runs} AS lone WHERE {condition}")
    return int(count), as_credits(credits) or Decimal(0)


def _difference(client: Sql, pairs: str, what: str) -> Difference | None:
    differing = f"FROM ({pairs}) AS pairs WHERE {what} IS DISTINCT FROM new_{what}"
    count = int(_rows(client, f"SELECT count(*) {differing}")[0][0])
    if not count:
        return None
    named = _rows(client, f"SELECT old_id, {what}, new_{what} {differing} ORDER BY old_id LIMIT {MAX_NAMED}")
    return Difference(what, count, [(run_id, old, new) for run_id, old, new in named])


def _rows(client: Sql, sql: str) -> list[Any]:
    return list(client.execute_sql(sql) or ())
