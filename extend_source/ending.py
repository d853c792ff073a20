"""Raising what ended a sync, once what was fetched before it has landed.

dlt drops a load whose extraction fails. So the source ends it as if all were well, and the error waits for the end of
the run: `sync` raises it itself, and where a user runs the pipeline, its next `load` does.
"""

from __future__ import annotations

from typing import Any

from dlt.common.configuration.container import Container
from dlt.common.pipeline import PipelineContext

from extend_source.api import ExtendError


def raise_after_load(error: ExtendError) -> None:
    """Let the running pipeline raise an error at the end of its next load.

    Args:
        error: what to raise.

    Raises:
        ExtendError: the error, at once where no pipeline is running.
    """
    context = Container()[PipelineContext]
    if not context.is_active():
        raise error
    pipeline: Any = context.pipeline()
    load = pipeline.load

    def load_and_raise(*arguments: Any, **options: Any) -> Any:
        del pipeline.load  # the class's own again
        load(*arguments, **options)
        raise error

    pipeline.load = load_and_raise
