"""Webhooks under load and under fire: are all genuine events loaded, and no forged one, and how long does it take?

    python -m benchmarks.webhooks [--events 10000] [--rate 200] [--kills 3] [--budget 0]
    python -m benchmarks.webhooks --events 100 --rate 1 --kills 0 --budget 10

The stand-in's events go over sockets to ``extend-source listen``, receiver and worker in a process each: 10 % of them
twice, and with them another 5 % that somebody else has made up, of runs that exist. Each process is killed (SIGKILL)
so many times, evenly over the time, and started again at once. What is not taken is sent again, as Extend does. A row
is there when the load that has it has ended, as ``_dlt_loads`` says.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import httpx

from extend_source.integrations.webhooks import EventQueue
from extend_source.sandbox import SandboxServer, run_event, signed_headers
from extend_source.sandbox.rendering import encode

SECRET, FORGED_SECRET = "wss_0123456789abcdef", "wss_of_somebody_who_guesses"
FORGED, DOUBLED = 0.05, 0.10
"""The shares of forged events and of events that are sent twice."""

LANES = 8
_LONGEST_SECONDS = 3600.0
_LOOK_SECONDS = 0.25


@dataclass(frozen=True)
class Outcome:
    """What came of it.

    Attributes:
        genuine: the distinct events that were sent.
        forged: the deliveries that were made up.
        answers: all deliveries by status; 0: no answer.
        kills: processes that were killed.
        missing: runs of genuine events that have not landed.
        intruders: runs of forged events that have.
        rows: the rows of ``webhook_events``.
        requests: requests for the details of runs.
        seconds: from the first delivery until all had landed.
        latencies: seconds from the arrival of an event until its row was there, in order.
    """

    genuine: int
    forged: int
    answers: Counter[int]
    kills: int
    missing: set[str]
    intruders: set[str]
    rows: int
    requests: int
    seconds: float
    latencies: list[float]

    def percentile(self, share: float) -> float:
        """The latency that a share of the events does not exceed, seconds."""
        return self.latencies[min(len(self.latencies) - 1, int(share * len(self.latencies)))]


@dataclass
class Part:
    """A process of ``extend-source listen`` that is started again whenever it has been killed."""

    folder: Path
    environment: dict[str, str]
    arguments: Sequence[str]
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it."""
        with (self.folder / f"{'-'.join(self.arguments)[:40].strip('-')}.log").open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603 - our own command
                [sys.executable, "-m", "extend_source", "listen", *self.arguments],
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def kill(self) -> None:
        """Kill it without a warning, and start it again."""
        self.stop(signal.SIGKILL)
        self.start()

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End it."""
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(60)


@dataclass
class Campaign:
    """Deliveries, a body and the secret it is signed with each; what is not taken is sent again.

    Attributes:
        url: where to.
        deliveries: in the order in which they are made.
        rate: deliveries a second.
        answers: the deliveries by status; 0: no answer.
    """

    url: str
    deliveries: Sequence[tuple[bytes, str]]
    rate: float
    answers: Counter[int] = field(default_factory=Counter)

    def run(self) -> None:
        """Make them all."""
        threads = [threading.Thread(target=self._send, args=(lane,)) for lane in range(LANES)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _send(self, lane: int) -> None:
        due = time.monotonic() + lane / self.rate
        with httpx.Client(timeout=30, trust_env=False) as client:
            for body, secret in self.deliveries[lane::LANES]:
                time.sleep(max(0.0, due - time.monotonic()))
                while not self._is_taken(client, body, secret):
                    time.sleep(_LOOK_SECONDS)
                due = max(due + LANES / self.rate, time.monotonic() - 1)

    def _is_taken(self, client: httpx.Client, body: bytes, secret: str) -> bool:
        try:
            status = client.post(self.url, content=body, headers=signed_headers(secret, body)).status_code
        except httpx.HTTPError:
            status = 0
        self.answers[status] += 1
        return status == (200 if secret == SECRET else 401)


def measure(folder: Path, *, events: int, rate: float, kills: int, budget: float) -> Outcome:
    """Send events, kill, and wait until all have landed.

    Args:
        folder: an empty folder.
        events: how many distinct genuine events.
        rate: deliveries a second.
        kills: how often each of the two processes is killed.
        budget: the worker's requests a second; 0: no limit.

    Returns:
        What came of it.

    Raises:
        TimeoutError: an hour was not enough.
    """
    forged_events = round(events * FORGED)
    with SandboxServer(runs=round((events + forged_events) * 1.2) + 20) as server:
        told = [run.id for run in server.workspace.runs.values() if run.status in ("PROCESSED", "FAILED")]
        genuine, made_up = told[:events], told[events : events + forged_events]
        bodies = [encode(run_event(server.workspace, run_id)) for run_id in [*genuine, *made_up]]
        chance = random.Random(7)  # noqa: S311 - an order, no secret
        doubled = chance.sample(bodies[:events], round(events * DOUBLED))
        deliveries = [(body, SECRET) for body in [*bodies[:events], *doubled]]
        deliveries += [(body, FORGED_SECRET) for body in bodies[events:]]
        chance.shuffle(deliveries)
        port = _free_port()
        environment = _environment(server, folder, budget)
        parts = [
            Part(folder, environment, ("--no-load", "--port", str(port))),
            Part(folder, environment, ("--no-receive",)),
        ]
        campaign = Campaign(f"http://127.0.0.1:{port}/webhooks", deliveries, rate)
        try:
            for part in parts:
                part.start()
            _wait_for(f"http://127.0.0.1:{port}/health")
            began_at = time.monotonic()
            killer = threading.Thread(target=_kill, args=(parts, kills, len(deliveries) / rate))
            killer.start()
            campaign.run()
            killer.join()
            _wait_until_loaded(folder / "events.sqlite")
            seconds = time.monotonic() - began_at
        finally:
            for part in parts:
                part.stop()
        requests = len(server.requests.of("get_run"))
    landed, rows, latencies = _landed(folder / "webhooks.duckdb")
    return Outcome(
        genuine=len(genuine),
        forged=len(made_up),
        answers=campaign.answers,
        kills=kills * len(parts),
        missing=set(genuine) - landed,
        intruders=landed & set(made_up),
        rows=rows,
        requests=requests,
        seconds=seconds,
        latencies=latencies,
    )


def _environment(server: SandboxServer, folder: Path, budget: float) -> dict[str, str]:
    passed_on = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "LANG") if name in os.environ}
    return passed_on | {
        "HOME": str(folder),
        "DLT_DATA_DIR": str(folder / "dlt"),
        "RUNTIME__DLTHUB_TELEMETRY": "false",
        "PYTHONPATH": os.pathsep.join(filter(None, (str(Path(__file__).parent.parent), passed_on.get("PYTHONPATH")))),
        "DESTINATION__DUCKDB__CREDENTIALS": str(folder / "webhooks.duckdb"),
        "SOURCES__EXTEND__API_KEY": server.api_key,
        "SOURCES__EXTEND__BASE_URL": server.base_url,
        "SOURCES__EXTEND__REQUESTS_PER_SECOND": str(budget),
        "SOURCES__EXTEND__LISTEN__SECRETS": SECRET,
        "SOURCES__EXTEND__LISTEN__QUEUE_FILE": str(folder / "events.sqlite"),
    }


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _wait_for(url: str) -> None:
    until = time.monotonic() + 120
    while time.monotonic() < until:
        with suppress(httpx.HTTPError):
            if httpx.get(url, trust_env=False).is_success:
                return
        time.sleep(_LOOK_SECONDS)
    raise TimeoutError(f"nothing listens at {url}")


def _kill(parts: Sequence[Part], kills: int, seconds: float) -> None:
    for _ in range(kills):
        for part in parts:
            time.sleep(seconds / (kills + 1) / len(parts))
            part.kill()


def _wait_until_loaded(path: Path) -> None:
    until = time.monotonic() + _LONGEST_SECONDS
    with closing(EventQueue(path)) as queue:
        while queue.backlog().events:
            if time.monotonic() > until:
                raise TimeoutError("the events have not been loaded within an hour")
            time.sleep(_LOOK_SECONDS)


def _landed(database: Path) -> tuple[set[str], int, list[float]]:
    with duckdb.connect(str(database), read_only=True) as connection:
        runs = {row[0] for row in connection.execute("select id from extend.processor_runs").fetchall()}
        waited = connection.execute(
            "select epoch(inserted_at - received_at) from extend.webhook_events "
            "join extend._dlt_loads on load_id = _dlt_load_id order by 1"
        ).fetchall()
        (rows,) = connection.execute("select count(*) from extend.webhook_events").fetchall()[0]
    return runs, rows, [row[0] for row in waited]


def main() -> None:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=10_000)
    parser.add_argument("--rate", type=float, default=200.0, help="deliveries a second")
    parser.add_argument("--kills", type=int, default=3, help="of each of the two processes")
    parser.add_argument("--budget", type=float, default=0.0, help="the worker's requests a second; 0: no limit")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="extend-webhooks-") as folder:
        outcome = measure(
            Path(folder), events=chosen.events, rate=chosen.rate, kills=chosen.kills, budget=chosen.budget
        )
    print(f"{outcome.genuine:,} genuine events, {outcome.forged:,} forged, {outcome.kills} processes killed")
    print(
        "deliveries by answer:",
        ", ".join(f"{number:,} x {status}" for status, number in sorted(outcome.answers.items())),
    )
    print(f"genuine runs missing: {len(outcome.missing):,}; forged runs loaded: {len(outcome.intruders):,}")
    print(
        f"rows in webhook_events: {outcome.rows:,}; runs fetched: {outcome.requests:,}; {outcome.seconds:.0f} s in all"
    )
    shares = ", ".join(f"p{100 * share:.0f} {outcome.percentile(share):.1f} s" for share in (0.5, 0.95, 0.99))
    print(f"from event to row: {shares}, at most {outcome.latencies[-1]:.1f} s")


if __name__ == "__main__":
    main()
