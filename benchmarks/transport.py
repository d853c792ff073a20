"""What an answer costs the downloading process, by the number of connections and how long the server takes.

    python -m benchmarks.transport [--seconds 3] [--connections 1,8,32,64] [--latencies 0,50,300]

One `httpx.AsyncClient` for all connections, one for each connection as this source does it, and httpx over aiohttp
where `httpx-aiohttp` is installed. The server is a process of its own, and its bodies are made before.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import multiprocessing
import socket
import ssl
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from itertools import product

import httpx

from benchmarks.payloads import SIZES, body
from extend_source.api.connections import Connections

Get = Callable[[str], Awaitable[None]]

TLS = ssl.create_default_context()
"""Shared by all clients, as in this source: each would otherwise read the certificates for itself."""


def serve(listener: socket.socket, content: bytes) -> None:
    """Answer each request after as many milliseconds as its path says, until killed."""
    head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(content)}\r\n\r\n".encode()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while request := await reader.readuntil(b"\r\n\r\n"):
                await asyncio.sleep(int(request.split(b" ", 2)[1].strip(b"/")) / 1000)
                writer.write(head + content)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def listen() -> None:
        async with await asyncio.start_server(answer, sock=listener) as server:
            await server.serve_forever()

    asyncio.run(listen())


async def one_for_all(stack: AsyncExitStack, connections: int) -> Get:
    """One client, whose pool has the connections."""
    limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
    client = await stack.enter_async_context(httpx.AsyncClient(verify=TLS, limits=limits, timeout=60))

    async def get(url: str) -> None:
        (await client.get(url)).raise_for_status()

    return get


async def one_a_connection(stack: AsyncExitStack, _: int) -> Get:
    """What this source does."""
    pool = Connections(lambda limits: httpx.AsyncClient(verify=TLS, limits=limits, timeout=60))
    stack.push_async_callback(pool.aclose)

    async def get(url: str) -> None:
        with pool.one() as client:
            (await client.get(url)).raise_for_status()

    return get


async def over_aiohttp(stack: AsyncExitStack, connections: int) -> Get:
    """One client over aiohttp's connections."""
    from httpx_aiohttp import AiohttpTransport

    limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
    client = await stack.enter_async_context(httpx.AsyncClient(transport=AiohttpTransport(limits=limits), timeout=60))

    async def get(url: str) -> None:
        (await client.get(url)).raise_for_status()

    return get


WAYS = {"one client": one_for_all, "one client a connection": one_a_connection, "httpx over aiohttp": over_aiohttp}


async def answers(way: str, url: str, connections: int, seconds: float) -> tuple[int, float]:
    """Fetch for some seconds; return how many answers came, and the processor seconds of this process."""
    count = 0
    async with AsyncExitStack() as stack:
        get = await WAYS[way](stack, connections)

        async def work() -> None:
            nonlocal count
            while time.monotonic() < end:
                await get(url)
                count += 1

        end = time.monotonic() + seconds
        begin = time.process_time()
        await asyncio.gather(*(work() for _ in range(connections)))
        return count, time.process_time() - begin


def main() -> None:
    """Measure what the command line asks for, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each case")
    parser.add_argument("--size", default="extract-79k", help=f"one of {', '.join(SIZES)}")
    parser.add_argument("--connections", default="1,8,32,64")
    parser.add_argument("--latencies", default="0,50,300", help="milliseconds")
    chosen = parser.parse_args()
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    server = multiprocessing.Process(target=serve, args=(listener, body(SIZES[chosen.size], 1)), daemon=True)
    server.start()
    ways = [way for way in WAYS if way != "httpx over aiohttp" or importlib.util.find_spec("httpx_aiohttp")]
    try:
        print(
            "| answers after, ms | connections |",
            *(f"{way}: answers a second | ms of processor each |" for way in ways),
        )
        print("|" + "---|" * (2 + 2 * len(ways)))
        for latency, connections in product(chosen.latencies.split(","), chosen.connections.split(",")):
            url = f"http://127.0.0.1:{listener.getsockname()[1]}/{latency}"
            cells = []
            for way in ways:
                count, processor = asyncio.run(answers(way, url, int(connections), chosen.seconds))
                cells.append(f"{count / chosen.seconds:.0f} | {processor / count * 1000:.2f} |")
            print(f"| {latency} | {connections} |", *cells, flush=True)
    finally:
        server.terminate()
        server.join()


if __name__ == "__main__":
    main()
