"""What the HTTP library logs of answers, without where these redirect to: that can be a signed link."""

from __future__ import annotations

import logging
import re

from extend_source.text.redaction import REDACTED

_LOCATION = re.compile(r"""(b'(?:content-)?location', b)(['"]).*?\2""", re.IGNORECASE)


class _WithoutLocations(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = _LOCATION.sub(rf"\1'{REDACTED}'", record.getMessage()), ()
        return True


_FILTER = _WithoutLocations()


def keep_links_out_of_logs() -> None:
    """Have httpcore, which logs the headers of all answers at level DEBUG, leave out locations; calls repeat freely."""
    logging.getLogger("httpcore.http11").addFilter(_FILTER)
