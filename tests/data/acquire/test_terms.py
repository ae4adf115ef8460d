"""Licences: nothing restricted without the user's word, and the error says what to write."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from innerloop.data.acquire.terms import require_acceptance, show_terms, terms_of
from innerloop.data.licence import Licence
from innerloop.runtime.errors import ConfigError

FREE = Licence("MIT", "A. Free", "https://free.example")
BOUND = Licence("no commerce", "B. Bound", "https://bound.example", non_commercial=True)


def test_free_ones_need_nothing():
    require_acceptance({"free": FREE}, [])


def test_accepted_ones_pass():
    require_acceptance({"birds": BOUND}, ["birds"])


def test_the_error_says_the_terms_and_exactly_what_to_write():
    with pytest.raises(ConfigError) as caught:
        require_acceptance({"birds": BOUND, "free": FREE, "cars": BOUND, "old": BOUND}, ["old"])
    said = str(caught.value)
    assert said.startswith("the licence of birds, cars is not accepted")
    assert "birds: no commerce (https://bound.example)" in said
    assert "cite: B. Bound" in said
    assert "\n    accept_licence: [old, birds, cars]\n" in said
    assert "--config 'accept_licence=[old, birds, cars]'" in said


def test_terms_say_where_nothing_is_stated():
    assert "nothing is stated" in terms_of("x", Licence("not stated", "", ""))


def test_terms_are_shown_in_one_piece(monkeypatch):
    """Downloads that run side by side write into one stream."""
    written = []
    monkeypatch.setattr("sys.stderr", SimpleNamespace(write=written.append, flush=lambda: None))
    show_terms("birds", BOUND)
    assert written == [f"{terms_of('birds', BOUND)}\n"]
