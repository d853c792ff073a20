"""A stand-in for the Extend API (2025-04-21, 2026-02-09): sample runs, ageing runs, limits and faults, over real HTTP.

It serves the demo, the tests and anyone who wants to try a pipeline without an account. Where the
documentation leaves something open, ``Options`` and ``Workspace`` let a test choose.
"""

from extend_source.sandbox.app import create_app
from extend_source.sandbox.auth import ApiKey
from extend_source.sandbox.credits import CreditAccount
from extend_source.sandbox.faults import FAULT_NAMES, Fault, parse_fault
from extend_source.sandbox.limits import RateLimit
from extend_source.sandbox.organization import DEFAULT_API_KEY, Options, Organization
from extend_source.sandbox.rendering import PRESIGNED_URL_CANARY
from extend_source.sandbox.requests_log import BeforeRequest, Instead, LoggedRequest, OddAnswer, RequestLog
from extend_source.sandbox.server import SandboxServer, serve
from extend_source.sandbox.webhooks import WebhookEndpoint, run_event, signed_headers
from extend_source.sandbox.workspace import ConflictError, NotFoundError, Workspace

__all__ = [
    "DEFAULT_API_KEY",
    "FAULT_NAMES",
    "PRESIGNED_URL_CANARY",
    "ApiKey",
    "BeforeRequest",
    "ConflictError",
    "CreditAccount",
    "Fault",
    "Instead",
    "LoggedRequest",
    "NotFoundError",
    "OddAnswer",
    "Options",
    "Organization",
    "RateLimit",
    "RequestLog",
    "SandboxServer",
    "WebhookEndpoint",
    "Workspace",
    "create_app",
    "parse_fault",
    "run_event",
    "serve",
    "signed_headers",
]
