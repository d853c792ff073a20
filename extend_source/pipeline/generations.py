"""One generation of the API to a dataset: objects have other ids in each, and nothing says which are the same."""

from __future__ import annotations

from extend_source.api import CURRENT_VERSION, GENERATIONS
from extend_source.error_codes import ErrorCode
from extend_source.errors import InvalidSetting
from extend_source.pipeline.conditions import Condition
from extend_source.pipeline.landed import LandedData
from extend_source.tables.bookkeeping import SYNC_LOG
from extend_source.tables.schemas import PROCESSOR_RUNS


def refuse_another_generation(landed: LandedData, api_version: str) -> None:
    """Refuse to load runs of one API version beside those of another.

    Args:
        landed: what the destination holds.
        api_version: the version asked for.

    Raises:
        InvalidSetting: loads of another version have brought something; the text says the two ways on.
    """
    others = sorted(_generations_logged(landed) - {api_version})
    if others and api_version in GENERATIONS:  # else the first request says which versions there are
        raise InvalidSetting(
            f"This dataset holds runs of API {others[0]}, and api_version is {api_version}: each run has another id "
            "there, so that all would come again and be counted twice",
            f"{_way_over(api_version)} into a dataset of its own and use that one once it is complete, or set "
            f'api_version = "{others[0]}"',
            error_code=ErrorCode.OTHER_API_VERSION,
        )


def _way_over(api_version: str) -> str:
    is_newest = api_version == CURRENT_VERSION
    return f"Run `extend-source migrate`, load {api_version}" if is_newest else f"Load {api_version}"


def generations_of(landed: LandedData) -> frozenset[str]:
    """Name the API versions that loads have brought anything of, also where their log is lost.

    Args:
        landed: what the destination holds.
    """
    of_runs = {row[0] for row in landed.rows(PROCESSOR_RUNS, ("api_version",), distinct=True) if row[0]}
    return frozenset(_generations_logged(landed) | of_runs)


def _generations_logged(landed: LandedData) -> set[str]:
    # a rebuild asks for no version: its rows are of those that the payloads were fetched with
    brought = "{mode} <> 'rebuild' AND ({runs_listed} > 0 OR {runs_fetched} > 0)"
    condition = Condition(brought, columns=["mode", "runs_listed", "runs_fetched"])
    return {row[0] for row in landed.rows(SYNC_LOG, ("api_version",), condition, distinct=True) if row[0]}
