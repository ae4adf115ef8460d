"""Unpacking tar archives, plain or gzipped, member by member."""

from __future__ import annotations

import gzip
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from innerloop.data.archives.members import Allowance, Wanted, inside, is_junk, save
from innerloop.runtime.errors import DataError
from innerloop.runtime.progress import ByteProgress

_GZIP = b"\x1f\x8b"
_BLOCK = 1 << 20


def unpack_tar(
    archive: Path, folder: Path, wanted: Wanted, allowance: Allowance, quiet: bool = False
) -> None:
    """Unpack the wanted members of a tar archive.

    Raises:
        DataError: a member is a link, a device or a sparse file, leaves the folder or occurs
            twice, or there is too much. What was unpacked by then stays in the folder.
    """
    size = archive.stat().st_size
    with (
        _opened(archive, allowance) as (tar, raw),
        ByteProgress(f"unpacking {archive.name}", size, quiet=quiet) as shown,
    ):
        for member in tar:
            allowance.spend(members=1)
            path = inside(member.name, archive) if member.name not in (".", "./") else None
            if member.isdir() or path is None:
                continue
            # the holes of a sparse file are not read from the stream, so nothing would count them
            if not member.isreg() or member.issparse():
                raise DataError(
                    f"{archive}: member {member.name!r} is a link, a device or a sparse file, "
                    "where only plain files belong; nothing of the archive is used: move it away"
                )
            content = tar.extractfile(member)
            if content is not None and not is_junk(path) and wanted(path):
                save(content, folder / path, archive)
            shown.reach(raw.tell())


class _Counted:
    """A stream that counts the bytes read from it, whatever its headers announce."""

    def __init__(self, stream: IO[bytes], allowance: Allowance) -> None:
        self._stream, self._allowance = stream, allowance

    def read(self, size: int) -> bytes:
        block = self._stream.read(size)
        self._allowance.spend(bytes=len(block))
        return block


@contextmanager
def _opened(archive: Path, allowance: Allowance) -> Iterator[tuple[tarfile.TarFile, IO[bytes]]]:
    with archive.open("rb") as raw:
        zipped = raw.read(2) == _GZIP
        raw.seek(0)
        stream = cast("IO[bytes]", gzip.GzipFile(fileobj=raw)) if zipped else raw
        counted = cast("IO[bytes]", _Counted(stream, allowance))
        with tarfile.open(fileobj=counted, mode="r|") as tar:  # one pass, no seeking
            yield tar, raw
        while counted.read(_BLOCK):  # gzip's checksum comes last, after what tar reads
            pass
