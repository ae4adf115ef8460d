"""What a result was made from: parameters, code, data, versions, device.

Every result file carries this record: JSON manifests as they are, Parquet files in their metadata
under the key `innerloop`. When and where a job ran changes no result, so it is no part of the
record: `circumstances` go into job logs, run.json and the report.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import is_dataclass
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from innerloop.runtime.errors import ConfigError, DamagedFileError, ProvenanceError
from innerloop.runtime.files import atomic_path, canonical_json
from innerloop.runtime.typed_json import as_json, from_json

METADATA_KEY = b"innerloop"
#: Metadata keys: of a Parquet file, its SHA-256, computed with zeros in place of the digest itself;
#: of its table, a mark that the file has one.
SEAL, SEALED = b"innerloop_sha256", b"innerloop_sealed"
_UNSEALED = b"0" * 64
PACKAGES = ("innerloop", "torch", "numpy", "pandas", "pyarrow", "pillow")


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that results depend on."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def record(spec: object, **facts: Any) -> dict[str, Any]:
    """A result's provenance record: `spec`, its job's parameters, versions, and other facts."""
    return {"spec": as_json(spec), "versions": versions(), **facts}


def circumstances() -> dict[str, Any]:
    """When, where and by which commit of Innerloop this process computes.

    Returns:
        `commit` (None where Innerloop does not run from a Git checkout of its own), `clean`
        (whether no tracked file differs from that commit; None where Git does not say), `date`
        (with the offset from UTC), `host` and `processor`.
    """
    commit = _commit()
    changes = _git("status", "--porcelain", "-uno") if commit else None
    return {
        "commit": commit,
        "clean": None if changes is None else not changes,
        "date": datetime.now().astimezone().isoformat(" ", "seconds"),
        "host": platform.node(),
        "processor": _processor(),
    }


def commit_in_words(found: Mapping[str, Any]) -> str:
    """The commit in `circumstances()`: `daf35e0c1f2a`, `daf35e0c1f2a and changes` or `unknown`."""
    commit = found.get("commit")
    if not commit:
        return "unknown"
    return f"{commit[:12]} and changes" if found.get("clean") is False else str(commit[:12])


def _commit() -> str | None:
    # a package may be installed below a checkout of something else, which does not track it
    tracked = _git("ls-files", "--error-unmatch", Path(__file__).name)
    return _git("rev-parse", "HEAD") if tracked else None


def _git(*arguments: str) -> str | None:
    """The output of a Git command on this file's checkout; None without Git or a checkout."""
    surroundings = {
        name: value for name, value in os.environ.items() if not name.startswith("GIT_")
    }
    try:
        completed = subprocess.run(
            ["git", "--no-optional-locks", *arguments],
            cwd=Path(__file__).parent,
            env=surroundings,
            capture_output=True,
            text=True,
            timeout=20,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return completed.stdout.strip()


def _processor() -> str:
    """`Intel(R) Xeon(R) Processor, family 6, model 143`: the name alone may hide the generation."""
    try:
        first = Path("/proc/cpuinfo").read_text(encoding="utf-8").partition("\n\n")[0]
    except OSError:
        first = ""
    facts = {
        name.strip(): value.strip()
        for name, _, value in (line.partition(":") for line in first.splitlines())
    }
    if not facts.get("model name"):
        return platform.processor() or platform.machine()
    numbers = {"family": facts.get("cpu family"), "model": facts.get("model")}
    return ", ".join(
        [facts["model name"], *(f"{name} {number}" for name, number in numbers.items() if number)]
    )


def write_table(table: pa.Table, path: Path | str, provenance: Mapping[str, Any]) -> None:
    """Write a Parquet file with its provenance and a digest of all its bytes, atomically."""
    metadata = {METADATA_KEY: canonical_json(provenance).encode(), SEALED: b"1"}
    table = table.replace_schema_metadata({**(table.schema.metadata or {}), **metadata})
    with atomic_path(path) as temporary:
        with pq.ParquetWriter(temporary, table.schema, compression="zstd") as writer:
            writer.write_table(table)
            writer.add_key_value_metadata({SEAL: _UNSEALED})
        content = temporary.read_bytes()
        digest = hashlib.sha256(content).hexdigest().encode()
        with temporary.open("r+b") as file:
            file.seek(content.index(_UNSEALED, content.rindex(SEAL)))
            file.write(digest)


def require_unchanged(path: Path | str) -> None:
    """Refuse a Parquet file that has changed since `write_table` wrote it.

    A file from an earlier version, which has no digest, is accepted.

    Raises:
        DamagedFileError: at least one byte has changed.
    """
    _unchanged(path)


def read_table(path: Path | str) -> pa.Table:
    """Read a Parquet file, and check that it is as `write_table` wrote it.

    Raises:
        DamagedFileError: it is not.
    """
    return pq.read_table(pa.BufferReader(_unchanged(path)))


def _unchanged(path: Path | str) -> pa.Buffer:
    """The content of a Parquet file, checked against the digest in it."""
    with _opened(path) as file:
        buffer = file.read_buffer()
    metadata, content = _metadata(path, pa.BufferReader(buffer)), buffer.to_pybytes()
    seal = metadata.get(SEAL)
    if seal is None and SEALED in metadata:
        raise _changed(path, "its digest is missing")
    if seal is not None:
        place = content.find(seal, content.rindex(SEAL))
        bytes_of = memoryview(content)
        digest = hashlib.sha256(bytes_of[:place])
        digest.update(_UNSEALED)
        digest.update(bytes_of[place + len(seal) :])
        if digest.hexdigest().encode() != seal:
            raise _changed(path, "its content does not match its digest")
    return buffer


def _opened(path: Path | str) -> pa.NativeFile:
    # not open(): pyarrow's threads, freeing such a file's memory as Python exits, abort the process
    return pa.OSFile(str(path))


def _metadata(path: Path | str, file: Any) -> Mapping[bytes, bytes]:
    try:
        return pq.read_metadata(file).metadata or {}
    except (OSError, ValueError, pa.ArrowException) as error:  # pyarrow raises many kinds
        raise _changed(path, str(error).strip()) from error


def _changed(path: Path | str, why: str) -> DamagedFileError:
    return DamagedFileError(
        f"{path} is not as its job wrote it: edited, damaged or copied in part ({why}). Put the "
        "right file back; or move it away and run Snakemake again"
    )


def read_provenance(path: Path | str) -> dict[str, Any]:
    """The provenance record of a Parquet file.

    Raises:
        ProvenanceError: the file has none.
        DamagedFileError: it is not a Parquet file, or its provenance cannot be read.
    """
    with _opened(path) as file:
        metadata = _metadata(path, file)
    if METADATA_KEY not in metadata:
        raise ProvenanceError(f"{path} was not written by Innerloop: it carries no provenance")
    try:
        found: dict[str, Any] = json.loads(metadata[METADATA_KEY])
    except ValueError as error:  # not UTF-8, or not JSON
        raise _changed(path, str(error)) from error
    return found


def require_spec(
    path: Path | str, found: object, expected: object, *, same_code: bool = True
) -> None:
    """Refuse a result that was made with other parameters than the study now asks for.

    Args:
        path: the result.
        found: the parameters it was made with.
        expected: those that the study asks for.
        same_code: whether the code must be the same, too.

    Raises:
        ProvenanceError: names the first five parameters that differ.
    """
    specs = as_json(_with_defaults(found, expected)), as_json(expected)
    different = [*_differences(*(specs if same_code else map(_without_code, specs)))]
    if different:
        shown = "; ".join(
            f"{key}: made with {was!r}, the study says {now!r}" for key, was, now in different[:5]
        )
        raise ProvenanceError(
            f"{path} does not belong to this study file ({shown}). Were the study file or the code "
            "edited while jobs ran? Run Snakemake again; if it finds nothing to do, move "
            f"{path} away first"
        )


def require_data(path: Path | str, found: Mapping[str, str], expected: Mapping[str, str]) -> None:
    """Refuse a result that was made from other images, splits or episodes than are there now.

    Args:
        path: the result.
        found: name -> digest of the data it was made from.
        expected: the same for the data there now; names that only one of them has are ignored.

    Raises:
        ProvenanceError: names the first that differs.
    """
    for name in sorted(found.keys() & expected.keys()):
        if found[name] != expected[name]:
            raise ProvenanceError(
                f"{path} was made from other data than is there now: the digest of {name} was "
                f"{found[name]:.12} then and is {expected[name]:.12} now. Put the right data back; "
                f"or move {path} away and run Snakemake again"
            )


def _without_code(spec: Any) -> Any:
    if not isinstance(spec, dict):
        return spec
    return {key: _without_code(value) for key, value in spec.items() if key != "code"}


def _with_defaults(found: object, expected: object) -> object:
    """A result's parameters, with defaults for those that are newer than the result."""
    if isinstance(found, Mapping) and is_dataclass(expected):
        with suppress(ConfigError):  # the comparison then shows what is wrong
            return from_json(type(expected), found)
    return found


def _differences(found: Any, expected: Any, key: str = "") -> Any:
    if isinstance(found, Mapping) and isinstance(expected, Mapping):
        for name in sorted(found.keys() | expected.keys()):
            yield from _differences(
                found.get(name, "(absent)"),
                expected.get(name, "(absent)"),
                f"{key}.{name}".lstrip("."),
            )
    elif canonical_json(found) != canonical_json(expected):
        yield key, found, expected
