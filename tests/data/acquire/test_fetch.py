"""Bringing a collection into place: own files, mirrors, verification, the lock."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import subprocess
import threading
from pathlib import Path

import pytest
from raw_files import BRISK, CONTENT, collection, raw_file

import file_server as answers
from innerloop.data.acquire.fetch import Ways, fetch
from innerloop.runtime.errors import DataError

SHA256 = hashlib.sha256(CONTENT).hexdigest()
MD5 = hashlib.md5(CONTENT).hexdigest()


@pytest.fixture
def folder(tmp_path) -> Path:
    return tmp_path / "raw" / "birds"


def run(wanted, folder, **ways):
    return fetch(wanted, folder, Ways(patience=BRISK, **ways))


def left(folder) -> set[str]:
    """What is in the folder, but for the lock that lets one run in."""
    return {path.name for path in folder.iterdir()} - {".lock"}


class TestDownload:
    def test_a_file_is_verified_recorded_and_locked(self, server, folder):
        url = server.give("/f", answers.whole(CONTENT))
        record = run(collection(raw_file(url)), folder)
        assert record["files"]["birds.tgz"] == {
            "path": "birds.tgz", "origin": url, "md5": MD5, "sha256": SHA256,
        }  # fmt: skip
        assert record["licence"]["name"] == "free"
        assert record["licence"]["attribution"] == "A. Bird"
        assert json.loads((folder / "fetched.json").read_text(encoding="utf-8")) == record
        assert (folder / "SHA256SUMS").read_text(encoding="utf-8") == f"{SHA256}  birds.tgz\n"
        assert left(folder) == {"birds.tgz", "fetched.json", "origins.json", "SHA256SUMS"}

    def test_again_costs_nothing_and_says_the_same(self, server, folder):
        wanted = collection(raw_file(server.give("/f", answers.whole(CONTENT))))
        first = run(wanted, folder)
        assert run(wanted, folder) == first
        assert len(server.requests) == 1

    def test_the_first_mirror_is_dead_and_the_second_good(self, server, folder):
        dead = server.give("/dead", answers.refusal(404))
        good = server.give("/good", answers.whole(CONTENT))
        assert run(collection(raw_file(dead, good)), folder)["files"]["birds.tgz"]["origin"] == good

    def test_a_broken_download_is_continued_from_the_next_mirror(self, server, folder):
        slow = server.give("/slow", answers.cut(CONTENT, 100_000), answers.refusal(404))
        good = server.give("/good", answers.whole(CONTENT))
        run(collection(raw_file(slow, good)), folder)
        assert server.ranges("/good") == ["bytes=100000-"]

    def test_own_mirrors_are_asked_first(self, server, folder):
        server.give("/mine/birds/birds.tgz", answers.whole(CONTENT))
        other = server.give("/f", answers.whole(CONTENT))
        run(collection(raw_file(other)), folder, mirrors=(f"{server.address}/mine/",))
        assert [path for path, _ in server.requests] == ["/mine/birds/birds.tgz"]

    def test_all_dead_says_what_to_fetch_by_hand(self, server, folder, tmp_path):
        urls = [server.give(f"/{n}", answers.refusal(n)) for n in (404, 403)]
        second = raw_file(urls[0], name="more.tgz", by_hand=("https://example.org/login",))
        wanted = collection(raw_file(*urls), second, folder="Birds")
        with pytest.raises(DataError) as caught:
            run(wanted, folder, data_root=str(tmp_path))
        said = str(caught.value)
        for part in (
            *urls, "HTTP status 404", "HTTP status 403", "https://example.org/login", "birds.tgz",
            "more.tgz", f"{len(CONTENT)} bytes", MD5, SHA256, str(folder), str(tmp_path / "birds"),
            "unpacked folder 'Birds'", "docs/data.md",
        ):  # fmt: skip
            assert part in said
        assert left(folder) == set()

    @pytest.mark.parametrize(
        ("known", "message"),
        [
            ({"md5": "0" * 32}, "its md5 is"),
            ({"sha256": "0" * 64}, "its sha256 is"),
            ({"bytes": 0, "md5": "", "sha256": "1" * 64}, "its sha256 is"),
        ],
    )
    def test_wrong_hash(self, server, folder, known, message):
        url = server.give("/f", answers.whole(CONTENT))
        with pytest.raises(DataError, match=rf"(?s)/f: .*{message} .*, expected .*by hand"):
            run(collection(raw_file(url, **known)), folder)
        assert left(folder) == set()

    def test_wrong_size(self, server, folder):
        url = server.give("/f", answers.whole(CONTENT + b"more"))
        with pytest.raises(DataError, match=rf"offers {len(CONTENT) + 4} bytes, expected"):
            run(collection(raw_file(url)), folder)
        assert left(folder) == set()

    def test_a_beginning_of_another_file_is_thrown_away(self, server, folder):
        folder.mkdir(parents=True)
        (folder / "birds.tgz.part").write_bytes(b"x" * 1000)
        run(collection(raw_file(server.give("/f", answers.whole(CONTENT)))), folder)
        assert (folder / "birds.tgz").read_bytes() == CONTENT
        assert server.ranges("/f") == ["bytes=1000-", ""]

    def test_good_files_are_not_touched_by_a_bad_one(self, server, folder):
        good = raw_file(server.give("/good", answers.whole(CONTENT)))
        bad = raw_file(server.give("/bad", answers.page()), name="more.tgz")
        with pytest.raises(DataError, match=r"(?s)/bad: sent a web page.*more\.tgz"):
            run(collection(good, bad), folder)
        assert (folder / "birds.tgz").read_bytes() == CONTENT
        assert left(folder) == {"birds.tgz", "origins.json", "SHA256SUMS"}

    def test_two_runs_at_once_download_once(self, server, folder):
        started = threading.Event()

        def slow(request):
            started.set()
            request.say(200, b"", Content_Length=len(CONTENT))
            second.start()  # while this one is under way
            request.wfile.write(CONTENT)

        wanted = collection(raw_file(server.give("/f", slow)))
        records: list[dict] = []
        second = threading.Thread(target=lambda: records.append(run(wanted, folder)))
        records.append(run(wanted, folder))
        second.join()
        assert len(server.requests) == 1
        assert records[0] == records[1]


class TestLock:
    def test_what_was_used_before_is_held_to(self, server, folder):
        weak = {"bytes": 0, "sha256": "", "md5": ""}
        url = server.give("/f", answers.whole(CONTENT))
        run(collection(raw_file(url, **{**weak, "md5": MD5})), folder)
        (folder / "birds.tgz").unlink()
        server.give("/f", answers.whole(b"changed"))
        other = hashlib.md5(b"changed").hexdigest()  # a registry that was changed too
        with pytest.raises(DataError, match=rf"expected {SHA256}, which was used here before"):
            run(collection(raw_file(url, **{**weak, "md5": other})), folder)

    def test_a_damaged_lock_is_named(self, folder):
        folder.mkdir(parents=True)
        (folder / "SHA256SUMS").write_text("nonsense\n", encoding="utf-8")
        with pytest.raises(DataError, match=r"SHA256SUMS: 'nonsense' is not a line of sha256sum"):
            run(collection(raw_file()), folder)


class TestOwnFiles:
    @pytest.mark.parametrize("place", ["birds", "."])
    def test_they_come_first_and_stay_where_they_are(self, server, folder, tmp_path, place):
        own = tmp_path / "own" / place
        own.mkdir(parents=True, exist_ok=True)
        (own / "birds.tgz").write_bytes(CONTENT)
        url = server.give("/f", answers.whole(CONTENT))
        record = run(collection(raw_file(url)), folder, data_root=str(tmp_path / "own"))
        assert Path(record["files"]["birds.tgz"]["path"]).samefile(own / "birds.tgz")
        assert record["files"]["birds.tgz"]["origin"] == "own file"
        assert server.requests == []

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (CONTENT[:-1], "its size in bytes is"),
            (b"x" * len(CONTENT), "its md5 is"),
            (b"<html>please log in</html>", "is a web page, not birds.tgz"),
        ],
    )
    def test_another_file_of_that_name_is_refused(self, server, folder, tmp_path, content, message):
        (tmp_path / "birds.tgz").write_bytes(content)
        url = server.give("/f", answers.whole(CONTENT))
        with pytest.raises(DataError, match=rf"{tmp_path}/birds.tgz.*{message}"):
            run(collection(raw_file(url)), folder, data_root=str(tmp_path))
        assert (tmp_path / "birds.tgz").read_bytes() == content
        assert server.requests == []

    def test_one_that_cannot_be_read_is_named(self, folder, tmp_path, monkeypatch):
        own = tmp_path / "birds.tgz"
        own.write_bytes(CONTENT)

        def refuse(path, _):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

        monkeypatch.setattr(Path, "open", refuse)  # nothing is closed to root
        with pytest.raises(DataError, match=rf"^{own}: cannot be read or written \(Permission"):
            run(collection(raw_file()), folder, data_root=str(tmp_path))

    def test_a_file_put_into_the_folder_by_hand(self, server, folder):
        folder.mkdir(parents=True)
        (folder / "birds.tgz").write_bytes(CONTENT)
        record = run(collection(raw_file()), folder)
        assert record["files"]["birds.tgz"]["origin"] == "put here by hand"

    def test_a_wrong_file_in_the_folder_is_neither_used_nor_lost(self, server, folder):
        folder.mkdir(parents=True)
        (folder / "birds.tgz").write_bytes(b"mine")
        url = server.give("/f", answers.whole(CONTENT))
        with pytest.raises(DataError, match=r"birds.tgz: its size in bytes is 4, expected"):
            run(collection(raw_file(url)), folder)
        assert (folder / "birds.tgz").read_bytes() == b"mine"

    def test_a_data_root_at_home(self, folder, tmp_path, monkeypatch):
        """No shell expands the tilde of a study file, or of `--config data_root=~/mine`."""
        monkeypatch.setenv("HOME", str(tmp_path))
        (tmp_path / "mine").mkdir()
        (tmp_path / "mine/birds.tgz").write_bytes(CONTENT)
        record = run(collection(raw_file()), folder, data_root="~/mine")
        assert record["files"]["birds.tgz"]["path"] == str(tmp_path / "mine/birds.tgz")

    def test_a_data_root_that_is_not_there(self, folder, tmp_path):
        with pytest.raises(DataError, match=r"data_root: there is no folder .*nowhere"):
            run(collection(raw_file()), folder, data_root=str(tmp_path / "nowhere"))


class TestOwnFolder:
    @pytest.fixture
    def birds(self, tmp_path):
        (tmp_path / "Birds").mkdir()
        (tmp_path / "Birds" / "list.txt").write_bytes(CONTENT)
        return collection(raw_file(), folder="Birds", members={"list.txt": MD5})

    def test_it_will_do(self, birds, folder, tmp_path):
        record = run(birds, folder, data_root=str(tmp_path))
        assert record["folder"] == str(tmp_path / "Birds")
        assert record["files"] == {}

    def test_a_member_that_differs(self, birds, folder, tmp_path):
        (tmp_path / "Birds" / "list.txt").write_bytes(b"other")
        with pytest.raises(DataError, match=rf"Birds/list.txt: its md5 is .*, expected {MD5}"):
            run(birds, folder, data_root=str(tmp_path))

    def test_a_member_that_is_missing(self, birds, folder, tmp_path):
        (tmp_path / "Birds" / "list.txt").unlink()
        with pytest.raises(DataError, match=r"Birds/list.txt is missing"):
            run(birds, folder, data_root=str(tmp_path))

    def test_a_collection_that_only_comes_as_a_folder(self, folder, tmp_path):
        wanted = collection(folder="Birds", by_hand=("https://example.org/login",))
        with pytest.raises(DataError, match=r"(?s)https://example.org/login.*folder 'Birds'"):
            run(wanted, folder, data_root=str(tmp_path))


@pytest.fixture
def read_only(tmp_path):
    """A folder that nobody can write to: root too, where the system lets us mount one."""
    place = tmp_path / "sealed"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", str(place)]
    mounts = shutil.which("mount") is not None
    mounted = mounts and not subprocess.run(command, check=False, capture_output=True).returncode
    if not mounted:
        place.chmod(0o500)
    yield place
    if mounted:
        subprocess.run(["umount", str(place)], check=True)
    else:
        place.chmod(0o700)


def test_a_read_only_folder(server, read_only):
    url = server.give("/f", answers.whole(CONTENT))
    with pytest.raises(
        DataError, match=r"sealed/birds.*: cannot be read or written \((Read-only|Permission)"
    ):
        run(collection(raw_file(url)), read_only / "birds")
    assert list(read_only.iterdir()) == []
