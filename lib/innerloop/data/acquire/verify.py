"""Checks a file against the registry: its size and every known hash."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import NamedTuple

from innerloop.data.acquire.collection import RawFile
from innerloop.runtime.errors import DataError

_BLOCK = 1 << 20
_PAGE = (b"<!doctype html", b"<html", b"<head", b"<script", b"<?xml")


class Hashes(NamedTuple):
    """Digests of a file's content, in hex."""

    md5: str
    sha256: str


def hashes_of(path: Path) -> Hashes:
    """Read a file once, for both digests."""
    md5, sha256 = hashlib.md5(usedforsecurity=False), hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            md5.update(block)
            sha256.update(block)
    return Hashes(md5.hexdigest(), sha256.hexdigest())


def verified(path: Path, expected: RawFile, locked: str = "") -> Hashes:
    """Verify a file, and return its hashes.

    Args:
        path: the file.
        expected: its entry in the registry.
        locked: SHA-256 of the file that was used before, if there was one.

    Raises:
        DataError: it is a web page, or its size or a hash differs.
    """
    if is_web_page(path):
        raise DataError(
            f"{path} is a web page, not {expected.name}: a login, quota or error page was saved "
            "under its name; move it away and fetch the file again"
        )
    size = path.stat().st_size
    if expected.bytes and size != expected.bytes:
        raise DataError(_differs(path, "size in bytes", str(size), str(expected.bytes)))
    found = hashes_of(path)
    for kind in ("md5", "sha256"):
        wanted = getattr(expected, kind)
        if wanted and getattr(found, kind) != wanted.lower():
            raise DataError(_differs(path, kind, getattr(found, kind), wanted))
    if locked and found.sha256 != locked:
        raise DataError(
            _differs(path, "sha256", found.sha256, f"{locked}, which was used here before")
        )
    return found


def is_web_page(path: Path) -> bool:
    """Whether a file begins as HTML or XML does."""
    with path.open("rb") as file:
        return looks_like_web_page(file.read(512))


def looks_like_web_page(beginning: bytes) -> bool:
    """Whether content begins as HTML or XML does."""
    return beginning.lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(_PAGE)


def _differs(path: Path, what: str, found: str, wanted: str) -> str:
    return (
        f"{path}: its {what} is {found}, expected {wanted}; the file is incomplete, damaged or "
        "another one: move it away and fetch it again"
    )
