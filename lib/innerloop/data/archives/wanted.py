"""Which members of an archive to unpack."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePosixPath
from typing import TypeAlias

#: Says of a member's path whether it is unpacked.
Wanted: TypeAlias = Callable[[PurePosixPath], bool]
