"""Results that are replaced by others are kept, and restored if they are wanted again.

    results/{study}/replaced/{digest}/    the files of one job, as they were

The digest identifies a result: by its parameters with its code, and its inputs.
`innerloop clean` removes them all.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from innerloop.runtime.errors import InnerloopError
from innerloop.runtime.files import canonical_json, read_json, short_digest
from innerloop.runtime.progress import say
from innerloop.runtime.provenance import read_provenance

#: The keys of a result's record that identify it.
IDENTITY = ("spec", "data_digests", "inputs")


def keep(files: Sequence[Path], replaced: Path, *, anew: str = "") -> Path | None:
    """Move a job's finished files to the folder of replaced results.

    Args:
        files: the job's; the first holds the provenance record.
        replaced: the folder of replaced results.
        anew: canonical JSON of the parameters of a job that must compute in any case: a result of
            these is not kept, or it would be restored instead.

    Returns:
        The folder that they are in now; None if they are incomplete or not kept.

    Raises:
        OSError: they cannot be moved.
    """
    record, *others = files
    if not record.is_file():
        return None
    try:
        made = read_json(record) if record.suffix == ".json" else read_provenance(record)
        if canonical_json(made["spec"]) == anew:
            return None
    except (InnerloopError, LookupError, TypeError):  # damaged, or not written by Innerloop
        return None
    into = replaced / _digest(made)
    if not all(file.exists() or (into / file.name).exists() for file in others):
        return None
    into.mkdir(parents=True, exist_ok=True)
    for file in others:
        if file.exists():  # if not, an earlier run moved it and was killed
            shutil.move(file, into / file.name)
    shutil.move(record, into / record.name)  # last: where the record is, all files are
    return into


def take_back(record: Path, replaced: Path, wanted: Mapping[str, Any]) -> bool:
    """Restore a kept result, and say so.

    Args:
        record: the job's file that holds the provenance record; the others are beside it.
        replaced: the folder of replaced results.
        wanted: the record of what the job would make.

    Returns:
        Whether there was such a result.
    """
    kept = replaced / _digest(wanted)
    if not (kept / record.name).is_file():
        return False
    record.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(kept / record.name, record)  # first: without it, the rest is never restored
    for file in kept.iterdir():
        shutil.move(file, record.with_name(file.name))
        os.utime(record.with_name(file.name))
    os.utime(record)  # Snakemake remakes what is older than its inputs
    with suppress(OSError):
        kept.rmdir()
    say(f"taken back from {kept}: made earlier with the same parameters, code and data")
    return True


def _digest(record: Mapping[str, Any]) -> str:
    return short_digest(canonical_json({name: record.get(name) for name in IDENTITY}))
