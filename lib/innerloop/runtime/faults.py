"""What is wrong with a file, collected so that all of it is told at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from innerloop.runtime.errors import ConfigError, InnerloopError


class SeveralFaultsError(ConfigError):
    """More than one thing is wrong.

    Attributes:
        faults: each of them.
    """

    def __init__(self, faults: list[InnerloopError]) -> None:
        super().__init__("\n".join(map(str, faults)))
        self.faults = faults


class Faults:
    """Errors that do not keep what follows from being checked too."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], InnerloopError] = {}

    def __bool__(self) -> bool:
        return bool(self._found)

    @contextmanager
    def noted(self, shared: str = "") -> Iterator[None]:
        """Note what is raised inside, and go on after it.

        Args:
            shared: what may be wrong in each of those that share this: noted of the first.
        """
        try:
            yield
        except InnerloopError as error:
            self.note(error, shared)

    def note(self, error: InnerloopError, shared: str = "") -> None:
        """Note one, or several that are raised together."""
        for each in error.faults if isinstance(error, SeveralFaultsError) else [error]:
            reason = (each.__cause__ if shared else None) or each
            self._found.setdefault((shared, str(reason)), each)

    def told(self) -> None:
        """Raise what was noted: one as it is, several together.

        Raises:
            InnerloopError: there was something.
        """
        if len(self._found) > 1:
            raise SeveralFaultsError([*self._found.values()])
        for error in self._found.values():
            raise error


@contextmanager
def told_together() -> Iterator[Faults]:
    """Raise at the end what was noted, with what ended it before.

    Raises:
        InnerloopError: there was something.
    """
    faults = Faults()
    with faults.noted():
        yield faults
    faults.told()
