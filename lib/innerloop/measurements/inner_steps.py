"""After how many inner steps methods that take different numbers of them are compared."""

from __future__ import annotations

from collections.abc import Iterable, Set


def common_steps(measured: Iterable[Set[int]], own: Iterable[int]) -> int | None:
    """The largest step count that all were measured after and that none exceeds its own with.

    Args:
        measured: of each method, the step counts it was measured after.
        own: of each method, the step count of its protocol.

    Returns:
        None if there is none.
    """
    sets = [set(steps) for steps in measured]
    shared = set.intersection(*sets) if sets else set()
    limit = min(own, default=None)
    return max((steps for steps in shared if limit is None or steps <= limit), default=None)
