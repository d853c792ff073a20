"""One generation of the API to a dataset: objects have other ids in each, and nothing says which are the same."""

from __future__ import annotations

from extend_source.errors import InvalidSetting
from extend_source.pipeline.conditions import Condition
from extend_source.pipeline.landed import LandedData
from extend_source.tables.bookkeeping import SYNC_LOG


def refuse_another_generation(landed: LandedData, api_version: str) -> None:
    """Refuse to load runs of one API version beside those of another.

    Args:
        landed: what the destination holds.
        api_version: the version asked for.

    Raises:
        InvalidSetting: loads of another version have brought something; the text says the two ways on.
    """
    # a rebuild asks for no version: its rows are of those that the payloads were fetched with
    brought = "{api_version} <> %s AND {mode} <> 'rebuild' AND ({runs_listed} > 0 OR {runs_fetched} > 0)"
    condition = Condition(brought, api_version, columns=["api_version", "mode", "runs_listed", "runs_fetched"])
    others = sorted({row[0] for row in landed.rows(SYNC_LOG, ("api_version",), condition, distinct=True)})
    if others:
        raise InvalidSetting(
            f"This dataset holds runs of API {others[0]}, and api_version is {api_version}: each run has another id "
            "there, so that all would come again and be counted twice",
            f'Load {api_version} into a dataset of its own and use that one once it is complete, or set api_version = "'
            f'{others[0]}"',
        )
