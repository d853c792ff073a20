"""A sync, or a migration, in a process of its own, killed at a chosen moment: what the parent asks for, and what the child runs."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import dlt

from extend_source import migrate, sync
from extend_source.api import Endpoint, ExtendClient
from extend_source.ingest import discovery, load
from extend_source.pipeline import dataset_switch
from tests.acceptance.forks import processes

PHASES = ("listing", "fetching", "extract", "normalise", "load", "between packages")
MIGRATION_PHASES = ("matching", *PHASES, "switching", "after the switch")

_STEPS = ("open", "os.", "shutil.", "socket.")
"""What counts as a step: work on files and sockets, as Python's audit events name it; each answer counts, too."""

_REACHED = ""

_MAX_SECONDS = 120.0
"""A sync that reaches no other phase for so long hangs."""


@dataclass(frozen=True)
class Moment:
    """When to kill.

    Attributes:
        phase: in this phase,
        visit: when the sync is in it for this time,
        step: at this of its steps, or at its end if it has fewer.
        delay: seconds from there to the kill, in which the sync goes on; None: it stands still there.
    """

    phase: str
    visit: int
    step: int
    delay: float | None = None


@dataclass(frozen=True)
class Machine:
    """Where a sync runs.

    Attributes:
        destination: the name of the destination in ``dlt.destinations``.
        address: the address of its database.
        dataset: the schema in it.
        pipelines: the folder of dlt's own notes.
    """

    destination: str
    address: str
    dataset: str
    pipelines: Path

    def pipeline(self) -> dlt.Pipeline:
        """Return the machine's pipeline."""
        return dlt.pipeline(
            "extend",
            destination=getattr(dlt.destinations, self.destination)(self.address),
            dataset_name=self.dataset,
            pipelines_dir=str(self.pipelines),
        )


def sync_until(moment: Moment | None, machine: Machine, **arguments: Any) -> str | None:
    """Sync in another process and kill that with SIGKILL; see `_run_until`."""
    return _run_until(sync, moment, machine, arguments)


def migrate_until(moment: Moment | None, machine: Machine, **arguments: Any) -> str | None:
    """Migrate in another process and kill that with SIGKILL; see `_run_until`."""
    return _run_until(migrate, moment, machine, {"dry_run": False, **arguments})


def _run_until(
    work: Callable[..., Any], moment: Moment | None, machine: Machine, arguments: dict[str, Any]
) -> str | None:
    """Work in another process and kill that with SIGKILL.

    Args:
        work: what to do.
        moment: when; None: never.
        machine: where.
        arguments: those of the work.

    Returns:
        The phase in which it was killed; None if it came to its end before.
    """
    receiver, sender = processes.Pipe(duplex=False)
    process = processes.Process(target=_work, args=(work, sender, moment, machine, arguments))
    process.start()
    sender.close()
    phase = ""
    try:
        while True:
            assert receiver.poll(_MAX_SECONDS), f"the sync hangs in phase {phase!r}"
            message = receiver.recv()
            if message == _REACHED:
                time.sleep(moment.delay or 0 if moment else 0)
                process.kill()
            else:
                phase = message
    except EOFError:
        process.join()
    except BaseException:
        process.kill()
        raise
    assert process.exitcode in (0, -signal.SIGKILL), f"the sync failed in phase {phase!r}"
    return phase if process.exitcode else None


class _Watch:
    """Follows a sync through its phases and says when the moment has come."""

    def __init__(self, sender: Connection, moment: Moment | None) -> None:
        self._sender, self._moment = sender, moment
        self._phase = ""
        self._visits: Counter[str] = Counter()
        self._steps = 0

    def enter(self, phase: str) -> None:
        self.leave()
        self._steps = 0
        self._visits[phase] += 1
        self._phase = phase
        self._sender.send(phase)

    def step(self) -> None:
        moment = self._moment
        if moment and (self._phase, self._visits[self._phase]) == (moment.phase, moment.visit):
            self._steps += 1
            if self._steps == moment.step:
                self._reach(moment)

    def leave(self) -> None:
        moment = self._moment
        if moment and (self._phase, self._visits[self._phase]) == (moment.phase, moment.visit):
            self._reach(moment)

    def _reach(self, moment: Moment) -> None:
        self._moment = None
        self._sender.send(_REACHED)
        if moment.delay is None:
            time.sleep(60)


def _work(
    work: Callable[..., Any], sender: Connection, moment: Moment | None, machine: Machine, arguments: dict[str, Any]
) -> None:
    machine.pipelines.mkdir(exist_ok=True)
    os.chdir(machine.pipelines)
    watch = _Watch(sender, moment)
    _announce_phases(watch)
    sys.addaudithook(lambda event, _: watch.step() if event.startswith(_STEPS) else None)
    work(machine.pipeline(), **arguments)
    watch.leave()


def sync_until_folder(name: str, machine: Machine, **arguments: Any) -> None:
    """Sync in another process and kill that with SIGKILL when it is about to make a folder.

    Args:
        name: the name of the folder.
        machine: where.
        **arguments: as for `sync`.
    """
    process = processes.Process(target=_sync_until_folder, args=(name, machine, arguments))
    process.start()
    process.join(_MAX_SECONDS)
    assert process.exitcode == -signal.SIGKILL


def _sync_until_folder(name: str, machine: Machine, arguments: dict[str, Any]) -> None:
    def die_before_the_folder(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "os.mkdir" and Path(os.fsdecode(arguments[0])).name == name:
            os.kill(os.getpid(), signal.SIGKILL)

    machine.pipelines.mkdir(exist_ok=True)
    sys.addaudithook(die_before_the_folder)
    sync(machine.pipeline(), **arguments)


def _announce_phases(watch: _Watch) -> None:
    """Have the functions that begin and end the phases say so."""
    list_pages, fetch_all, get = discovery.Discovery.pages, load.fetch_all, ExtendClient.get

    async def pages(self: discovery.Discovery, client: ExtendClient) -> AsyncIterator[discovery.ListedPage]:
        watch.enter("listing")
        async for page in list_pages(self, client):
            watch.step()
            yield page
        watch.enter("extract")

    async def fetched(*args: Any, **settings: Any) -> AsyncIterator[Any]:
        watch.enter("fetching")
        async for answers in fetch_all(*args, **settings):
            watch.enter("extract")
            yield answers

    async def answered(self: ExtendClient, endpoint: Endpoint, *args: Any, **named: Any) -> dict[str, Any]:
        payload = await get(self, endpoint, *args, **named)
        if endpoint.object_type == "processor_run":
            watch.step()
        return payload

    discovery.Discovery.pages = pages  # type: ignore[method-assign]
    load.fetch_all = fetched  # type: ignore[assignment]
    ExtendClient.get = answered  # type: ignore[method-assign]
    _announce_phases_of_a_migration(watch)
    dlt.Pipeline.extract = _announced(dlt.Pipeline.extract, watch, "extract")  # type: ignore[method-assign]
    dlt.Pipeline.normalize = _announced(dlt.Pipeline.normalize, watch, "normalise")  # type: ignore[method-assign]
    dlt.Pipeline.load = _announced(dlt.Pipeline.load, watch, "load", "between packages")  # type: ignore[method-assign]


def _announce_phases_of_a_migration(watch: _Watch) -> None:
    module = sys.modules[migrate.__module__]
    module.read_id_map = _announced(module.read_id_map, watch, "matching")  # type: ignore[attr-defined]
    switch = dataset_switch._Work.switch

    def switched(self: dataset_switch._Work, client: Any) -> Any:
        watch.enter("switching")
        execute = client.execute_sql
        client.execute_sql = lambda *args: (watch.step(), execute(*args))[1]  # each statement is a step
        return switch(self, client)

    dataset_switch._Work.switch = switched  # type: ignore[method-assign]
    module.switch = _announced(module.switch, watch, "before the switch", "after the switch")  # type: ignore[attr-defined]


def _announced(function: Callable[..., Any], watch: _Watch, phase: str, next_phase: str | None = None) -> Any:
    def announced(*args: Any, **settings: Any) -> Any:
        watch.enter(phase)
        result = function(*args, **settings)
        if next_phase:
            watch.enter(next_phase)
        return result

    return announced
