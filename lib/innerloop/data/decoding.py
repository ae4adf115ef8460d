"""Limits how many pixels all threads decode at once: large pictures wait for one another.

A decoded pixel takes up to ten bytes, so eight threads with pictures of the largest permitted size
would take 8 GB.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition, get_ident

#: Maximum number of pixels of one picture, and of all that the threads hold together.
MOST_PIXELS = 100_000_000

_changed = Condition()
_in_hand: dict[int, int] = {}  # pixels by thread


@contextmanager
def decoding() -> Iterator[None]:
    """Release, when the block ends, the room of all pictures that this thread has read in it."""
    with _changed:
        _in_hand[get_ident()] = 0
    try:
        yield
    finally:
        with _changed:
            del _in_hand[get_ident()]
            _changed.notify_all()


def wait_for_room(pixels: int) -> None:
    """Wait until other threads leave room for a picture; outside a `decoding` block, return."""
    thread = get_ident()
    with _changed:
        if thread not in _in_hand:
            return
        if not _in_hand[thread]:  # a thread that holds pictures never waits: others may wait for it
            _changed.wait_for(lambda: sum(_in_hand.values()) + pixels <= MOST_PIXELS)
        _in_hand[thread] += pixels
