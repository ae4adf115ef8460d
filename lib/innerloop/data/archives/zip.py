"""Unpacking zip archives, member by member."""

from __future__ import annotations

import stat
import zipfile
from pathlib import Path

from innerloop.data.archives.members import Allowance, Wanted, inside, is_junk, save
from innerloop.runtime.errors import DataError
from innerloop.runtime.progress import Progress

_KINDS = (0, stat.S_IFREG, stat.S_IFDIR)  # 0: packed on a system without file types


def unpack_zip(
    archive: Path, folder: Path, wanted: Wanted, allowance: Allowance, quiet: bool = False
) -> None:
    """Unpack the wanted members of a zip archive.

    Raises:
        DataError: a member is a link or encrypted, leaves the folder or occurs twice, or there is
            too much. What was unpacked by then stays in the folder.
    """
    with zipfile.ZipFile(archive) as zipped:
        members = zipped.infolist()
        # zipfile reads no more of a member than is announced here
        allowance.spend(sum(member.file_size for member in members), len(members))
        with Progress(f"unpacking {archive.name}", len(members), quiet=quiet) as shown:
            for member in members:
                _unpack(zipped, member, archive, folder, wanted)
                shown.advance()


def _unpack(
    zipped: zipfile.ZipFile, member: zipfile.ZipInfo, archive: Path, folder: Path, wanted: Wanted
) -> None:
    # the name as it is in the archive: zipfile cleans `filename` only on some systems
    path = inside(member.orig_filename, archive)
    if stat.S_IFMT(member.external_attr >> 16) not in _KINDS:
        raise DataError(
            f"{archive}: member {member.filename!r} is a link or a device, where only "
            "plain files belong; nothing of the archive is used: move it away"
        )
    if member.is_dir() or is_junk(path) or not wanted(path):
        return
    with zipped.open(member) as content:
        save(content, folder / path, archive)
