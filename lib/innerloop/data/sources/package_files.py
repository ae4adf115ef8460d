"""Files inside installed packages, found without importing the package."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from innerloop.runtime.errors import DataError


def package_folder(package: str) -> Path:
    """The folder that a package is installed in.

    Raises:
        DataError: the package is not installed.
    """
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise DataError(
            f"the Python package '{package}' is not installed, and its pictures are needed; "
            "install Innerloop's dependencies again (`pip install innerloop`)"
        )
    return Path(spec.submodule_search_locations[0])


def only_file(folder: Path, pattern: str) -> Path:
    """The one file in `folder` that matches `pattern`, where file names carry versions.

    Raises:
        DataError: no file matches, or several do.
    """
    found = sorted(folder.glob(pattern))
    if len(found) != 1:
        raise DataError(
            f"{folder}: expected one file {pattern}, found "
            f"{', '.join(path.name for path in found) or 'none'}; the installed version of the "
            "package is not the one Innerloop was written for (see pyproject.toml)"
        )
    return found[0]
