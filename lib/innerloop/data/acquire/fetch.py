"""Brings a collection's files into place: own copies first, then mirrors; verified and locked."""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from innerloop.data.acquire.by_hand import how_to_get
from innerloop.data.acquire.collection import Collection, RawFile
from innerloop.data.acquire.lock import read_lock, write_lock
from innerloop.data.acquire.own_files import own_file, own_folder
from innerloop.data.acquire.transfer import PATIENT, Patience, SourceError, download
from innerloop.data.acquire.verify import Hashes, verified
from innerloop.runtime.disk_error import disk_error
from innerloop.runtime.errors import DataError
from innerloop.runtime.files import read_json, write_json
from innerloop.runtime.one_at_a_time import alone_in

FETCHED = "fetched.json"
#: Where each download came from.
ORIGINS = "origins.json"


@dataclass(frozen=True)
class Ways:
    """Where to get files from; none of it changes their content.

    Attributes:
        data_root: folder of the user's own files, which may begin with `~`; empty if there is none.
        mirrors: addresses asked before the registry's, as `<mirror>/<collection>/<file>`.
        patience: how long to wait for servers.
    """

    data_root: str = ""
    mirrors: tuple[str, ...] = ()
    patience: Patience = PATIENT


def fetch(collection: Collection, folder: Path, ways: Ways) -> dict[str, Any]:
    """Bring a collection's files into place, and record their paths in `fetched.json`.

    The user's own files are used where they are. Downloads appear in `folder` once verified.

    Args:
        collection: what to fetch.
        folder: where downloads, their lock and `fetched.json` go.
        ways: where to look.

    Returns:
        The content of `fetched.json`.

    Raises:
        DataError: a file is not what it should be, or cannot be obtained; says what to do.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with alone_in(folder):
            record = _record(collection, folder, ways)
            write_json(folder / FETCHED, record)
            return record
    except OSError as error:
        raise disk_error(folder, error) from error


def _record(collection: Collection, folder: Path, ways: Ways) -> dict[str, Any]:
    root = Path(ways.data_root).expanduser() if ways.data_root else None
    if root is not None and not root.is_dir():
        raise DataError(f"data_root: there is no folder {root}")
    about = {
        "collection": collection.name,
        "licence": asdict(collection.licence),
        "spec": collection.identity(),
    }
    own = {
        file.name: path
        for file in collection.files
        if root and (path := own_file(collection, file.name, root))
    }
    unpacked = own_folder(collection, root) if root and not own else None
    if unpacked is not None:
        return {**about, "files": {}, "folder": str(unpacked.absolute())}
    fetching = _Fetching(collection, folder, ways, read_lock(folder))
    files = {file.name: fetching.one(file, own.get(file.name)) for file in collection.files}
    missing = [file for file in collection.files if files[file.name] is None]
    if missing or not files:
        raise DataError(how_to_get(collection, missing, folder, root, fetching.failures))
    return {**about, "files": files, "folder": ""}


@dataclass
class _Fetching:
    """Fetches the files of one collection, one after the other."""

    collection: Collection
    folder: Path
    ways: Ways
    locked: dict[str, str]
    failures: list[str] = field(default_factory=list)

    def one(self, file: RawFile, own: Path | None) -> dict[str, str] | None:
        """A file's path once verified, its origin and hashes; None if it cannot be obtained."""
        here = self.folder / file.name
        lock = self.locked.get(file.name, "")
        if own is not None:
            path, origin, hashes = own, "own file", verified(own, file, lock)
        elif here.exists():
            origin = self._origins().get(file.name, "put here by hand")
            path, hashes = here, verified(here, file, lock)
        elif found := self._downloaded(file, here, lock):
            path, (origin, hashes) = here, found
        else:
            return None
        if not lock:
            self.locked[file.name] = hashes.sha256
            write_lock(self.folder, self.locked)
        # relative to the record beside it, so that the folder can be moved
        where = path.name if path == here else str(path.absolute())
        return {"path": where, "origin": origin, **hashes._asdict()}

    def _downloaded(self, file: RawFile, here: Path, lock: str) -> tuple[str, Hashes] | None:
        """The first address that provides the file, and the file's hashes."""
        name = f"{self.collection.name}/{file.name}"
        for url in [*(f"{mirror.rstrip('/')}/{name}" for mirror in self.ways.mirrors), *file.urls]:
            try:
                hashes = self._from(url, file, here, lock)
            except SourceError as error:
                self.failures.append(str(error))
                print(error, file=sys.stderr, flush=True)
            else:
                write_json(self.folder / ORIGINS, {**self._origins(), file.name: url})
                return url, hashes
        return None

    def _from(self, url: str, file: RawFile, here: Path, lock: str) -> Hashes:
        """Download a file, verify it, and only then give it its name."""
        part = here.with_name(f"{here.name}.part")
        continued = part.exists()
        download(url, part, file.bytes, self.ways.patience)
        try:
            hashes = verified(part, file, lock)
        except DataError as error:
            part.unlink()
            if continued:  # its beginning may have been another file's
                return self._from(url, file, here, lock)
            raise SourceError(f"{url}: {error}".replace(str(part), "what it sent")) from error
        part.replace(here)
        return hashes

    def _origins(self) -> dict[str, str]:
        path = self.folder / ORIGINS
        found: dict[str, str] = read_json(path) if path.exists() else {}
        return found
