"""Telling what a sync does to those whom the settings name, and to nobody where they name none."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

from dlt.common import logger

from extend_source.config.installation import install_command
from extend_source.config.settings import ExtendSettings
from extend_source.error_codes import ErrorCode
from extend_source.errors import UsageError
from extend_source.ingest.progress import SyncProgress

if TYPE_CHECKING:
    import dlt

    from extend_source.telemetry.facts import Ending, SyncFacts

HEARTBEAT_SECONDS = 30.0
"""How often a sync says that it is alive, at most."""

_OBSERVERS = {
    "log_format": ("logs", None),
    "opentelemetry": ("traces", "telemetry"),
    "openlineage": ("lineage", "openlineage"),
    "prometheus_folder": ("prometheus", None),
}
"""The module whose ``Observer`` a setting asks for, and the extra that it needs."""


class Observation:
    """One sync, as others are told of it.

    Attributes:
        watermark: all changes up to here are loaded; set before the end. None: not known.
        stopped_by: why it ended early; set before the end. None: it did not.
    """

    def __init__(self, observers: list[Any], facts: SyncFacts | None, progress: SyncProgress) -> None:
        """Begin to tell.

        Args:
            observers: who is told.
            facts: which sync it is; None: nobody is told.
            progress: its counts.
        """
        self._observers, self._facts, self._progress = observers, facts, progress
        self.watermark: Any = None
        self.stopped_by: str | None = None

    @contextmanager
    def load(self) -> Iterator[None]:
        """Tell of a load, which is what the block does."""
        if not self._observers:
            yield
            return
        self._tell(lambda observer: observer.begin_load())
        try:
            yield
        except BaseException as failure:
            self._tell_end_of_load(failure)
            raise
        self._tell_end_of_load(None)

    def begin(self) -> None:
        """Tell that it begins."""
        self._tell(lambda observer: observer.begin(self._facts))

    def beat(self) -> None:
        """Tell that it is alive, and how far it is."""
        self._tell(lambda observer: observer.beat(self._progress))

    def end(self, failure: BaseException | None) -> None:
        """Tell that it has ended."""
        from extend_source.telemetry.facts import ending_of

        ending: Ending = ending_of(self._progress, self.watermark, self.stopped_by, failure)
        self._tell(lambda observer: observer.end(ending))

    def _tell_end_of_load(self, failure: BaseException | None) -> None:
        from extend_source.telemetry.facts import code_of

        code = code_of(failure)
        self._tell(lambda observer: observer.end_load(code))

    def _tell(self, what: Callable[[Any], None]) -> None:
        """Tell all; whoever cannot be told is not told again, and the sync goes on."""
        for observer in list(self._observers):
            try:
                what(observer)
            except Exception as defect:
                self._observers.remove(observer)
                kind = type(defect).__name__
                logger.warning(f"{type(observer).__module__.rpartition('.')[2]} is not told of this sync: {kind}")


@contextmanager
def observed(
    pipeline: dlt.Pipeline, settings: ExtendSettings, progress: SyncProgress, kind: str = "sync"
) -> Iterator[Observation]:
    """Tell what a sync does while the block runs.

    Args:
        pipeline: its pipeline.
        settings: say who is told.
        progress: its counts.
        kind: what it is: ``sync``, or ``events`` for what webhooks have told of.

    Yields:
        What to tell of its loads, and how it ended.

    Raises:
        UsageError: an extra that a setting asks for is not installed, or a folder cannot be written to.
    """
    wanted = [name for name in _OBSERVERS if getattr(settings, name)]
    if not wanted:
        yield Observation([], None, progress)
        return
    from extend_source.telemetry.facts import facts_of

    facts = facts_of(pipeline, kind)
    observation = Observation([_observer(name, settings) for name in wanted], facts, progress)
    observation.begin()
    ended = threading.Event()
    heart = threading.Thread(target=_beat, args=(observation, ended), name="extend-heartbeat", daemon=True)
    heart.start()
    failure: BaseException | None = None
    try:
        yield observation
    except BaseException as error:
        failure = error
        raise
    finally:
        ended.set()
        heart.join()
        observation.end(failure)


def _beat(observation: Observation, ended: threading.Event) -> None:
    while not ended.wait(HEARTBEAT_SECONDS):
        observation.beat()


def _observer(setting: str, settings: ExtendSettings) -> Any:
    module, extra = _OBSERVERS[setting]
    try:
        return import_module(f"extend_source.telemetry.{module}").Observer(getattr(settings, setting))
    except ImportError:
        if extra is None:
            raise
        raise UsageError(
            f"{setting} = true needs an extra",
            f"Run: {install_command(extra)}",
            error_code=ErrorCode.MISSING_PACKAGE,
        ) from None
