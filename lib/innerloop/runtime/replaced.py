"""Results that others replace are kept, and taken back where they are wanted again.

    results/{study}/replaced/{digest}/    the files of one job, as they were

The digest is of what makes a result what it is: its parameters with its code, and its inputs.
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

#: What of a result's record makes it what it is.
IDENTITY = ("spec", "data_digests", "inputs")


def keep(files: Sequence[Path], replaced: Path, *, anew: str = "") -> Path | None:
    """Move a job's finished files to where they are kept.

    Args:
        files: of the job; the first holds the record of what they were made from.
        replaced: the folder of what is kept.
        anew: the canonical parameters of a job that is to compute whatever there is: a result of
            these is not kept, or it would be taken back.

    Returns:
        The folder that they are in now; None where they are not whole, or not kept.

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
    except (InnerloopError, LookupError, TypeError):  # damaged, or none of ours
        return None
    into = replaced / _digest(made)
    if not all(file.exists() or (into / file.name).exists() for file in others):
        return None
    into.mkdir(parents=True, exist_ok=True)
    for file in others:
        if file.exists():  # else a run was killed here
            shutil.move(file, into / file.name)
    shutil.move(record, into / record.name)  # last: where it is, all are
    return into


def take_back(record: Path, replaced: Path, wanted: Mapping[str, Any]) -> bool:
    """Put a result that is kept back into place, and say so.

    Args:
        record: the job's file that holds the record; the others lie beside it.
        replaced: the folder of what is kept.
        wanted: the record of what the job would make.

    Returns:
        Whether there was one.
    """
    kept = replaced / _digest(wanted)
    if not (kept / record.name).is_file():
        return False
    record.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(kept / record.name, record)  # first: without it, nobody takes what is left
    for file in kept.iterdir():
        shutil.move(file, record.with_name(file.name))
        os.utime(record.with_name(file.name))
    os.utime(record)  # Snakemake remakes what is older than its inputs
    with suppress(OSError):
        kept.rmdir()
    say(f"taken back from {kept}: made before by these parameters and this code, from these data")
    return True


def _digest(record: Mapping[str, Any]) -> str:
    return short_digest(canonical_json({name: record.get(name) for name in IDENTITY}))
