"""Files that only their owner may read: what is on the page is nobody else's business."""

from __future__ import annotations

import os
import stat
from pathlib import Path

_OWNER_ONLY = 0o600


def write_private(path: Path | str, content: bytes) -> None:
    """Write a file with mode 0600, whatever the umask says and whatever mode it had before.

    Args:
        path: the file.
        content: what it shall hold.

    Raises:
        OSError: it cannot be written, or it is another user's.
    """
    with open(path, "wb", opener=lambda name, flags: os.open(name, flags, _OWNER_ONLY)) as file:
        if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            os.chmod(path, _OWNER_ONLY)
        file.write(content)
