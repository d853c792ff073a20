"""How this package is installed, and what to run to install more of it."""

from __future__ import annotations

import json
import sys
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path
from urllib.parse import urlsplit

PACKAGE = "dlt-source-extend"

_MAKERS = {"uv-receipt.toml": "uv tool install --force", "pipx_metadata.json": "pipx install --force"}
"""What makes an environment for one command, by the file that it leaves there."""


def install_command(extra: str) -> str:
    """Return the command that installs one of the extras, in whatever folder it is run.

    Args:
        extra: the extra's name.

    Returns:
        The command: with the address of the repository where the package came from one, else by name. By name, pip
        leaves a package alone that is installed, wherever it came from, and adds what the extra needs. uv and pipx
        make an environment of its own for a command: there it is their command, which makes it anew.
    """
    home = Path(sys.prefix)
    program = next((command for note, command in _MAKERS.items() if (home / note).exists()), None)
    if program is None and home.parent.name.startswith("archive-v"):  # what uvx makes for one run
        program, after = "uvx --from", " extend-source"
    else:
        after = ""
    if program is None:
        address = _repository()
        return pip(f"{PACKAGE}[{extra}]{f' @ {address}' if address else ''}")
    address = _repository(or_local=True)
    return f'{program} "{PACKAGE}[{extra}]{f" @ {address}" if address else ""}"{after}'


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


def _repository(*, or_local: bool = False) -> str | None:
    """Return the address of the git repository that the package was installed from; None: from none.

    Args:
        or_local: also where it is a folder of this machine.
    """
    try:
        origin = json.loads(distribution(PACKAGE).read_text("direct_url.json") or "{}")
        address, details = urlsplit(origin["url"]), origin["vcs_info"]
    except (PackageNotFoundError, KeyError, TypeError, ValueError):
        return None
    if details.get("vcs") != "git" or not (address.hostname or or_local):
        return None
    host = address.netloc.rpartition("@")[2]  # what may stand before it is a login
    host = f"git@{host}" if address.scheme == "ssh" else host
    place = f"git+{address.scheme}://{host}{address.path}"
    revision = details.get("requested_revision")
    return f"{place}@{revision}" if revision else place
