"""The registry's entries for files and data sets, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from innerloop.data.licence import Licence


@dataclass(frozen=True)
class RawFile:
    """One file as its makers publish it.

    Attributes:
        name: its file name.
        bytes: its size in bytes; 0 if not stated.
        md5: its MD5, in hex; empty if not stated.
        sha256: its SHA-256, in hex; empty if not stated.
        urls: where it can be downloaded, in the order to try.
        by_hand: where a person can get it, for example behind a login.
    """

    name: str
    bytes: int = 0
    md5: str = ""
    sha256: str = ""
    urls: tuple[str, ...] = ()
    by_hand: tuple[str, ...] = ()


@dataclass(frozen=True)
class Collection:
    """Files that belong together, and their terms.

    Attributes:
        name: its name in the registry, and that of its folder.
        title: what it is, in words.
        licence: its terms; `attribution` is how to cite it.
        files: the files; empty if it is available only as a folder.
        folder: name of the folder that the files unpack to; empty if only the files will do.
        members: path of a file in that folder -> its MD5, if known.
        by_hand: where a person can get it as a whole.
    """

    name: str
    title: str
    licence: Licence
    files: tuple[RawFile, ...] = ()
    folder: str = ""
    members: Mapping[str, str] = field(default_factory=dict)
    by_hand: tuple[str, ...] = ()

    def identity(self) -> dict[str, Any]:
        """What determines its content, without where it comes from."""
        files = [
            {"name": file.name, "bytes": file.bytes, "md5": file.md5, "sha256": file.sha256}
            for file in self.files
        ]
        return {
            "collection": self.name,
            "files": files,
            "folder": self.folder,
            "members": dict(self.members),
        }


@dataclass(frozen=True)
class Variant:
    """One version of a data set's images.

    Attributes:
        dataset: the data set.
        name: the variant.
        collection: name of the collection that it is read from.
        source: entry of the class that reads it, as in the registry; `Registry.entry` gives
            one that can be loaded.
        images: split -> number of images.
        classes: split -> number of classes, if stated.
        listing: CSV file of the images that the class must read, for a class that takes one;
            `Registry.listing` gives its path.
    """

    dataset: str
    name: str
    collection: str
    source: str
    images: Mapping[str, int]
    classes: Mapping[str, int] = field(default_factory=dict)
    listing: str = ""
