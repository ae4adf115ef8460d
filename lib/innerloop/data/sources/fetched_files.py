"""The verified files that a source reads."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from innerloop.data.licence import Licence
from innerloop.errors import DataError
from innerloop.files import canonical_json, read_json


@dataclass(frozen=True)
class FetchedFiles:
    """A collection in place, and what a data set needs of it.

    Attributes:
        images: how many images each split of the data set must have.
        licence: the collection's terms.
        files: file name -> where it lies; empty where there is a folder.
        folder: the user's unpacked folder, if that is what there is.
        origin: name of the file or folder -> where it came from and a file's hashes, for the
            manifest.
        work: folder for what is unpacked from the files; shared by all that read them.
    """

    images: Mapping[str, int]
    licence: Licence
    files: Mapping[str, Path]
    folder: Path | None
    origin: Mapping[str, Any]
    work: Path

    @classmethod
    def read(cls, record: Path, images: Mapping[str, int]) -> FetchedFiles:
        """What `fetched.json` records.

        Raises:
            DataError: a file is not where it was.
        """
        fetched = read_json(record)
        files = {name: record.parent / facts["path"] for name, facts in fetched["files"].items()}
        folder = Path(fetched["folder"]) if fetched["folder"] else None
        for path in [*files.values(), *([folder] if folder else [])]:
            if not path.exists():
                raise DataError(
                    f"{path} is gone since it was verified; put it back, or move {record} away to "
                    "have the files fetched again"
                )
        hashes = {name: facts["sha256"] for name, facts in fetched["files"].items()}
        origin = {
            name: {key: facts[key] for key in ("origin", "md5", "sha256")}
            for name, facts in fetched["files"].items()
        }
        digest = hashlib.sha256(canonical_json(hashes).encode()).hexdigest()[:12]
        return cls(
            images=images,
            licence=Licence(**fetched["licence"]),
            files=files,
            folder=folder,
            origin=origin if folder is None else {f"{folder.name}/": {"origin": "own folder"}},
            work=record.parent / f"unpacked-{digest}",
        )

    def fingerprint(self) -> str:
        """Something that differs where the files differ."""
        return canonical_json({"files": self.origin, "folder": str(self.folder or "")})
