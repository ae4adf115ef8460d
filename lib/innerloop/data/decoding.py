"""How many pixels threads decode at once: large pictures wait for one another.

A decoded pixel takes up to ten bytes, so that eight threads with pictures of the largest size that
is read would take 8 GB.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition, get_ident

#: Pixels of the largest picture that is read, and of all that threads have in hand together.
MOST_PIXELS = 100_000_000

_changed = Condition()
_in_hand: dict[int, int] = {}  # pixels by thread


@contextmanager
def decoding() -> Iterator[None]:
    """Let go, when the block ends, of the room of all pictures that this thread has read in it."""
    with _changed:
        _in_hand[get_ident()] = 0
    try:
        yield
    finally:
        with _changed:
            del _in_hand[get_ident()]
            _changed.notify_all()


def wait_for_room(pixels: int) -> None:
    """Wait until other threads' pictures leave room for one more; outside of a block, do not."""
    thread = get_ident()
    with _changed:
        if thread not in _in_hand:
            return
        if not _in_hand[thread]:  # else the others may wait for this thread
            _changed.wait_for(lambda: sum(_in_hand.values()) + pixels <= MOST_PIXELS)
        _in_hand[thread] += pixels
