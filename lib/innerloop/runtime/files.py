"""Atomic writing of files, and the JSON that programs pass to each other."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from innerloop.runtime.errors import ConfigError, DamagedFileError
from innerloop.runtime.typed_json import as_json


@contextmanager
def atomic_path(path: Path | str) -> Iterator[Path]:
    """A temporary path beside `path` that replaces it when the block ends well.

    The suffix is kept, since libraries choose the format by it. When the block raises, the
    temporary file is removed and `path` is as it was.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}-{secrets.token_hex(4)}{path.suffix}")
    try:
        yield temporary
        os.replace(temporary, path)  # noqa: PTH105  (one system call, atomic)
    except OSError as error:
        error.filename = error.filename or str(path)  # libraries do not say which
        raise
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()


def remove_leftovers(path: Path | str) -> None:
    """Remove temporary files of `path` that killed jobs have left beside it."""
    path = Path(path)
    for leftover in path.parent.glob(f".{path.stem}.*-*{path.suffix}"):
        leftover.unlink(missing_ok=True)


def canonical_json(value: Any) -> str:
    """JSON with sorted keys and no spaces, also of dataclasses: equal values give equal text."""
    separators = (",", ":")
    return json.dumps(
        value, default=as_json, sort_keys=True, separators=separators, allow_nan=False
    )


def short_digest(text: str) -> str:
    """The first 16 hex digits of a text's SHA-256."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def content_file(stem: str, text: str) -> str:
    """The path of a JSON file named by a digest of its content; written if it does not exist.

    Args:
        stem: beginning of the path; the digest and `.json` follow.
        text: the content.
    """
    path = Path(f"{stem}-{short_digest(text)}.json")
    if not path.exists():
        with atomic_path(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
    return str(path)


def write_json(path: Path | str, value: Any) -> None:
    """Write readable JSON, atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(value, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def read_json(path: Path | str) -> Any:
    """Read a JSON file that a job wrote.

    Raises:
        DamagedFileError: the file is not JSON.
    """
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except ValueError as error:  # not UTF-8, or not JSON
        raise DamagedFileError(
            f"{path} is not JSON: edited, damaged or copied in part ({error}). Put the right file "
            "back; or move it away and run Snakemake again"
        ) from error


def sha256_of(path: Path | str) -> str:
    """SHA-256 of a file's content, in hex."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_json_argument(text_or_path: str, option: str) -> dict[str, Any]:
    """A mapping from the command line: JSON text, or the path of a JSON file.

    Args:
        text_or_path: one or the other.
        option: the command line's option, for error messages.

    Raises:
        ConfigError: it is neither, or not a JSON object.
    """
    try:
        text = text_or_path
        if not text.lstrip().startswith("{"):
            text = Path(text_or_path).read_text(encoding="utf-8")
        spec = json.loads(text)
    except (OSError, json.JSONDecodeError) as error:
        raise ConfigError(
            f"{option}: expected a JSON object or the path of a JSON file, got "
            f"{text_or_path[:80]!r} ({error})"
        ) from error
    if not isinstance(spec, Mapping):
        raise ConfigError(f"{option}: expected a JSON object, got {type(spec).__name__}")
    return dict(spec)
