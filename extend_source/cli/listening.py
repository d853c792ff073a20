"""What ``listen`` does."""

from __future__ import annotations

import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from types import FrameType

import typer

from extend_source.cli.console import print_json
from extend_source.cli.errors import clear_errors, explain
from extend_source.cli.exit_codes import DONE, FAILED, fail
from extend_source.cli.options import Api, Place
from extend_source.cli.pipelines import pipeline_at
from extend_source.config.listening import ListenSettings, listen_settings
from extend_source.error_codes import ErrorCode
from extend_source.ingest.named_runs import refuse_filters_of_lists, refuse_ids_without_details
from extend_source.ingest.resolution import resolved_settings
from extend_source.integrations.webhooks.queue import EventQueue, queue_file
from extend_source.text.wording import moment

_REPORT_SECONDS = 30.0
"""How often events that were not noted are told of, at most."""

_LOOK_SECONDS = 0.5


@dataclass(frozen=True)
class Parts:
    """What of it runs in this process.

    Attributes:
        receives: events are received.
        loads: what they name is loaded.
        sync_every: how often the listing is synced as well; None: someone else does.
    """

    receives: bool = True
    loads: bool = True
    sync_every: timedelta | None = None


def listen(place: Place, api: Api, parts: Parts, *, host: str, port: int, as_json: bool) -> None:
    """Receive events, load what they name, or both, until a signal comes."""
    from extend_source.integrations.webhooks.worker import Worker

    stopped, arguments = threading.Event(), api.arguments()
    with clear_errors(), ExitStack() as stack:
        settings = listen_settings(needs_secrets=parts.receives)
        pipeline = pipeline_at(place)
        # what is wrong with them is said now, not at the first event
        own = resolved_settings(needs_key=parts.loads, **arguments)
        if parts.loads:
            refuse_ids_without_details([], own)
            refuse_filters_of_lists(own)
        path = settings.queue_file or queue_file(pipeline.pipelines_dir, pipeline.pipeline_name)
        queue = stack.enter_context(closing(EventQueue(path, settings.max_pending)))
        seconds = None if parts.sync_every is None else parts.sync_every.total_seconds()
        worker = Worker(
            pipeline,
            queue,
            arguments,
            stopped,
            say=_say if own.log_format is None else _speaker(own.log_format),
            explain=lambda failure: explain(failure)[1],
            sync_seconds=seconds,
        )
        stack.enter_context(_ended_by_signals(worker.stop))
        is_serving: Callable[[], bool] = lambda: True  # noqa: E731
        if parts.receives:
            is_serving = stack.enter_context(_receiving(queue, settings, host, port, as_json=as_json))
        if parts.loads:
            worker.run(is_serving)
        while is_serving() and not stopped.wait(_LOOK_SECONDS):
            pass
        if not stopped.is_set():
            fail(FAILED, ErrorCode.UNEXPECTED, "The receiver of events has ended by itself. Start it again.")
    raise typer.Exit(DONE)


def _say(line: str) -> None:
    typer.echo(f"{moment(datetime.now(timezone.utc))} {line}", err=True)


def _speaker(log_format: str) -> Callable[[str], None]:
    """Return what writes lines of the worker in the log, beside what its loads tell there."""
    from extend_source.telemetry.logs import Observer, note

    Observer(log_format)
    return lambda line: note("listen", {"line": line})


@contextmanager
def _ended_by_signals(stop: Callable[[], None]) -> Iterator[None]:
    """Let the first Ctrl-C or SIGTERM end it in good order; the second one ends it at once."""
    is_told = False

    def told(number: int, frame: FrameType | None) -> None:
        nonlocal is_told
        if is_told:
            signal.default_int_handler(signal.SIGINT, frame)
        is_told = True
        stop()

    before = {number: signal.signal(number, told) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _receiving(
    queue: EventQueue, settings: ListenSettings, host: str, port: int, *, as_json: bool
) -> Iterator[Callable[[], bool]]:
    """Receive events while the block runs; yield what tells whether it still does."""
    from extend_source.integrations.webhooks.listener import EVENTS_PATH, Listener
    from extend_source.integrations.webhooks.server import served

    listener = Listener(queue, settings.secrets or (), int(settings.max_body_megabytes * 1e6))
    ended = threading.Event()
    with ExitStack() as stack:
        try:
            address, thread = stack.enter_context(served(listener.app(), host, port))
        except OSError as error:
            reason = error.strerror or error
            fail(FAILED, ErrorCode.PORT_TAKEN, f"{host}:{port} cannot be used: {reason}. Choose another with --port.")
        if as_json:
            print_json({"address": address, "path": EVENTS_PATH}, on_one_line=True)
        else:
            typer.echo(f"Listening for events at {address}{EVENTS_PATH} - stop with Ctrl-C.")
        sys.stdout.flush()
        reports = threading.Thread(target=_report, args=(listener.counts, ended), daemon=True)
        reports.start()
        try:
            yield thread.is_alive
        finally:
            ended.set()
            reports.join()


def _report(counts: Counter[str], ended: threading.Event) -> None:
    """Say now and then how many events were not noted, and why."""
    before = Counter[str]()
    while not ended.wait(_REPORT_SECONDS):
        now = Counter(counts)
        grown = {outcome: number for outcome, number in sorted((now - before).items()) if outcome != "noted"}
        if grown:
            _say("not noted: " + ", ".join(f"{number:,} {outcome}" for outcome, number in grown.items()))
        before = now
