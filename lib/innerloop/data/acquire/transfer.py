"""Downloads one file over HTTP: with patience, and from where the last attempt stopped.

`requests` speaks HTTP. What is added here is what a gigabyte over a slow line needs: continuing by
Range requests, waiting longer and longer between attempts, and giving up on servers that send
something else. (pooch, the usual helper, starts from zero after every break and knows one hash.)
"""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import requests
from urllib3.exceptions import HTTPError

from innerloop.data.acquire.verify import looks_like_web_page
from innerloop.runtime.errors import DataError
from innerloop.runtime.progress import ByteProgress

_BLOCK = 1 << 20
_TRY_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")


class SourceError(DataError):
    """One address does not provide the file; another may."""


class _InterruptedError(Exception):
    """An attempt ended early; another may get further."""

    def __init__(self, why: object, wait: float = 0) -> None:
        super().__init__(str(why))
        self.wait = wait


class _CannotContinueError(Exception):
    """The bytes at hand are not the beginning of the server's file."""


@dataclass(frozen=True)
class Patience:
    """How long to wait for servers, in seconds.

    Attributes:
        connect: for a connection.
        silence: for the next byte.
        least_rate: bytes a second below which a connection counts as stalled, over `silence`.
        attempts: number of attempts in a row that may bring next to nothing.
        first_wait: wait after the first of these; doubled after each.
        longest_wait: longest wait after one of these.
    """

    connect: float = 10
    silence: float = 60
    least_rate: float = 1000
    attempts: int = 4
    first_wait: float = 1
    longest_wait: float = 60

    @property
    def worth_it(self) -> float:
        """Number of bytes below which an attempt counts as failed."""
        return self.least_rate * self.silence

    def wait(self, failures: int) -> float:
        """Seconds to wait after so many failures in a row."""
        return min(self.longest_wait, self.first_wait * 2.0 ** (failures - 1))


PATIENT = Patience()


def download(url: str, part: Path, size: int, patience: Patience) -> None:
    """Download a file into `part`, continuing after the bytes that it already holds.

    Args:
        url: the address.
        part: the file, complete when this returns; kept when a connection breaks for good.
        size: its full size in bytes; 0 if unknown.
        patience: how long to wait.

    Raises:
        SourceError: the address does not provide the file.
        DataError: the file cannot be written.
    """
    failures = 0
    while True:
        before = _length(part)
        if size and before >= size:
            return
        try:
            _attempt(url, part, size, patience)
            return
        except _CannotContinueError:
            part.unlink()
        except _InterruptedError as error:
            failures = 1 if _length(part) - before >= patience.worth_it else failures + 1
            if failures >= patience.attempts:
                raise SourceError(
                    f"{url}: gave up after {failures} attempts that brought next to nothing "
                    f"({error})"
                ) from error
            time.sleep(max(patience.wait(failures), min(error.wait, patience.longest_wait)))


def _attempt(url: str, part: Path, size: int, patience: Patience) -> None:
    have = _length(part)
    # bytes as they are: a compressed answer could not be continued
    headers = {"User-Agent": "innerloop (python-requests)", "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    try:
        response = requests.get(
            url, headers=headers, stream=True, timeout=(patience.connect, patience.silence)
        )
    except (requests.ConnectionError, requests.Timeout) as error:
        raise _InterruptedError(error) from error
    except requests.RequestException as error:
        raise SourceError(f"{url}: {error}") from error
    with response:
        start, total = _offered(response, url, have, size)
        _require_space(part.parent, total - start, url)
        name = part.name.removesuffix(".part")
        with ByteProgress(name, total, start, quiet=not total) as shown:
            _write(_blocks(response, patience), part, start, total, url, shown)
    if _length(part) < total:
        raise _InterruptedError(f"the connection ended after {_length(part)} of {total} bytes")


def _offered(response: requests.Response, url: str, have: int, size: int) -> tuple[int, int]:
    """Where the offered bytes begin, and the file's full length (0 if not stated).

    Raises:
        SourceError, _CannotContinueError, _InterruptedError: the answer is not the file.
    """
    status = response.status_code
    if status == 416 and have:  # the server's file is no longer than what is there
        raise _CannotContinueError
    if status in _TRY_AGAIN:
        after = response.headers.get("Retry-After", "")
        raise _InterruptedError(f"HTTP status {status}", float(after) if after.isdigit() else 0)
    if status not in (200, 206):
        raise SourceError(f"{url}: HTTP status {status} ({response.reason})")
    if "html" in response.headers.get("Content-Type", "").lower():
        raise SourceError(f"{url}: sent a web page instead of the file")
    length = response.headers.get("Content-Length", "")
    start, total = 0, int(length) if length.isdigit() else 0
    if status == 206:
        found = _RANGE.fullmatch(response.headers.get("Content-Range", ""))
        if not found or int(found[1]) != have:
            if not have:
                raise SourceError(f"{url}: sends a part that nobody asked for")
            raise _CannotContinueError
        start, total = have, int(found[2]) if found[2].isdigit() else size
    if size and total and total != size:
        raise SourceError(f"{url}: offers {total} bytes, expected {size}")
    return start, total or size


def _require_space(folder: Path, needed: int, url: str) -> None:
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise DataError(
            f"{folder}: {needed} bytes are needed for {url}, {free} are free; make room, or put "
            "resources/ on another disk"
        )


def _blocks(response: requests.Response, patience: Patience) -> Iterator[bytes]:
    """The response's content, in blocks as they arrive.

    Raises:
        _InterruptedError: nothing, or next to nothing, arrives any more.
    """
    began, arrived = time.monotonic(), 0
    while True:
        try:
            block = response.raw.read1(_BLOCK)
        except (HTTPError, OSError) as error:
            raise _InterruptedError(error) from error
        if not block:
            return
        yield block
        arrived += len(block)
        waited = time.monotonic() - began
        if waited > patience.silence:
            if arrived < patience.least_rate * waited:
                raise _InterruptedError(f"only {arrived} bytes came in {waited:.0f} s")
            began, arrived = time.monotonic(), 0


def _write(
    blocks: Iterator[bytes], part: Path, start: int, total: int, url: str, shown: ByteProgress
) -> None:
    length = start
    try:
        with part.open("ab" if start else "wb") as file:
            for block in blocks:
                if not length and looks_like_web_page(block):
                    raise SourceError(f"{url}: sent a web page instead of the file")
                if total and length + len(block) > total:
                    raise SourceError(f"{url}: sends more than the expected {total} bytes")
                file.write(block)
                length += len(block)
                shown.reach(length)
    except SourceError:
        part.unlink()
        raise
    except OSError as error:
        part.unlink(missing_ok=True)  # a full disk would stay full
        raise DataError(
            f"{part.parent}: cannot write {part.name} ({error.strerror}); make room or correct "
            "the folder's permissions, or put resources/ elsewhere"
        ) from error


def _length(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0
