"""Errors that are collected so that all of them are reported at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from innerloop.runtime.errors import ConfigError, InnerloopError


class SeveralFaultsError(ConfigError):
    """Several errors as one.

    Attributes:
        faults: the single errors.
    """

    def __init__(self, faults: list[InnerloopError]) -> None:
        super().__init__("\n".join(map(str, faults)))
        self.faults = faults


def single_faults(error: InnerloopError) -> list[InnerloopError]:
    """The errors that one consists of: itself, or each of a `SeveralFaultsError`."""
    return error.faults if isinstance(error, SeveralFaultsError) else [error]


class Faults:
    """Collects errors, so that one does not stop the checks that follow."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], InnerloopError] = {}

    def __bool__(self) -> bool:
        return bool(self._found)

    @contextmanager
    def noted(self, shared: str = "") -> Iterator[None]:
        """Collect an error that the block raises, and continue after it.

        Args:
            shared: what this block has in common with others; an error with the same cause in
                several of them is collected only once.
        """
        try:
            yield
        except InnerloopError as error:
            self.note(error, shared)

    def note(self, error: InnerloopError, shared: str = "") -> None:
        """Collect an error, or each one of a `SeveralFaultsError`."""
        for each in single_faults(error):
            reason = (each.__cause__ if shared else None) or each
            self._found.setdefault((shared, str(reason)), each)

    def told(self) -> None:
        """Raise the collected errors: a single one unchanged, several as a `SeveralFaultsError`.

        Raises:
            InnerloopError: there was at least one.
        """
        if len(self._found) > 1:
            raise SeveralFaultsError([*self._found.values()])
        for error in self._found.values():
            raise error


@contextmanager
def told_together() -> Iterator[Faults]:
    """Raise the collected errors at the end of the block, with the one that ended it, if any.

    Raises:
        InnerloopError: there was at least one.
    """
    faults = Faults()
    with faults.noted():
        yield faults
    faults.told()
