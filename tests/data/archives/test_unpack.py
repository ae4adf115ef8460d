"""Archives: what is unpacked, and what is refused with nothing left behind."""

from __future__ import annotations

import errno
import io
import os
import tarfile
import zipfile
import zlib
from pathlib import Path

import pytest

from innerloop.data.archives import members
from innerloop.data.archives.members import Allowance
from innerloop.data.archives.unpack import unpacked
from innerloop.runtime.errors import DataError

FILES = {"birds/a.jpg": b"eagle" * 100, "birds/deep/b.jpg": b"owl" * 100}


def tar_of(path: Path, files=FILES, links=(), mode="w:gz") -> Path:
    with tarfile.open(path, mode) as tar:
        folder = tarfile.TarInfo("birds")
        folder.type = tarfile.DIRTYPE
        tar.addfile(folder)
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
        for name, kind, target in links:
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, target
            tar.addfile(member)
    return path


def zip_of(path: Path, files=FILES) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as zipped:
        zipped.mkdir("birds")
        for name, content in files.items():
            zipped.writestr(name, content)
    return path


PACKERS = {
    "tar.gz": tar_of,
    "tar": lambda path, files=FILES: tar_of(path, files, mode="w"),
    "zip": zip_of,
}


def take(archive: Path, target: Path, wanted=lambda path: True) -> dict[str, bytes]:
    folder = unpacked([archive], target, wanted, quiet=True)
    found = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


def refused(archive: Path, tmp_path: Path, message: str) -> None:
    """It is a clear error that names the archive, and nothing of it stays anywhere."""
    content = archive.read_bytes()
    with pytest.raises(DataError, match=message) as caught:
        take(archive, tmp_path / "place" / "out")
    assert str(archive) in str(caught.value)
    assert {path.name for path in (tmp_path / "place").iterdir()} == {".lock"}
    assert {path.name for path in tmp_path.iterdir()} == {"place", archive.name}
    assert archive.read_bytes() == content


@pytest.mark.parametrize("kind", PACKERS)
class TestBoth:
    def test_files_come_out(self, tmp_path, kind):
        assert take(PACKERS[kind](tmp_path / "x"), tmp_path / "out") == FILES

    def test_only_wanted_files_come_out(self, tmp_path, kind):
        found = take(PACKERS[kind](tmp_path / "x"), tmp_path / "out", lambda p: p.name == "b.jpg")
        assert set(found) == {"birds/deep/b.jpg"}

    def test_what_macs_leave_behind_is_left_out(self, tmp_path, kind):
        junk = {"birds/._a.jpg": b"x", "__MACOSX/birds/a.jpg": b"x", "birds/.DS_Store": b"x"}
        assert take(PACKERS[kind](tmp_path / "x", {**FILES, **junk}), tmp_path / "out") == FILES

    @pytest.mark.parametrize(
        "name", ["../outside.jpg", "birds/../../outside.jpg", "/tmp/outside.jpg", "..\\outside.jpg"]
    )
    def test_a_member_that_leaves_its_folder(self, tmp_path, kind, name):
        archive = PACKERS[kind](tmp_path / "x", {**FILES, name: b"x"})
        refused(archive, tmp_path, "leaves the folder it belongs to")

    def test_also_where_it_is_not_wanted(self, tmp_path, kind):
        archive = PACKERS[kind](tmp_path / "x", {**FILES, "../outside.jpg": b"x"})
        with pytest.raises(DataError, match="leaves the folder"):
            take(archive, tmp_path / "out", lambda path: False)

    def test_two_members_of_one_name(self, tmp_path, kind):
        files = {**FILES, "birds/./a.jpg": b"another"}
        refused(
            PACKERS[kind](tmp_path / "x", files), tmp_path, "another member has the place of a.jpg"
        )

    def test_a_file_where_a_folder_belongs(self, tmp_path, kind):
        files = {"birds/a": b"a file", "birds/a/b/c.jpg": b"below it"}
        refused(
            PACKERS[kind](tmp_path / "x", files), tmp_path, "another member has the place of c.jpg"
        )

    def test_a_bomb(self, tmp_path, kind, monkeypatch):
        monkeypatch.setattr(Allowance, "of", lambda archive: Allowance(archive, 100_000))
        archive = PACKERS[kind](tmp_path / "x", {"zeros": bytes(10_000_000)})
        refused(archive, tmp_path, "a decompression bomb")

    def test_too_many_members(self, tmp_path, kind, monkeypatch):
        monkeypatch.setattr(Allowance, "of", lambda archive: Allowance(archive, 100_000, 2))
        refused(PACKERS[kind](tmp_path / "x"), tmp_path, "a decompression bomb")

    @pytest.mark.parametrize("share", [0.1, 0.5, 0.7])
    def test_truncated(self, tmp_path, kind, share):
        noise = {"birds/a.jpg": bytes(i * i % 251 for i in range(50_000))}
        archive = PACKERS[kind](tmp_path / "x", noise)
        archive.write_bytes(archive.read_bytes()[: int(share * archive.stat().st_size)])
        refused(archive, tmp_path, "it is truncated, damaged or not an archive")


@pytest.mark.parametrize(
    "link",
    [
        ("birds/c.jpg", tarfile.SYMTYPE, "/etc/passwd"),
        ("birds/c.jpg", tarfile.SYMTYPE, "a.jpg"),
        ("birds/c.jpg", tarfile.LNKTYPE, "birds/a.jpg"),
        ("birds/c.jpg", tarfile.CHRTYPE, ""),
        ("birds/c.jpg", tarfile.FIFOTYPE, ""),
    ],
)
def test_links_and_devices_in_a_tar(tmp_path, link):
    refused(tar_of(tmp_path / "x.tgz", links=[link]), tmp_path, "is a link, a device or")


def test_links_in_a_zip(tmp_path):
    archive = tmp_path / "x.zip"
    with zipfile.ZipFile(archive, "w") as zipped:
        link = zipfile.ZipInfo("birds/c.jpg")
        link.external_attr = 0o120777 << 16
        zipped.writestr(link, "/etc/passwd")
    refused(archive, tmp_path, "is a link or a device")


def test_a_zip_that_lies_about_its_sizes(tmp_path):
    archive = zip_of(tmp_path / "x.zip", {"zeros": bytes(3_000_000)})
    true, lie = (3_000_000).to_bytes(4, "little"), (50).to_bytes(4, "little")
    archive.write_bytes(archive.read_bytes().replace(true, lie))
    refused(archive, tmp_path, "it is truncated, damaged or not an archive")


def test_a_tar_that_ends_with_a_zip_is_a_tar(tmp_path):
    inner = zip_of(tmp_path / "inner.zip").read_bytes()
    archive = tar_of(tmp_path / "x.tar", {"inner.zip": inner}, mode="w")
    archive.write_bytes(archive.read_bytes()[: 1024 + len(inner)])  # no padding behind it
    with archive.open("ab") as file:
        file.write(bytes(-archive.stat().st_size % 512))
    assert take(archive, tmp_path / "out") == {"inner.zip": inner}


def test_a_zip_with_a_password(tmp_path):
    archive = zip_of(tmp_path / "x.zip")
    content = bytearray(archive.read_bytes())
    start = content.index(b"PK\x01\x02")
    while start >= 0:  # the flag in every entry of the directory
        content[start + 8] |= 1
        start = content.find(b"PK\x01\x02", start + 1)
    archive.write_bytes(content)
    refused(archive, tmp_path, "cannot be unpacked")


def test_a_header_that_announces_more_than_the_stream_may_hold(tmp_path, monkeypatch):
    """A pax header of zeros is read by tarfile itself, before any member is seen."""
    monkeypatch.setattr(Allowance, "of", lambda archive: Allowance(archive, 100_000))
    header = tarfile.TarInfo("x")
    header.type, header.size = tarfile.XHDTYPE, 50_000_000
    archive = tmp_path / "x.tgz"
    packer = zlib.compressobj(wbits=31)
    packed = packer.compress(header.tobuf()) + packer.compress(bytes(header.size)) + packer.flush()
    archive.write_bytes(packed)
    refused(archive, tmp_path, "a decompression bomb")


def test_a_tar_of_holes(tmp_path):
    """Its zeros come from no stream: half a kilobyte unpacks to as much as it says."""
    member, body = tarfile.TarInfo("zeros"), b"1\n0\n0\n".ljust(512, b"\0")
    member.size = len(body)
    sparse = {"major": "1", "minor": "0", "name": "birds/zeros.jpg", "realsize": "200000000"}
    member.pax_headers = {f"GNU.sparse.{key}": value for key, value in sparse.items()}
    archive = tmp_path / "x.tar"
    with tarfile.open(archive, "w", format=tarfile.PAX_FORMAT) as tar:
        tar.addfile(member, io.BytesIO(body))
    refused(archive, tmp_path, "birds/zeros.jpg' is a link, a device or a sparse file")


@pytest.mark.parametrize("kind", ["tar.gz", "deflated", "bzip2", "lzma"])
def test_one_damaged_byte_is_not_taken_for_a_full_disk(tmp_path, kind):
    archive = tmp_path / "x"
    noise = {"a.jpg": bytes(i * i % 251 for i in range(5_000))}
    if kind == "tar.gz":
        tar_of(archive, noise)
    else:
        packing = {"deflated": zipfile.ZIP_DEFLATED, "bzip2": zipfile.ZIP_BZIP2}
        with zipfile.ZipFile(archive, "w", packing.get(kind, zipfile.ZIP_LZMA)) as zipped:
            zipped.writestr("a.jpg", noise["a.jpg"])
    content = bytearray(archive.read_bytes())
    content[2 if kind == "tar.gz" else 80] ^= 1  # gzip's method; a member's packed bytes
    archive.write_bytes(content)
    refused(archive, tmp_path, "it is truncated, damaged or not an archive")


@pytest.mark.parametrize("at", [-5, -1])
def test_the_checksum_and_length_at_the_end_of_a_gzip_count(tmp_path, at):
    archive = tar_of(tmp_path / "x")
    content = bytearray(archive.read_bytes())
    content[at] ^= 1
    archive.write_bytes(content)
    refused(archive, tmp_path, "it is truncated, damaged or not an archive")


def test_a_zip_with_a_false_offset(tmp_path):
    archive = zip_of(tmp_path / "x.zip")
    content = archive.read_bytes()
    end = content.rindex(b"PK\x05\x06")
    archive.write_bytes(content[: end + 16] + b"\xff\xff\x00\x00" + content[end + 20 :])
    refused(archive, tmp_path, "it is truncated, damaged or not an archive")


def test_a_full_disk_is_not_taken_for_a_damaged_archive(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("innerloop.data.archives.tar.save", full)
    with pytest.raises(DataError, match=r"out: cannot be read or written .*No space left"):
        take(tar_of(tmp_path / "x.tgz"), tmp_path / "out")


def test_what_is_no_archive(tmp_path):
    archive = tmp_path / "x.tgz"
    archive.write_bytes(b"<html>quota exceeded</html>")
    refused(archive, tmp_path, "it is truncated, damaged or not an archive")


def test_an_archive_of_images_is_far_from_the_allowance(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(bytes(1000))
    assert Allowance.of(path).bytes == 100_010_000
    assert Allowance.of(path).members >= 200_000


def test_junk_is_a_matter_of_names():
    kept = ["birds/a.jpg", "birds/a._b.jpg", "birds/.hidden.jpg"]
    assert not any(members.is_junk(Path(name)) for name in kept)
