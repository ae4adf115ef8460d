"""The verified files that a source reads."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from inspect import signature
from pathlib import Path
from typing import Any

from innerloop.data.licence import Licence
from innerloop.data.sources.base import Source
from innerloop.runtime.errors import ConfigError, DataError
from innerloop.runtime.extensions import load_entry
from innerloop.runtime.files import canonical_json, read_json, sha256_of


@dataclass(frozen=True)
class FetchedFiles:
    """A collection's files, and what a data set needs to know of them.

    Attributes:
        images: how many images each split of the data set must have.
        licence: the collection's terms.
        files: file name -> path; empty if there is a folder instead.
        folder: the user's unpacked folder, if there is one.
        origin: name of the file or folder -> where it came from and a file's hashes, for the
            manifest.
        work: folder for what is unpacked from the files; shared by all that read them.
        listing: CSV file of the variant's images, if it has its own.
    """

    images: Mapping[str, int]
    licence: Licence
    files: Mapping[str, Path]
    folder: Path | None
    origin: Mapping[str, Any]
    work: Path
    listing: Path | None = None

    @classmethod
    def read(
        cls, record: Path, images: Mapping[str, int], listing: Path | None = None
    ) -> FetchedFiles:
        """Read `fetched.json`, for a variant with these numbers of images and this listing.

        Raises:
            DataError: a file is no longer where it was.
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
        if folder is not None:
            origin = {f"{folder.name}/": {"origin": "own folder"}}
        if listing is not None:
            origin[listing.name] = {"origin": "listing", "sha256": sha256_of(listing)}
        digest = hashlib.sha256(canonical_json(hashes).encode()).hexdigest()[:12]
        return cls(
            images=images,
            licence=Licence(**fetched["licence"]),
            files=files,
            folder=folder,
            origin=origin,
            work=record.parent / f"unpacked-{digest}",
            listing=listing,
        )

    def source(self, entry: str) -> Source:
        """The source that reads these files.

        Args:
            entry: its class, as an entry relative to the current folder.

        Raises:
            ConfigError: there is a listing, and the class takes none.
            ExtensionError: the class cannot be loaded.
        """
        made = load_entry(entry)
        if self.listing and "listing" not in signature(made).parameters:
            raise ConfigError(
                f"registry: {entry} takes no listing; remove the key, or give the class's __init__ "
                "an argument 'listing'"
            )
        source: Source = made(self, listing=self.listing) if self.listing else made(self)
        return source

    def fingerprint(self) -> str:
        """A text that differs if the files differ."""
        return canonical_json({"files": self.origin, "folder": str(self.folder or "")})
