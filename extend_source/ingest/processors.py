"""The processors that a sync is limited to: an id that no run has is told, and a name in its place refused."""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress

from dlt.common import logger

from extend_source.api import ExtendClient, lists_of
from extend_source.config.settings import ExtendSettings
from extend_source.error_codes import ErrorCode
from extend_source.errors import ExtendError, InvalidSetting, Withdrawn
from extend_source.pipeline.conditions import equals
from extend_source.pipeline.landed import LandedData
from extend_source.privacy import privacy_rules
from extend_source.tables.bookkeeping import PROCESSOR_RUN_SUMMARIES
from extend_source.text.wording import printable

_ID = re.compile(r"[A-Za-z0-9_-]+")
_MAX_NAMED = 10
_MAX_CHARACTERS = 60


async def check_processor_ids(
    client: ExtendClient, settings: ExtendSettings, landed: LandedData, listed: set[str]
) -> None:
    """Say which of the processors asked for were not seen, once the listing has been read.

    Args:
        client: the API; it is asked for one page of the listing where a processor was not seen, for what there is.
        settings: `processor_ids` names those asked for.
        landed: what the destination holds.
        listed: the processors of the runs listed.

    Raises:
        InvalidSetting: none of them was seen, and one is evidently the name of a processor, not its id.
    """
    wanted = list(dict.fromkeys(settings.processor_ids or ()))
    if all(each in listed for each in wanted):
        return
    seen = listed | landed.processor_ids(settings)
    unseen = [each for each in wanted if each not in seen]
    if not unseen:
        return
    known = _landed_names(landed, settings)
    if not known or not all(map(_ID.fullmatch, unseen)):
        known |= await _listed_names(client, settings)
    names = [each for each in unseen if each not in known and _is_name(each, known.values())]
    if names and len(unseen) == len(wanted):
        raise InvalidSetting(
            f"processor_ids takes ids, and {names[0][:_MAX_CHARACTERS]!r} is none of a processor that has run",
            _choice(known),
            error_code=ErrorCode.UNKNOWN_PROCESSOR,
        )
    for each in unseen:
        logger.warning(
            ErrorCode.UNKNOWN_PROCESSOR.line(
                f"No run of the processor {each[:_MAX_CHARACTERS]!r} was listed, and none has landed: has it run yet, "
                f"and is that its id? {_choice(known)}."
            )
        )


def _is_name(text: str, names: Iterable[str]) -> bool:
    """Tell whether a text is the name of a processor: one that is known, or one that no id could be."""
    return _ID.fullmatch(text) is None or text.casefold() in {name.casefold() for name in names}


def _choice(known: dict[str, str]) -> str:
    """Name the processors by id and name."""
    if not known:
        return "Give the ids of processors, such as dp_Xj8mK2pL9nR4vT7qY5wZ"
    by_name = sorted(known.items(), key=lambda each: (each[1], each[0]))
    shown = [f"{each} ({printable(name)[:_MAX_CHARACTERS]})" if name else each for each, name in by_name[:_MAX_NAMED]]
    more = f" and {len(known) - _MAX_NAMED} more" if len(known) > _MAX_NAMED else ""
    return f"Those that have run: {', '.join(shown)}{more}"


def _landed_names(landed: LandedData, settings: ExtendSettings) -> dict[str, str]:
    columns = ("processor_id", "processor_name")
    workspace = equals("workspace_id", settings.workspace_id)
    rows = landed.rows(PROCESSOR_RUN_SUMMARIES, columns, workspace, distinct=True)
    return {processor: name or "" for processor, name in rows if processor}


async def _listed_names(client: ExtendClient, settings: ExtendSettings) -> dict[str, str]:
    """The processors of the newest runs, by what may be shown of them; none where the API does not say."""
    privacy, known = privacy_rules(settings), dict[str, str]()
    with suppress(ExtendError, Withdrawn):
        for endpoint in lists_of(settings.api_version, "processor_run"):
            async for page in client.pages(endpoint):
                for summary in page.summaries:
                    clean = privacy.clean_summary("processor_run", summary)
                    if isinstance(clean.get("processorId"), str):
                        known[clean["processorId"]] = str(clean.get("processorName") or "")
                break
    return known
