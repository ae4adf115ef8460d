"""Instructions for fetching by hand a file that no address provides."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from innerloop.data.acquire.collection import Collection, RawFile
from innerloop.data.acquire.own_files import places


def how_to_get(
    collection: Collection,
    missing: Sequence[RawFile],
    folder: Path,
    data_root: Path | None,
    failures: Sequence[str],
) -> str:
    """Which files to fetch by hand, from where, what they must be, and where to put them.

    Args:
        collection: what was to be fetched.
        missing: the files that no address provides; empty if it is available only as a folder.
        folder: where downloads go.
        data_root: the user's folder, if the study names one.
        failures: the error at each address.
    """
    where = " or ".join(map(str, places(collection, data_root or Path("<data_root>"))))
    lines = [f"{collection.title}: not in {where}, and no address provides it"]
    lines += [f"  {failure}" for failure in failures]
    lines.append("Fetch by hand:")
    for file in missing:
        lines.append(f"  {_expected(file)}, from")
        lines += [f"    {address}" for address in [*file.urls, *file.by_hand]]
    lines += [f"  {address}" for address in collection.by_hand]
    if missing:
        lines.append(f"and put it into {folder}, or into {where}.")
    if collection.folder:
        lines.append(f"The unpacked folder '{collection.folder}' in {where} will do as well.")
    lines.append("data_root is a key of the study file; docs/data.md says more.")
    return "\n".join(lines)


def _expected(file: RawFile) -> str:
    known = [f"{file.bytes} bytes"] if file.bytes else []
    known += [f"{kind} {value}" for kind in ("md5", "sha256") if (value := getattr(file, kind))]
    return f"{file.name} ({', '.join(known)})"
