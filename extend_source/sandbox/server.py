"""Serves the stand-in over HTTP: in a thread for tests, in the foreground for the shell."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterable
from datetime import datetime
from types import TracebackType

import uvicorn

from extend_source.sandbox.app import create_app
from extend_source.sandbox.faults import Fault, FaultInjector
from extend_source.sandbox.limits import RateLimit
from extend_source.sandbox.organization import Options, Organization
from extend_source.sandbox.requests_log import BeforeRequest, Instead, RequestLog
from extend_source.sandbox.workspace import Workspace

LOOPBACK = "127.0.0.1"
_BACKLOG = 512
_START_TIMEOUT_SECONDS = 10.0
_STOP_TIMEOUT_SECONDS = 5.0


class _Server(uvicorn.Server):
    """A uvicorn server that says when it is ready."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()


def _make_server(organization: Organization, ready: Callable[[], None]) -> _Server:
    config = uvicorn.Config(
        create_app(organization),
        log_config=None,
        log_level="critical",
        access_log=False,
        lifespan="off",
        server_header=False,
        date_header=False,
        ws="none",
        timeout_graceful_shutdown=0,
    )
    return _Server(config, ready)


def _listen(host: str, port: int) -> socket.socket:
    """Return a listening socket; binding it here tells the port before the server runs."""
    # asyncio switches Nagle's algorithm off only for sockets that name TCP; without it a request takes 40 ms
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


class SandboxServer:
    """A stand-in API on a free loopback port, served from a thread while the ``with`` block runs.

    ::

        with SandboxServer(runs=40, faults=["429:0.2"]) as server:
            client = Extend(token=server.api_key, base_url=server.base_url)
            server.workspace.advance(60)

    Args:
        seed: Seed of the first workspace.
        runs: Number of runs of the first workspace.
        now: Where the clock of the first workspace starts; None: at the present minute.
        workspaces: Workspaces to serve instead of one made from ``seed``, ``runs`` and ``now``.
        options: How the API behaves where it is not documented.
        faults: What goes wrong, as ``Fault`` objects or short forms.
        rate_limit: The organization's budget, or None for none.
        port: 0 for a free port.
        before_each_request: Called in the server's thread before each request to the API is answered, so that a test
            can change the workspace between any two of them; what it raises is answered by 500 and raised by ``stop``.
            See ``Organization``.
    """

    def __init__(
        self,
        *,
        seed: int = 7,
        runs: int = 500,
        now: datetime | None = None,
        workspaces: Iterable[Workspace] | None = None,
        options: Options | None = None,
        faults: Iterable[Fault | str] = (),
        rate_limit: RateLimit | None = None,
        port: int = 0,
        before_each_request: BeforeRequest | None = None,
    ) -> None:
        self.organization = Organization(
            workspaces if workspaces is not None else [Workspace(seed, runs, now=now)],
            options=options,
            faults=faults,
            rate_limit=rate_limit,
            before_each_request=before_each_request,
        )
        self._port = port
        self._ready = threading.Event()
        self._listener: socket.socket | None = None
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def base_url(self) -> str:
        """Where it is served, without a slash at the end."""
        if self._listener is None:
            raise RuntimeError("the sandbox is not running; use it in a with block or call start()")
        return f"http://{LOOPBACK}:{self._port}"

    @property
    def api_key(self) -> str:
        """The key of the first workspace."""
        return self.organization.options.api_key

    @property
    def workspace(self) -> Workspace:
        """The first workspace."""
        return next(iter(self.organization.workspaces.values()))

    @property
    def workspaces(self) -> dict[str, Workspace]:
        """All workspaces by id."""
        return self.organization.workspaces

    @property
    def requests(self) -> RequestLog:
        """What was asked."""
        return self.organization.requests

    @property
    def faults(self) -> FaultInjector:
        """What goes wrong; can be changed while the server runs."""
        return self.organization.faults

    @property
    def before_each_request(self) -> BeforeRequest | None:
        """Called before each request to the API is answered; can be set and cleared while the server runs."""
        return self.organization.before_each_request

    @before_each_request.setter
    def before_each_request(self, call: BeforeRequest | None) -> None:
        self.organization.before_each_request = call

    @property
    def instead(self) -> Instead | None:
        """Asked what to send in place of each answer; can be set and cleared while the server runs."""
        return self.organization.instead

    @instead.setter
    def instead(self, ask: Instead | None) -> None:
        self.organization.instead = ask

    def start(self) -> SandboxServer:
        """Start serving and return when requests are answered."""
        self._listener = _listen(LOOPBACK, self._port)
        self._port = self._listener.getsockname()[1]
        self._server = _make_server(self.organization, self._ready.set)
        self._thread = threading.Thread(
            target=self._server.run, args=([self._listener],), name="extend-sandbox", daemon=True
        )
        self._thread.start()
        if not self._ready.wait(_START_TIMEOUT_SECONDS):
            self.stop()
            raise RuntimeError("the sandbox did not start")
        return self

    def stop(self) -> None:
        """Stop serving; open connections are closed.

        Raises:
            BaseException: What ``before_each_request`` raised first, if it raised anything.
        """
        if self._server is not None:
            self._server.should_exit = True
        if self._thread is not None:
            self._thread.join(_STOP_TIMEOUT_SECONDS)
        if self._listener is not None:
            self._listener.close()
        self._listener = self._server = self._thread = None
        self._ready.clear()
        defect, self.organization.defect = self.organization.defect, None
        if defect is not None:
            raise defect

    def __enter__(self) -> SandboxServer:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def serve(
    *,
    host: str = LOOPBACK,
    port: int = 0,
    seed: int = 7,
    runs: int = 500,
    now: datetime | None = None,
    faults: Iterable[Fault | str] = (),
    rate_limit: RateLimit | None = None,
    options: Options | None = None,
    on_ready: Callable[[str], None] | None = None,
) -> None:
    """Serve a stand-in in the foreground until Ctrl-C.

    Args:
        host: Address to bind; keep it on the loopback, the control routes need no key.
        port: 0 for a free port.
        seed: Seed of the workspace.
        runs: Number of runs.
        now: Where the clock of the workspace starts; None: at the present minute.
        faults: What goes wrong.
        rate_limit: The budget, or None for none.
        options: How the API behaves where it is not documented.
        on_ready: Called once with the base URL when requests are answered. Nothing is printed here.

    Raises:
        OSError: The address is taken.
    """
    organization = Organization([Workspace(seed, runs, now=now)], options=options, faults=faults, rate_limit=rate_limit)
    with _listen(host, port) as listener:
        base_url = f"http://{host}:{listener.getsockname()[1]}"

        def ready() -> None:
            if on_ready is not None:
                on_ready(base_url)

        try:
            _make_server(organization, ready).run([listener])
        except KeyboardInterrupt:
            return  # uvicorn raises the signal again after it has shut down
