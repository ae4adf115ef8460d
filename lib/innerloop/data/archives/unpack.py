"""Unpacking archives whole or not at all."""

from __future__ import annotations

import errno
import lzma
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path

from innerloop.data.archives.members import Allowance
from innerloop.data.archives.tar import unpack_tar
from innerloop.data.archives.wanted import Wanted
from innerloop.data.archives.zip import unpack_zip
from innerloop.data.one_at_a_time import alone_in
from innerloop.errors import DataError

_DAMAGED = (
    tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError,
    RuntimeError,  # a zip with a password
    OSError,
)  # fmt: skip
#: Numbers of the OSErrors that decoders raise, and seeking by a false offset; disks raise others.
_OF_THE_CONTENT = (None, errno.EINVAL)


def unpack(archive: Path, folder: Path, wanted: Wanted, quiet: bool = False) -> None:
    """Unpack the wanted members of a tar, tar.gz or zip archive into a folder.

    Raises:
        DataError: the archive is damaged, or holds what no archive of a data set holds.
    """
    try:
        unpack_one = unpack_zip if _begins_as_zip(archive) else unpack_tar
        unpack_one(archive, folder, wanted, Allowance.of(archive), quiet)
    except _DAMAGED as error:
        if isinstance(error, OSError) and error.errno not in _OF_THE_CONTENT:
            raise
        raise DataError(
            f"{archive} cannot be unpacked ({error}); it is truncated, damaged or no archive: "
            "fetch it again"
        ) from error


def _begins_as_zip(archive: Path) -> bool:
    # not zipfile.is_zipfile, which looks at the end: a tar may end with a zip
    with archive.open("rb") as file:
        return file.read(4) == b"PK\x03\x04"


def made_once(folder: Path, make: Callable[[Path], None]) -> Path:
    """A folder that `make` fills, whole or not at all; once it is there it is taken as it is.

    Two runs at once make it once. What a killed run left is thrown away.

    Raises:
        DataError: the disk is full or cannot be written to; and what `make` raises.
    """
    partial = folder.with_name(f".{folder.name}.partial")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with alone_in(folder.parent):
            if not folder.is_dir():
                shutil.rmtree(partial, ignore_errors=True)
                partial.mkdir()
                try:
                    make(partial)
                    partial.rename(folder)
                finally:
                    shutil.rmtree(partial, ignore_errors=True)
    except OSError as error:
        raise DataError(
            f"{folder}: cannot be written ({error}); make room or correct the "
            "folder's permissions, or put resources/ elsewhere"
        ) from error
    return folder


def unpacked(archives: Iterable[Path], folder: Path, wanted: Wanted, quiet: bool = False) -> Path:
    """A folder with the wanted members of some archives."""

    def make(partial: Path) -> None:
        for archive in archives:
            unpack(archive, partial, wanted, quiet)

    return made_once(folder, make)
