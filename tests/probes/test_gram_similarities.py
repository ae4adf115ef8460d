"""Procrustes and shared neighbours: a slow oracle, known transformations, bounds, what is none."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.linalg import orthogonal_procrustes
from scipy.stats import ortho_group

from innerloop.probes.gram_similarities import procrustes, shared_neighbours
from innerloop.probes.linear_cka import cka_biased, gram
from innerloop.runtime.errors import InnerloopError

Features = NDArray[np.float64]
NEIGHBOURS = 4


def measured(x: Features, y: Features) -> tuple[float, float]:
    """Procrustes and shared neighbours of two representations [n, D] of the same images."""
    grams = [gram(torch.tensor(one)[None].double()) for one in (x, y)]
    return procrustes(*grams).item(), shared_neighbours(*grams, NEIGHBOURS).item()


def slowly(x: Features, y: Features) -> tuple[float, float]:
    """The same from the features themselves, image by image."""
    centred = [one - one.mean(axis=0) for one in (x, y)]
    width = max(one.shape[1] for one in centred)
    unit = [
        np.pad(one, ((0, 0), (0, width - one.shape[1]))) / np.linalg.norm(one) for one in centred
    ]
    _, overlap = orthogonal_procrustes(unit[1], unit[0])
    shared = []
    for i in range(len(x)):
        near = []
        for one in (x, y):
            far = [(float(np.linalg.norm(one[i] - one[j])), j) for j in range(len(x)) if j != i]
            near.append({j for _, j in sorted(far)[:NEIGHBOURS]})
        shared.append(len(near[0] & near[1]) / len(near[0] | near[1]))
    return float(overlap), float(np.mean(shared))


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Features, Features]:
    """Two representations of the same images, of any widths, more or less alike."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    images = draw(st.integers(NEIGHBOURS + 2, 20))
    x = rng.normal(size=(images, draw(st.integers(1, 30))))
    noise = rng.normal(size=(images, draw(st.integers(1, 30))))
    shared = min(x.shape[1], noise.shape[1])
    noise[:, :shared] += draw(st.sampled_from([0.0, 1.0, 30.0])) * x[:, :shared]
    return x, noise


@given(pairs())
def test_they_are_what_the_definitions_say(pair: tuple[Features, Features]) -> None:
    assert measured(*pair) == pytest.approx(slowly(*pair), abs=1e-7)


@given(pairs())
def test_they_lie_between_0_and_1_and_have_no_order(pair: tuple[Features, Features]) -> None:
    x, y = pair
    found = measured(x, y)
    assert all(-1e-12 <= value <= 1 + 1e-12 for value in found)
    assert measured(y, x) == pytest.approx(found, abs=1e-7)


@given(pairs(), st.integers(0, 2**32 - 1), st.floats(0.01, 100))
def test_rotation_permutation_scale_and_shift_of_features_are_not_seen(
    pair: tuple[Features, Features], seed: int, scale: float
) -> None:
    x, y = pair
    rng, width = np.random.default_rng(seed), y.shape[1]
    rotation = ortho_group.rvs(width, random_state=rng) if width > 1 else np.array([[-1.0]])
    found = measured(x, y)
    for moved in (
        y @ rotation,
        y[:, rng.permutation(width)],
        scale * y,
        y + rng.normal(size=width),
    ):
        assert measured(x, moved) == pytest.approx(found, abs=1e-6)
        assert measured(y, moved) == pytest.approx((1, 1), abs=1e-6)


@given(pairs(), st.integers(0, 2**32 - 1))
def test_the_order_of_the_images_is_not_seen_but_their_match_is(
    pair: tuple[Features, Features], seed: int
) -> None:
    x, y = pair
    order = np.random.default_rng(seed).permutation(len(x))
    assert measured(x[order], y[order]) == pytest.approx(measured(x, y), abs=1e-7)


def test_images_that_changed_places_are_another_representation() -> None:
    x = np.random.default_rng(0).normal(size=(40, 60))
    rotated, shared = measured(x, x[::-1].copy())
    assert rotated < 0.95
    # of independent neighbourhoods of 4 of 39 others
    assert shared == pytest.approx(4 / (2 * 39 - 4), abs=0.05)


def test_an_unequal_scaling_is_seen() -> None:
    x = np.random.default_rng(0).normal(size=(40, 6))
    stretched, shared = measured(x, x * [10, 1, 1, 1, 1, 1])
    assert stretched < 0.8
    assert shared < 0.6


def test_procrustes_sees_small_directions_that_cka_does_not() -> None:
    """A direction of most of the variance stays; five smaller ones are drawn anew."""
    rng = np.random.default_rng(0)
    large, small = 10 * rng.normal(size=(60, 1)), 3 * rng.normal(size=(2, 60, 5))
    grams = [gram(torch.tensor(np.hstack([large, one]))[None]) for one in small]
    assert cka_biased(*grams).item() > 0.93
    assert procrustes(*grams).item() < 0.85


def test_of_wide_and_independent_representations_procrustes_is_near_1() -> None:
    """Why the probe measures what shuffled images would have."""
    x, y = np.random.default_rng(0).normal(size=(2, 20, 5000))
    assert measured(x, y)[0] > 0.9


def test_what_is_constant_or_diverged_has_no_similarity_and_spoils_no_other_task() -> None:
    x = torch.randn(3, 8, 5, generator=torch.Generator().manual_seed(0)).double()
    y = x.clone()
    y[1], y[2, 0] = 1.0, math.nan
    for found in (procrustes(gram(x), gram(y)), shared_neighbours(gram(x), gram(y), 3)):
        assert found[0].item() == pytest.approx(1, abs=1e-12)
        assert found[1:].isnan().all()


@pytest.mark.parametrize("count", [0, 7, 8])
def test_too_many_neighbours_are_refused(count: int) -> None:
    x = gram(torch.randn(1, 8, 5))
    with pytest.raises(
        InnerloopError, match=f"neighbours is {count}; with 8 images it can be 1 to 6"
    ):
        shared_neighbours(x, x, count)
