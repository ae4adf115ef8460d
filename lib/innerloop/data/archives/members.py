"""What an archive may hold: plain files and folders, inside its own folder, and not too much."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath, PurePosixPath
from typing import IO, TypeAlias

from innerloop.runtime.errors import DataError

#: Tells from a member's path whether it is unpacked.
Wanted: TypeAlias = Callable[[PurePosixPath], bool]

_BLOCK = 1 << 20


@dataclass
class Allowance:
    """How much an archive may still unpack to.

    Attributes:
        archive: the archive, for messages.
        bytes: total size that its files may still have.
        members: number of members that it may still have.
    """

    archive: Path
    bytes: int
    members: int = 1_000_000

    @classmethod
    def of(cls, archive: Path) -> Allowance:
        """Ten times its size plus 100 MB: images hardly shrink, bombs shrink a thousandfold."""
        return cls(archive, 10 * archive.stat().st_size + 100_000_000)

    def spend(self, bytes: int = 0, members: int = 0) -> None:
        """Deduct what was announced or read.

        Raises:
            DataError: it is more than the archive of a data set can hold.
        """
        self.bytes -= bytes
        self.members -= members
        if self.bytes < 0 or self.members < 0:
            raise DataError(
                f"{self.archive} unpacks to far more than an archive of its size can hold (a "
                "decompression bomb?); nothing of it is used: move it away"
            )


def inside(name: str, archive: Path) -> PurePosixPath:
    """A member's name as a path below the folder that the archive is unpacked to.

    Raises:
        DataError: it leads out of that folder.
    """
    path = PurePosixPath(name)
    parts = path.parts
    if not parts or path.is_absolute() or ".." in parts or "\\" in name or "\0" in name:
        raise DataError(
            f"{archive}: member {name!r} leaves the folder it belongs to; nothing of the archive "
            "is used: move it away"
        )
    return path


def is_junk(path: PurePath) -> bool:
    """Whether a path is what macOS leaves in archives: `._bird.jpg`, `__MACOSX/`, `.DS_Store`."""
    return path.name.startswith("._") or path.name == ".DS_Store" or "__MACOSX" in path.parts


def save(content: IO[bytes], target: Path, archive: Path) -> None:
    """Write one member's content to a file that must not exist yet.

    Raises:
        DataError: the archive has two members of that name, or a file where its folder belongs.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as file:
            for block in _blocks(content):
                file.write(block)
    except (FileExistsError, NotADirectoryError) as error:
        raise DataError(
            f"{archive}: another member has the place of {target.name}; move it away"
        ) from error


def _blocks(content: IO[bytes]) -> Iterator[bytes]:
    while block := content.read(_BLOCK):
        yield block
