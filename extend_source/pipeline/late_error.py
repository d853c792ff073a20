"""Raising what ended a sync, once what was fetched before it has landed.

dlt drops a load whose extraction fails. So the source ends it as if all were well, and the error waits for the end of
the run: `sync` raises it itself, and where a user runs the pipeline, its next `load` does.
"""

from __future__ import annotations

from typing import Any

from dlt.common.configuration.container import Container
from dlt.common.pipeline import PipelineContext

from extend_source.errors import ExtendError


def raise_after_load(error: ExtendError, load_id: str | None) -> None:
    """Let the running pipeline raise an error once a load has ended.

    Args:
        error: what to raise.
        load_id: dlt's id of the load; the error is forgotten where it never ends.

    Raises:
        ExtendError: the error, at once where no pipeline is running.
    """
    context = Container()[PipelineContext]
    if not context.is_active():
        raise error
    pipeline: Any = context.pipeline()

    def load_and_raise(*arguments: Any, **options: Any) -> Any:
        vars(pipeline).pop("load", None)  # the class's own again
        info = pipeline.load(*arguments, **options)
        if info is not None and load_id in info.loads_ids:
            raise error
        return info

    pipeline.load = load_and_raise
