"""Commands run as a reader would run them, on a stand-in API, at a moment that is always the same.

The clock of the stand-in stands still, and the commands believe that it is a few minutes later. What still varies is
how long things take: there an output counts as unchanged, see `settled`.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta, timezone
from functools import cache
from pathlib import Path

from extend_source.sandbox import SandboxServer

NOW = datetime(2026, 2, 2, 9, tzinfo=timezone.utc)
"""When the newest runs of the stand-in were made; a command begins a minute after the last one."""

HOME = "/home/me"
PORT = 8123

_RUNS = 120
_PASSED_ON = ("PATH", "LANG", "TMPDIR")

_SHELL = f"""#!{sys.executable}
import os
from datetime import datetime

import time_machine

with time_machine.travel(datetime.fromisoformat(os.environ["DOCS_MOMENT"]), tick=True):
    from extend_source.cli import main

    main()
"""

_VARYING = re.compile(
    r"\b\d+(?:\.\d+)?(?: (?:seconds|ms|min|s|h)\b(?: \d+ s\b)?)"  # how long it took, or is ago
    r"|(?<=\d\d:\d\d):\d\d\b"  # the seconds of a time
    r"|\b\d{10}\.\d+\b"  # dlt's id of a load
    r"|\bProcess \d+ \([\w.]+\)"
    r"|(?<=\"time\": \")[^\"]+"  # in lines of JSON
    r"|(?<=seconds\": )[\d.]+"
    r"|(?<=seconds_waiting\": )[\d.]+"
)

_RATE = re.compile(r", [\d.]+ requests/s")
"""What a phase says of its speed where it took long enough to tell."""

_LOG_TIME = re.compile(r"(?<= \d\d):\d\d:\d\d UTC (?=[a-z]+: )", re.MULTILINE)

_LOG_LINE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC ")
"""What a log gets while a sync works; on a terminal there is a live line instead, which leaves no trace."""

_PHASE_LINE = re.compile(_LOG_LINE.pattern + r"[a-z]+: ")
"""Of these, what it gets at the end of each phase; the others come as often as a phase takes long."""

_open = ExitStack()


class Terminal:
    """A folder with a stand-in API, and ``extend-source`` on the PATH.

    Attributes:
        server: the stand-in.

    Args:
        runs: how many runs the stand-in has.
        is_present: commands see the real time, as where something is signed with it.
        settings: more environment variables.
    """

    def __init__(self, runs: int = _RUNS, *, is_present: bool = False, **settings: str) -> None:
        self.folder = Path(_open.enter_context(tempfile.TemporaryDirectory(prefix="docs-")))
        self.server = server = _open.enter_context(SandboxServer(runs=runs, now=NOW))
        self._base_url = server.base_url
        self._moment, self._is_present = NOW, is_present
        commands = self.folder / ".bin"
        commands.mkdir()
        (commands / "extend-source").write_text(_SHELL)
        (commands / "extend-source").chmod(0o700)
        passed_on = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        self._environment = {
            **passed_on,
            "PATH": os.pathsep.join((str(commands), str(Path(sys.executable).parent), passed_on["PATH"])),
            "HOME": str(self.folder),
            "DLT_DATA_DIR": str(self.folder / ".dlt-data"),  # for root, dlt's folder is outside of the home
            "RUNTIME__DLTHUB_TELEMETRY": "false",
            "SOURCES__EXTEND__BASE_URL": server.base_url,
            "SOURCES__EXTEND__API_KEY": server.api_key,
            **settings,
        }

    def run(self, command: str, *, as_log: bool = False) -> str:
        """Run a command line by bash; return what it printed, as on the machine of a reader.

        Args:
            command: the line.
            as_log: as a log has it, not a terminal.
        """
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=self.folder,
            env=self._next_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            check=False,
        )
        if "Traceback" in done.stdout or done.returncode in (126, 127):
            raise RuntimeError(f"{command}\n{done.stdout}")
        shown = [
            line
            for line in done.stdout.splitlines()
            if not _LOG_LINE.match(line) or (as_log and _PHASE_LINE.match(line))
        ]
        return self._as_shown("\n".join(shown))

    def run_until(self, last_line: str, command: str) -> str:
        """Start a command that goes on until it is stopped; return what it printed up to a line."""
        process = subprocess.Popen(
            ["bash", "-c", f"exec {command}"],
            cwd=self.folder,
            env=self._next_environment(),
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            if line.strip() == last_line:
                break
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
        return re.sub(r"127\.0\.0\.1:\d+", f"127.0.0.1:{PORT}", self._as_shown("".join(lines)))

    def _next_environment(self) -> dict[str, str]:
        self._moment = datetime.now(timezone.utc) if self._is_present else self._moment + timedelta(minutes=1)
        return {**self._environment, "DOCS_MOMENT": self._moment.isoformat()}

    def _as_shown(self, text: str) -> str:
        for here, shown in (
            (self._base_url, f"http://127.0.0.1:{PORT}"),
            (str(self.folder), HOME),
            (f"{Path(sys.executable).parent}/", ".venv/bin/"),
        ):
            text = text.replace(here, shown)
        return "\n".join(line.rstrip() for line in text.rstrip().splitlines())


@cache
def own_terminal(page: str) -> Terminal:
    """Return the terminal of a page, whose commands follow each other."""
    del page
    return Terminal()


@cache
def newer_terminal(page: str, name: str) -> Terminal:
    """Return a terminal of a page, one for each name, where the same runs are read in API 2026-02-09."""
    del page, name
    return Terminal(200, SOURCES__EXTEND__API_VERSION="2026-02-09", SOURCES__EXTEND__REQUESTS_PER_SECOND="0")


@cache
def present_terminal() -> Terminal:
    """Return the terminal of a page whose commands are told of runs as these end."""
    return Terminal(0, is_present=True)


@cache
def demo_terminal() -> Terminal:
    """Return the terminal where the demo was run: its output is of the first command."""
    return Terminal(0)


@cache
def demo_output() -> str:
    """Run the demo, once for all pages; return what it printed."""
    return demo_terminal().run(f"extend-source demo --now {NOW:%Y-%m-%dT%H:%M}")


@contextmanager
def closing_terminals() -> Iterator[None]:
    """Stop the stand-ins and delete the folders at the end."""
    try:
        yield
    finally:
        _open.close()
        for terminal in (own_terminal, newer_terminal, present_terminal, demo_terminal, demo_output):
            terminal.cache_clear()


def settled(output: str, previous: str) -> str:
    """Keep what a page shows already where the new output differs only in how long things took.

    Args:
        output: what was printed now.
        previous: what the page shows.
    """
    return previous if _without_times(output) == _without_times(previous) else output


def _without_times(output: str) -> str:
    return _VARYING.sub("#", _LOG_TIME.sub("#", _RATE.sub("", output)))
