"""What to say where the system refuses to read or write: which file, why, and what to do."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from innerloop.runtime.errors import DiskError

_FULL = "make room there, or put it on another disk"
_CLOSED = "correct its permissions, or put it where you may write"
#: What a disk refuses by, and what to do; other errors of the system are about something else.
_ADVICE = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EROFS: _CLOSED,
    errno.EACCES: _CLOSED,
    errno.EPERM: _CLOSED,
    errno.EIO: "the disk may be failing: copy what you have, and look at the system's log",
}


def is_of_disk(error: BaseException) -> bool:
    """Whether it is the disk that refuses."""
    return isinstance(error, OSError) and error.errno in _ADVICE


def disk_error(place: Path | str, error: OSError, needed: int = 0) -> DiskError:
    """An error for people, about the file that the system names, or else about the place.

    Args:
        place: what was being read or written.
        error: of the system.
        needed: bytes that were to be written, if it is known.
    """
    file = Path(os.fsdecode(error.filename or place))
    why = error.strerror or str(error)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        wanted = f"{_megabytes(needed)} are needed, " if needed else ""
        why = f"{why}: {wanted}{_left(file)}"
    advice = _ADVICE.get(error.errno or 0, "correct its permissions or make room")
    return DiskError(
        f"{file}: cannot be read or written ({why}); {advice}. Then run again: what is finished or "
        "saved is taken up"
    )


def _left(file: Path) -> str:
    folder = next(folder for folder in (*file.absolute().parents, Path("/")) if folder.is_dir())
    disk = os.statvfs(folder)
    if not disk.f_favail and disk.f_files:
        return f"no more files fit on the disk of {folder}"
    return f"{_megabytes(disk.f_bavail * disk.f_frsize)} are left on the disk of {folder}"


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
