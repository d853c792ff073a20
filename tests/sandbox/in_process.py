"""A synchronous client of an organization in the same process: no socket, no thread, no waiting."""

from __future__ import annotations

import asyncio

import httpx

from extend_source.sandbox import Organization, create_app

HEADERS = {"Authorization": "Bearer sk_sandbox", "x-extend-api-version": "2025-04-21"}


class _AppTransport(httpx.BaseTransport):
    def __init__(self, organization: Organization) -> None:
        self._transport = httpx.ASGITransport(create_app(organization))

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return asyncio.run(self._handle(request))

    async def _handle(self, request: httpx.Request) -> httpx.Response:
        response = await self._transport.handle_async_request(request)
        return httpx.Response(response.status_code, headers=response.headers, content=await response.aread())


class InProcessClient(httpx.Client):
    """Sends requests with a good key and version to an organization."""

    def __init__(self, organization: Organization) -> None:
        super().__init__(transport=_AppTransport(organization), base_url="http://localhost", headers=HEADERS)
        self.organization = organization
