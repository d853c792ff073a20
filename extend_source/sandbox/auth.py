"""API keys, versions and workspaces: who may ask for what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from extend_source.sandbox.problems import ApiError
from extend_source.sandbox.workspace import Workspace

API_VERSIONS = ("2025-04-21", "2026-02-09")
"""The versions of the API the stand-in speaks."""

KeyState = Literal["active", "expired", "insufficient", "forbidden"]


@dataclass(frozen=True)
class ApiKey:
    """A key the stand-in knows.

    Attributes:
        state: ``expired`` (or revoked) and ``insufficient`` permission answer 401, ``forbidden`` answers 403.
        workspace_id: The one workspace of the key; None for an organization key, which spans all and needs
            the ``x-extend-workspace-id`` header.
    """

    state: KeyState = "active"
    workspace_id: str | None = None


def default_keys(api_key: str, workspace_id: str) -> dict[str, ApiKey]:
    """Return the keys of a sandbox by their text.

    Args:
        api_key: The key of the first workspace.
        workspace_id: The first workspace.
    """
    return {
        api_key: ApiKey(workspace_id=workspace_id),
        "sk_sandbox_org": ApiKey(),
        "sk_sandbox_expired": ApiKey("expired", workspace_id),
        "sk_sandbox_insufficient": ApiKey("insufficient", workspace_id),
        "sk_sandbox_forbidden": ApiKey("forbidden", workspace_id),
    }


def authenticate(authorization: str | None, keys: Mapping[str, ApiKey]) -> ApiKey:
    """Return the key a request was made with.

    Args:
        authorization: The Authorization header.
        keys: The known keys.

    Raises:
        ApiError: 401 with one of the four documented causes, or 403.
    """
    if not authorization:
        raise ApiError(401, "Missing Authorization header.")
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token or " " in token:
        raise ApiError(401, "Malformed token: expected 'Authorization: Bearer <key>'.")
    key = keys.get(token)
    if key is None or key.state == "expired":
        raise ApiError(401, "The API key has expired or was revoked.")
    if key.state == "insufficient":
        raise ApiError(401, "The API key has insufficient permission.")
    if key.state == "forbidden":
        raise ApiError(403, "The API key has no rights on this object.")
    return key


def check_version(version: str | None) -> None:
    """Refuse a request without a known ``x-extend-api-version``.

    Raises:
        ApiError: 400.
    """
    if version is None:
        raise ApiError(400, "The x-extend-api-version header is required.")
    if version not in API_VERSIONS:
        raise ApiError(400, f"Unknown API version {version!r}. Known: {', '.join(API_VERSIONS)}.")


def choose_workspace(key: ApiKey, wanted: str | None, workspaces: Mapping[str, Workspace]) -> Workspace:
    """Return the workspace a request is about.

    Args:
        key: The key of the request.
        wanted: The ``x-extend-workspace-id`` header.
        workspaces: All workspaces of the organization, by id.

    Raises:
        ApiError: 400 when an organization key comes without a workspace, 401 when it names an unknown one
            or a workspace key names another than its own.
    """
    if key.workspace_id is None and wanted is None:
        raise ApiError(400, "An organization API key needs the x-extend-workspace-id header.")
    if key.workspace_id is not None and wanted not in (None, key.workspace_id):
        raise ApiError(401, f"The API key does not belong to workspace {wanted!r}.")
    workspace = workspaces.get(wanted or key.workspace_id or "")
    if workspace is None:
        raise ApiError(401, f"Workspace {wanted!r} does not exist in this organization.")
    return workspace
