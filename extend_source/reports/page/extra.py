"""What the page needs beyond the package itself."""

from __future__ import annotations

from importlib.util import find_spec

from extend_source.config.installation import install_command
from extend_source.error_codes import ErrorCode
from extend_source.errors import InvalidSetting


def require_extra() -> None:
    """Ask for the extra ``report``.

    Raises:
        InvalidSetting: it is not installed.
    """
    if find_spec("altair") is None or find_spec("vl_convert") is None:
        raise InvalidSetting(
            "The page and the pictures need the extra `report`",
            f"Install it: {install_command('report')}",
            error_code=ErrorCode.MISSING_PACKAGE,
        )
