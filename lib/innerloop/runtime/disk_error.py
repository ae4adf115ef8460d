"""Messages for failed reads and writes: which file, why, and what to do."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from innerloop.runtime.errors import DiskError

_FULL = "make room there, or put it on another disk"
_CLOSED = "correct its permissions, or put it where you may write"
#: Error number -> what to do, for errors that are about the disk.
_ADVICE = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EROFS: _CLOSED,
    errno.EACCES: _CLOSED,
    errno.EPERM: _CLOSED,
    errno.EIO: "the disk may be failing: copy what you have, and look at the system's log",
}


def is_of_disk(error: BaseException) -> bool:
    """Whether an error is about the disk: full, read-only, failing, or without permission."""
    return isinstance(error, OSError) and error.errno in _ADVICE


def disk_error(place: Path | str, error: OSError, needed: int = 0) -> DiskError:
    """A readable error about the file that the system names, or else about `place`.

    Args:
        place: what was being read or written.
        error: the system's error.
        needed: number of bytes that were to be written, if known.
    """
    file = Path(os.fsdecode(error.filename or place))
    why = error.strerror or str(error)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        wanted = f"{_megabytes(needed)} are needed, " if needed else ""
        why = f"{why}: {wanted}{_left(file)}"
    advice = _ADVICE.get(error.errno or 0, "correct its permissions or make room")
    return DiskError(
        f"{file}: cannot be read or written ({why}); {advice}. Then run again: finished and saved "
        "work is kept"
    )


def _left(file: Path) -> str:
    folder = next(folder for folder in (*file.absolute().parents, Path("/")) if folder.is_dir())
    disk = os.statvfs(folder)
    if not disk.f_favail and disk.f_files:
        return f"no more files fit on the disk of {folder}"
    return f"{_megabytes(disk.f_bavail * disk.f_frsize)} are left on the disk of {folder}"


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
