"""dlt's staging dataset, emptied after a load only of what the load has put there.

With ``[load] truncate_staging_dataset`` dlt empties after every load each staging table that it has ever made: dozens
of statements for a sync that has changed nothing. What the jobs of a load have filled is known, so a process that uses
this source has this source's tables emptied by that; those of other sources are emptied as ever.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import dlt
from dlt.common import logger
from dlt.common.destination.client import WithStagingDataset

from extend_source.config.settings import SECTION
from extend_source.text.redaction import redact
from extend_source.text.wording import one_line

_NOTE = "extend_staging.json"
"""The file in a pipeline's folder that names the dataset whose staging has rows of the load under way at most."""


def begin_filling(pipeline: dlt.Pipeline) -> None:
    """Note that a load begins. When the one before has not ended, all staging tables are emptied after this one.

    Args:
        pipeline: the pipeline, with nothing pending.
    """
    note = _note_of(pipeline)
    known = _read(note)
    if known.get("is_filling"):
        note.unlink()
    elif known:
        note.write_text(json.dumps({**known, "is_filling": True}), "utf-8")


@cache
def empty_only_filled() -> None:
    """Let loads of this source empty only the staging tables that they have filled.

    dlt has no setting for it: its `Load` takes all tables of the schema.
    """
    from dlt.load.load import Load

    empty_all = Load._maybe_truncate_staging_dataset

    def empty_filled(load: Any, schema: Any, client: Any) -> None:
        is_wanted = load.config.truncate_staging_dataset and isinstance(client, WithStagingDataset)
        if schema.name != SECTION or not is_wanted:
            empty_all(load, schema, client)
            return
        note = _note_of(dlt.current.pipeline())
        place = f"{client.config.fingerprint()} {client.sql_client.dataset_name}"
        known = _read(note)
        if known.get("place") == place and known.get("is_filling"):
            load_id = dlt.current.load_package_state()["load_id"]
            jobs = load.load_storage.normalized_packages.list_all_jobs_with_states(load_id)
            is_empty = _empty(client, {job.table_name for _, job in jobs})
        else:  # one that nobody has announced, or after one that has not ended
            empty_all(load, schema, client)
            is_empty = True
        if is_empty:
            note.write_text(json.dumps({"place": place}), "utf-8")

    Load._maybe_truncate_staging_dataset = empty_filled  # type: ignore[assignment, method-assign]


def _empty(client: Any, names: set[str]) -> bool:
    """Empty staging tables; tell whether that was possible. If not, all are emptied after the next load."""
    staged = sorted(filter(client.should_load_data_to_staging_dataset, names))
    if not staged:
        return True
    try:
        with client.with_staging_dataset():
            sql = client.sql_client
            if client.config.destination_type == "postgres":
                sql.execute_sql(f"TRUNCATE TABLE {', '.join(map(sql.make_qualified_table_name, staged))}")
            else:
                sql.truncate_tables(*staged)
    except Exception as error:
        reason = one_line(redact(str(error)))
        logger.warning(f"The staging dataset could not be emptied; the rows are complete: {reason}")
        return False
    return True


def _note_of(pipeline: dlt.Pipeline) -> Path:
    return Path(pipeline.working_dir) / _NOTE


def _read(note: Path) -> dict[str, Any]:
    try:
        known = json.loads(note.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}
