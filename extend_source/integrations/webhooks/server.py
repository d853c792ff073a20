"""Serves the receiver of webhooks from a thread, so that the main one can load."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.applications import Starlette

_BACKLOG = 512
_MAX_AT_ONCE = 256
"""The most requests under way; uvicorn answers further ones with 503, and Extend sends them again."""

_SECONDS = 10.0


class _Server(uvicorn.Server):
    """A uvicorn server that says when it is ready."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.is_ready = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.is_ready.set()


@contextmanager
def served(app: Starlette, host: str, port: int) -> Iterator[tuple[str, threading.Thread]]:
    """Serve an application while the block runs; requests under way are answered at its end.

    Args:
        app: the application.
        host: the address to bind.
        port: the port; 0: a free one.

    Yields:
        Where it is served, without a slash at the end, and the thread, which ends early only where serving fails.

    Raises:
        OSError: the address or the port cannot be used.
    """
    config = uvicorn.Config(
        app,
        log_config=None,
        log_level="critical",  # it would log addresses of senders
        access_log=False,
        lifespan="off",
        server_header=False,
        ws="none",
        proxy_headers=False,
        limit_concurrency=_MAX_AT_ONCE,
        timeout_graceful_shutdown=int(_SECONDS),
    )
    server = _Server(config)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio switches Nagle's algorithm off only for sockets that name TCP
    with socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(_BACKLOG)
        thread = threading.Thread(target=server.run, args=([listener],), name="extend-webhooks", daemon=True)
        thread.start()
        try:
            if not server.is_ready.wait(_SECONDS):
                raise OSError("the server did not start")
            shown = f"[{host}]" if ":" in host else host
            yield f"http://{shown}:{listener.getsockname()[1]}", thread
        finally:
            server.should_exit = True
            thread.join(_SECONDS + 1)
