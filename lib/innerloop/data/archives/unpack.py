"""Unpacks archives completely or not at all."""

from __future__ import annotations

import errno
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path

from innerloop.data.archives.made_once import made_once
from innerloop.data.archives.members import Allowance, Wanted
from innerloop.data.archives.tar import unpack_tar
from innerloop.data.archives.zip import unpack_zip
from innerloop.runtime.errors import DataError

_DAMAGED = (
    tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError,
    RuntimeError,  # a zip with a password
    OSError,
)  # fmt: skip
#: errno of the OSErrors that decoders and seeks to a false offset raise; the disk's are others.
_OF_THE_CONTENT = (None, errno.EINVAL)


def unpack(archive: Path, folder: Path, wanted: Wanted, quiet: bool = False) -> None:
    """Unpack the wanted members of a tar, tar.gz or zip archive into a folder.

    Raises:
        DataError: the archive is damaged, or holds what an archive of a data set never holds.
    """
    try:
        unpack_one = unpack_zip if _begins_as_zip(archive) else unpack_tar
        unpack_one(archive, folder, wanted, Allowance.of(archive), quiet)
    except _DAMAGED as error:
        if isinstance(error, OSError) and error.errno not in _OF_THE_CONTENT:
            raise
        raise DataError(
            f"{archive} cannot be unpacked ({error}); it is truncated, damaged or not an archive: "
            "fetch it again"
        ) from error


def _begins_as_zip(archive: Path) -> bool:
    # not zipfile.is_zipfile, which looks at the end: a tar may end with a zip
    with archive.open("rb") as file:
        return file.read(4) == b"PK\x03\x04"


def unpacked(archives: Iterable[Path], folder: Path, wanted: Wanted, quiet: bool = False) -> Path:
    """A folder with the wanted members of some archives, unpacked once."""

    def make(partial: Path) -> None:
        for archive in archives:
            unpack(archive, partial, wanted, quiet)

    return made_once(folder, make)
