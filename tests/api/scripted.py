"""A small HTTP server that answers as told, over real sockets, and a client of it that does not wait long."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

from extend_source.api import ExtendClient, RequestBudget, RetryPolicy, lists_of
from extend_source.api.endpoints import endpoints_for
from extend_source.config.settings import API_VERSION

T = TypeVar("T")

RUNS = lists_of(API_VERSION, "processor_run")[0]
FILES = endpoints_for(API_VERSION, "file", "")[0]
CANARY_KEY = "sk_canary_0123456789abcdef"
IMPATIENT = RetryPolicy(max_attempts=3, base=0.001, floor=0.001, cap=0.05, max_elapsed=10.0)


@dataclass(frozen=True)
class Request:
    target: str
    headers: dict[str, str]

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        # "+" stays a plus here, as the API cannot be trusted to read it as a space
        raw = urlsplit(self.target).query.replace("+", "%2B")
        return {name: values[0] for name, values in parse_qs(raw, keep_blank_values=True).items()}


@dataclass(frozen=True)
class Answer:
    body: Any = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    missing: int = 0
    """Bytes of the promised body that never arrive."""
    drop: bool = False
    """Close the connection without a word."""
    silence: float = 0.0
    """Seconds before the answer."""

    def content(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


Script = Callable[[Request], Answer]


class ScriptedServer:
    """Answers each request with the next of its answers; the last one is repeated for ever."""

    def __init__(self, *answers: Answer | Script) -> None:
        self.answers = list(answers)
        self.requests: list[Request] = []
        self.connections = 0
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while await self._exchange(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        pairs = (line.split(": ", 1) for line in head[1:] if line)
        request = Request(head[0].split(" ")[1], {name.lower(): value for name, value in pairs})
        self.requests.append(request)
        chosen = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        answer = chosen if isinstance(chosen, Answer) else chosen(request)
        await asyncio.sleep(answer.silence)
        if answer.drop:
            return False
        content = answer.content()
        headers = {"content-type": "application/json", "content-length": str(len(content)), **answer.headers}
        lines = [f"HTTP/1.1 {answer.status} X", *(f"{name}: {value}" for name, value in headers.items())]
        writer.write("\r\n".join([*lines, "", ""]).encode("latin-1"))
        writer.write(content[: len(content) - answer.missing])
        await writer.drain()
        return not answer.missing


@asynccontextmanager
async def serving(*answers: Answer | Script) -> AsyncIterator[ScriptedServer]:
    scripted = ScriptedServer(*answers)
    server = await asyncio.start_server(scripted.serve, "127.0.0.1", 0)
    scripted.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield scripted
    finally:
        server.close()


def client_of(base_url: str, **settings: Any) -> ExtendClient:
    defaults: dict[str, Any] = {
        "api_key": CANARY_KEY,
        "budget": RequestBudget(None),
        "retry_policy": IMPATIENT,
    }
    return ExtendClient(base_url=base_url, **{**defaults, **settings})


def exchange(
    use: Callable[[ExtendClient], Awaitable[T]], *answers: Answer | Script, **settings: Any
) -> tuple[T, ScriptedServer]:
    """Serve some answers, use a client on them, and give back the result and the server."""

    async def scenario() -> tuple[T, ScriptedServer]:
        async with serving(*answers) as server, client_of(server.url, **settings) as client:
            return await use(client), server

    return asyncio.run(scenario())


def failure_of(
    use: Callable[[ExtendClient], Awaitable[Any]], *answers: Answer | Script, **settings: Any
) -> tuple[Exception, ScriptedServer]:
    """Like `exchange`, for a use that fails."""

    async def expect_failure(client: ExtendClient) -> Exception:
        try:
            await use(client)
        except Exception as error:
            return error
        raise AssertionError("nothing was raised")

    return exchange(expect_failure, *answers, **settings)


def run_answer(run_id: str = "dpr_1", **more: Any) -> Answer:
    return Answer({"success": True, "processorRun": {"id": run_id, "status": "PROCESSED", **more}})


def page_answer(*run_ids: str, **more: Any) -> Answer:
    return Answer({"success": True, "processorRuns": [{"id": run_id} for run_id in run_ids], **more})


async def get_run(client: ExtendClient) -> dict[str, Any]:
    return await client.get(RUNS, "dpr_1")
