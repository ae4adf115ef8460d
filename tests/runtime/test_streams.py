"""Random streams: pure functions of their names and index."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from innerloop.runtime.streams import Stream, seed_from, stream_key

NAMES = st.lists(st.one_of(st.integers(), st.text(max_size=8)), min_size=1, max_size=4)
INDICES = st.integers(0, 2**63)
SIZES = st.integers(0, 60).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n)))


@given(NAMES, INDICES, SIZES)
def test_a_draw_is_a_pure_function_without_repeats(names: list, index: int, sizes: tuple):
    population, size = sizes
    drawn, again = (Stream(stream_key(*names), index).choose(population, size) for _ in range(2))
    assert np.array_equal(drawn, again)
    assert len(drawn) == size == len(set(drawn.tolist()))
    assert all(0 <= number < population for number in drawn)


@given(NAMES, INDICES, SIZES)
def test_a_smaller_draw_is_the_beginning_of_a_larger_one(names: list, index: int, sizes: tuple):
    """So that 1-shot and 5-shot tasks share their classes."""
    population, size = sizes
    whole = Stream(stream_key(*names), index).choose(population, population)
    assert np.array_equal(Stream(stream_key(*names), index).choose(population, size), whole[:size])


@given(NAMES, NAMES)
def test_different_names_give_different_keys(first: list, second: list):
    same = [(type(name), name) for name in first] == [(type(name), name) for name in second]
    assert (stream_key(*first) == stream_key(*second)) == same
    assert (seed_from(*first) == seed_from(*second)) == same


def test_names_do_not_run_together():
    keys = [stream_key("ab", "c"), stream_key("a", "bc"), stream_key("abc"), stream_key(1, 2)]
    keys += [stream_key(12), stream_key("1", 2), stream_key("12"), stream_key(1, 2, "")]
    assert len(set(keys)) == len(keys)


@given(NAMES, INDICES)
def test_neighbouring_indices_differ(names: list, index: int):
    key = stream_key(*names)
    assert not np.array_equal(
        Stream(key, index).choose(50, 50), Stream(key, index + 1).choose(50, 50)
    )


def test_draws_of_one_stream_differ():
    stream = Stream(stream_key("a"), 0)
    assert not np.array_equal(stream.choose(50, 50), stream.choose(50, 50))


def test_every_item_is_as_likely_in_every_place():
    drawn = np.array([Stream(stream_key("fair"), index).choose(5, 3) for index in range(4000)])
    for place in range(3):
        shares = np.bincount(drawn[:, place], minlength=5) / 4000
        assert abs(shares - 0.2).max() < 0.03  # 4.7 standard errors


def test_seeds_suit_torch():
    assert all(0 <= seed_from("seed", number) < 2**63 for number in range(100))


def test_known_values():
    """Published results depend on these: they may never change, on any machine."""
    assert stream_key(0, "patterns", "train", "x") == 246735037001036614489517348468880825756
    assert seed_from("a", 1) == 2125957440892058690
    assert Stream(stream_key("known"), 3).choose(10, 5).tolist() == [9, 0, 1, 3, 5]


def test_too_many():
    with pytest.raises(ValueError, match="cannot choose 4 different items out of 3"):
        Stream(0, 0).choose(3, 4)
