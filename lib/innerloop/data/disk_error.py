"""What to say where the system refuses to read or write."""

from __future__ import annotations

from pathlib import Path

from innerloop.runtime.errors import DataError


def disk_error(place: Path, error: OSError) -> DataError:
    """An error for people, about the file that the system names, or else about the place."""
    return DataError(
        f"{error.filename or place}: cannot be read or written ({error.strerror or error}); "
        "correct its permissions or make room, or put resources/ elsewhere"
    )
