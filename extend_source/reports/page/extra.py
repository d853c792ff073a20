"""What the page needs beyond the package itself."""

from __future__ import annotations

from importlib.util import find_spec

from extend_source.api import InvalidSetting


def require_extra() -> None:
    """Ask for the extra ``report``.

    Raises:
        InvalidSetting: it is not installed.
    """
    if find_spec("altair") is None or find_spec("vl_convert") is None:
        raise InvalidSetting(
            "The page and the pictures need the extra `report`", 'Install it: pip install "dlt-source-extend[report]"'
        )
