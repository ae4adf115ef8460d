"""The lock file: the SHA-256 of every file that was once verified, in the format of `sha256sum`.

The registry's hashes are what others state. From its first use on, a file's bytes must not change.
"""

from __future__ import annotations

from pathlib import Path

from innerloop.runtime.errors import DataError
from innerloop.runtime.files import atomic_path

LOCK = "SHA256SUMS"


def read_lock(folder: Path) -> dict[str, str]:
    """File name -> SHA-256; empty if nothing was verified yet.

    Raises:
        DataError: the file is not in the format of `sha256sum`.
    """
    path = folder / LOCK
    if not path.exists():
        return {}
    locked = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        digest, two_spaces, name = line.partition("  ")
        if len(digest) != 64 or not two_spaces or not name:
            raise DataError(
                f"{path}: '{line}' is not a line of sha256sum; repair the file, or move it away to "
                "have the files verified by the registry alone"
            )
        locked[name] = digest
    return locked


def write_lock(folder: Path, locked: dict[str, str]) -> None:
    """Write the hashes of verified files."""
    with atomic_path(folder / LOCK) as temporary:
        lines = [f"{digest}  {name}\n" for name, digest in sorted(locked.items())]
        temporary.write_text("".join(lines), encoding="utf-8")
