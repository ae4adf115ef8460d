"""What the lock file names can be installed on the oldest Python that the README promises."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).resolve().parents[1]
#: Debian 12's: a package that wants a later 3.11 cannot be installed there.
OLDEST = "3.11.2"
LOCKED = [
    Requirement(line)
    for line in (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]


@pytest.mark.parametrize("locked", LOCKED, ids=lambda locked: locked.name)
def test_it_is_installed_as_locked_and_takes_the_oldest_python(locked: Requirement) -> None:
    try:
        found = metadata(locked.name)
    except PackageNotFoundError:
        pytest.skip("not installed here")
    # torch calls its build +cpu where it has no GPU
    assert locked.specifier.contains(found["Version"].partition("+")[0], prereleases=True)
    assert SpecifierSet(found["Requires-Python"] or "").contains(OLDEST)
