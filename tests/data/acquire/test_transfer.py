"""One file over HTTP, from servers that behave and from servers that do not."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from raw_files import BRISK, CONTENT, IMPATIENT

import file_server as answers
from innerloop.data.acquire import transfer
from innerloop.data.acquire.transfer import SourceError, download
from innerloop.runtime.errors import DataError


@pytest.fixture
def part(tmp_path) -> Path:
    return tmp_path / "birds.tgz.part"


def get(url: str, part: Path, size: int = len(CONTENT), patience=BRISK) -> None:
    download(url, part, size, patience)


@pytest.mark.parametrize("size", [len(CONTENT), 0], ids=["known size", "unknown size"])
def test_a_file(server, part, size):
    get(server.give("/f", answers.whole(CONTENT)), part, size)
    assert part.read_bytes() == CONTENT


@pytest.mark.parametrize("status", [404, 403, 401, 410])
def test_a_refusal_is_not_repeated(server, part, status):
    with pytest.raises(SourceError, match=f"/f: HTTP status {status}"):
        get(server.give("/f", answers.refusal(status)), part)
    assert len(server.requests) == 1
    assert not part.exists()


@pytest.mark.parametrize("status", [500, 503, 429])
def test_a_busy_server_is_asked_again(server, part, status):
    get(server.give("/f", answers.refusal(status, Retry_After=0), answers.whole(CONTENT)), part)
    assert part.read_bytes() == CONTENT


def test_a_server_that_stays_busy_is_given_up(server, part):
    with pytest.raises(SourceError, match=r"gave up after 2 attempts .*HTTP status 503"):
        get(server.give("/f", answers.refusal(503)), part)
    assert len(server.requests) == BRISK.attempts


def test_waiting_grows_and_is_bounded():
    patience = transfer.Patience(first_wait=1, longest_wait=5)
    assert [patience.wait(failures) for failures in (1, 2, 3, 4, 50)] == [1, 2, 4, 5, 5]


def test_nobody_listens(part):
    with pytest.raises(SourceError, match="gave up after 2 attempts"):
        get("http://127.0.0.1:9/f", part)


def test_time_out(server, part):
    with pytest.raises(SourceError, match=r"gave up .*timed out"):
        get(server.give("/f", answers.silence(server)), part, patience=IMPATIENT)


def test_stalled_stream(server, part):
    with pytest.raises(SourceError, match=r"gave up after 2 attempts that brought next to"):
        get(server.give("/f", answers.stall(server, CONTENT, 1000)), part, patience=IMPATIENT)


def test_a_trickle_is_a_stall(server, part):
    with pytest.raises(SourceError, match=r"only \d+ bytes came in"):
        get(server.give("/f", answers.trickle(server, CONTENT, 0.02)), part, patience=IMPATIENT)


@pytest.mark.parametrize("kind", ["text/html", "text/HTML; charset=utf-8", "application/gzip"])
def test_a_web_page_instead_of_the_file(server, part, kind):
    url = server.give("/f", answers.page(b"\n <!DOCTYPE html><html>" + b" " * 900, kind))
    with pytest.raises(SourceError, match="sent a web page instead of the file"):
        get(url, part, 0)
    assert not part.exists()


def test_a_page_of_plain_words(server, part):
    url = server.give("/f", answers.page(b"Please log in."))
    with pytest.raises(SourceError, match="sent a web page instead of the file"):
        get(url, part, 0)
    assert not part.exists()


def test_interrupted_then_continued(server, part):
    url = server.give("/f", answers.cut(CONTENT, 100_000), answers.cut(CONTENT, 50_000),
                      answers.whole(CONTENT))  # fmt: skip
    get(url, part)
    assert part.read_bytes() == CONTENT
    assert server.ranges("/f") == ["", "bytes=100000-", "bytes=150000-"]


def test_breaks_that_bring_something_are_no_reason_to_give_up(server, part):
    breaks = [answers.cut(CONTENT, 60_000)] * 5
    get(server.give("/f", *breaks, answers.whole(CONTENT)), part)
    assert part.read_bytes() == CONTENT


def test_a_server_that_always_breaks_early_is_given_up(server, part):
    url = server.give("/f", answers.cut(CONTENT, 100))
    with pytest.raises(SourceError, match="gave up after 2 attempts that brought next to nothing"):
        get(url, part)
    assert len(server.requests) == 2


def test_an_early_end_is_seen_where_the_server_says_no_length(server, part):
    def unannounced(request):
        request.send_response(200)
        request.end_headers()
        request.wfile.write(CONTENT[:100_000])
        request.break_off()

    get(server.give("/f", unannounced, answers.whole(CONTENT)), part)
    assert part.read_bytes() == CONTENT
    assert server.ranges("/f") == ["", "bytes=100000-"]


def test_a_part_that_nobody_asked_for(server, part):
    url = server.give("/f", answers.refusal(206, Content_Range="bytes 5-9/300"))
    with pytest.raises(SourceError, match="sends a part that nobody asked for"):
        get(url, part)


def test_the_next_run_continues(server, part):
    part.write_bytes(CONTENT[:120_000])
    get(server.give("/f", answers.whole(CONTENT)), part)
    assert part.read_bytes() == CONTENT
    assert server.ranges("/f") == ["bytes=120000-"]


def test_a_truncated_file_is_never_taken_for_whole(server, part):
    with pytest.raises(SourceError, match="gave up"):
        get(server.give("/f", answers.cut(CONTENT, 1000), answers.cut(CONTENT, 0)), part)
    assert part.stat().st_size == 1000


def test_a_server_without_ranges_sends_it_again(server, part):
    part.write_bytes(CONTENT[:120_000])
    get(server.give("/f", answers.without_ranges(CONTENT)), part)
    assert part.read_bytes() == CONTENT


@pytest.mark.parametrize("shown", ["bytes 5-9/300", "nonsense", ""])
def test_a_range_that_was_not_asked_for_starts_over(server, part, shown):
    part.write_bytes(CONTENT[:120_000])
    other = answers.refusal(206, Content_Range=shown)
    get(server.give("/f", other, answers.whole(CONTENT)), part)
    assert part.read_bytes() == CONTENT
    assert server.ranges("/f") == ["bytes=120000-", ""]


def test_a_beginning_longer_than_the_server_s_file_starts_over(server, part):
    part.write_bytes(b"x" * len(CONTENT))
    get(server.give("/f", answers.whole(CONTENT)), part, 0)
    assert part.read_bytes() == CONTENT


def test_another_size_is_seen_before_anything_is_read(server, part):
    with pytest.raises(SourceError, match=rf"offers 300 bytes, expected {len(CONTENT)}"):
        get(server.give("/f", answers.whole(b"x" * 300)), part)
    assert not part.exists()


def test_a_stream_longer_than_the_file_is_cut_off(server, part):
    def endless(request):
        request.send_response(200)
        request.end_headers()
        while not server.closing.is_set():
            try:
                request.wfile.write(b"x" * 65536)
            except OSError:
                break
        request.break_off()

    with pytest.raises(SourceError, match="sends more than the expected"):
        get(server.give("/f", endless), part)
    assert not part.exists()


def test_no_room_is_said_before_anything_is_read(server, part, monkeypatch):
    class Full:
        free = 1000

    monkeypatch.setattr(transfer.shutil, "disk_usage", lambda _: Full)
    with pytest.raises(DataError, match=rf"{len(CONTENT)} bytes are needed .* 1000 are free"):
        get(server.give("/f", answers.whole(CONTENT)), part)
    assert not part.exists()


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 100 kB where the system lets us mount one."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=100k", "tmpfs", str(place)]
    if (
        not shutil.which("mount")
        or subprocess.run(command, check=False, capture_output=True).returncode
    ):
        pytest.skip("mounting needs root; the stand-in below tests the same")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk(server, small_disk, monkeypatch):
    monkeypatch.setattr(transfer, "_require_space", lambda *_: None)  # filled by others meanwhile
    part = small_disk / "birds.tgz.part"
    with pytest.raises(DataError, match=r"disk: cannot write birds.tgz.part \(No space left"):
        get(server.give("/f", answers.whole(CONTENT)), part)
    assert list(small_disk.iterdir()) == []


def test_a_disk_that_fills_up(server, part, monkeypatch):
    class FullFile:
        def __init__(self, *_, **__):
            part.touch()

        def __enter__(self):
            return self

        def __exit__(self, *_):
            return None

        def write(self, _):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "open", FullFile)
    with pytest.raises(DataError, match="No space left on device"):
        get(server.give("/f", answers.whole(CONTENT)), part)
    monkeypatch.undo()
    assert not part.exists()
