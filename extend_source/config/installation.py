"""How this package is installed, and what to run to install more of it."""

from __future__ import annotations

import json
from importlib.metadata import PackageNotFoundError, distribution, version
from urllib.parse import urlsplit, urlunsplit

PACKAGE = "dlt-source-extend"


def install_command(extra: str) -> str:
    """Return the command that installs one of the extras, in whatever folder it is run.

    Args:
        extra: the extra's name.

    Returns:
        The command: with the address of the repository where the package came from one, else by name. By name, pip
        leaves a package alone that is installed, wherever it came from, and adds what the extra needs.
    """
    address = _repository()
    return pip(f"{PACKAGE}[{extra}]{f' @ {address}' if address else ''}")


def pip(*requirements: str) -> str:
    """Return the command that installs packages, quoted for any shell."""
    return " ".join(("pip install", *(f'"{each}"' for each in requirements)))


def versions() -> dict[str, str | None]:
    """What is installed of what makes rows, as ``sync_log`` has it."""
    return {"source_version": _version(PACKAGE), "dlt_version": _version("dlt")}


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:  # run from a checkout that is not installed
        return None


def _repository() -> str | None:
    """Return the address of the git repository that the package was installed from; None: from none, or a local one."""
    try:
        origin = json.loads(distribution(PACKAGE).read_text("direct_url.json") or "{}")
        address, details = urlsplit(origin["url"]), origin["vcs_info"]
    except (PackageNotFoundError, KeyError, TypeError, ValueError):
        return None
    if details.get("vcs") != "git" or not address.hostname:
        return None
    host = address.netloc.rpartition("@")[2]  # what may stand before it is a login
    host = f"git@{host}" if address.scheme == "ssh" else host
    place = urlunsplit((f"git+{address.scheme}", host, address.path, "", ""))
    revision = details.get("requested_revision")
    return f"{place}@{revision}" if revision else place
