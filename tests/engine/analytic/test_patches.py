"""Patches know of images what the first block asks for, however few go through at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from innerloop.engine.analytic import first_layer_conv, first_layer_matmul
from innerloop.engine.analytic.convolution import Convolution, FeatureMap
from innerloop.engine.analytic.patches import Patches, side_by_side


def images_of(seed: int, tasks: int, each: int, size: int, dtype: torch.dtype) -> torch.Tensor:
    random = torch.Generator().manual_seed(seed)
    return torch.rand((tasks, each, 3, size, size), generator=random, dtype=dtype)


def filters_of(seed: int, tasks: int, dtype: torch.dtype) -> torch.Tensor:
    random = torch.Generator().manual_seed(seed)
    drawn = torch.randn((tasks * 4, 3, 3, 3), generator=random, dtype=dtype)
    return drawn.contiguous(memory_format=torch.channels_last)


@given(
    seed=st.integers(0, 10**6),
    tasks=st.integers(1, 3),
    each=st.integers(1, 4),
    size=st.sampled_from([4, 7, 10]),
    multiplied=st.booleans(),
)
@settings(max_examples=25, deadline=None)
def test_moments_are_those_of_all_patches(
    seed: int, tasks: int, each: int, size: int, multiplied: bool
) -> None:
    images = images_of(seed, tasks, each, size, torch.float64)
    found = Patches(images, multiplied=multiplied)
    for number in range(tasks):
        columns = F.unfold(images[number], 3, padding=1)  # [N, C' * 9, places]
        rows = columns.view(each, 3, 9, -1).permute(2, 1, 0, 3).reshape(27, -1)
        torch.testing.assert_close(found.mean[number, 0], rows.mean(dim=1))
        torch.testing.assert_close(found.covariance[number], torch.cov(rows, correction=0))


def everything(convolution: Convolution, pooled: torch.Tensor, seed: int) -> list[torch.Tensor]:
    """All that is to be had of a convolution whose images have no gradient."""
    random = torch.Generator().manual_seed(seed)

    def numbers() -> torch.Tensor:
        return torch.randn((1, pooled.shape[1], 1, 1), generator=random, dtype=pooled.dtype)

    def like_pooled() -> torch.Tensor:
        drawn = torch.randn(pooled.shape, generator=random, dtype=pooled.dtype)
        return drawn.contiguous(memory_format=torch.channels_last)

    tasks = pooled.shape[1] // 4
    _, gradient, vjp = convolution.vjp(like_pooled(), numbers(), numbers(), weight=True)
    pooled_t, jvp = convolution.jvp(None, filters_of(seed + 1, tasks, pooled.dtype))
    _, moved = convolution.jvp_of_vjp(vjp, jvp, like_pooled(), numbers(), numbers(), numbers())
    moments = [convolution.mean, convolution.variance, jvp.mean, jvp.covariance]
    return [pooled, pooled_t, *moments, gradient, moved]


@pytest.mark.parametrize("at_once", [1, 4 * 2 * 8 * 100, 2**30])
def test_they_give_what_pre_activations_kept_at_full_size_give(
    monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    """Whether images go through one by one, some at a time, or all at once."""
    monkeypatch.setattr(first_layer_conv, "_AT_ONCE", at_once)
    images, filters = images_of(3, 2, 5, 10, torch.float64), filters_of(4, 2, torch.float64)
    found, pooled = reversed(Patches(images).convolve(filters))
    kept, kept_pooled = reversed(
        FeatureMap(side_by_side(images), 2, gradient=False).convolve(filters)
    )
    torch.testing.assert_close(everything(found, pooled, 5), everything(kept, kept_pooled, 5))


@pytest.mark.parametrize("many", [1, 256])
@pytest.mark.parametrize("size", [10, 13])
def test_multiplied_patches_give_the_same(
    monkeypatch: pytest.MonkeyPatch, size: int, many: int
) -> None:
    """As on a GPU. The last pixels of an odd size are in no window."""
    monkeypatch.setattr(first_layer_matmul, "_MANY", many)
    images, filters = images_of(3, 2, 5, size, torch.float64), filters_of(4, 2, torch.float64)
    found, pooled = reversed(Patches(images, multiplied=True).convolve(filters))
    other, other_pooled = reversed(Patches(images, multiplied=False).convolve(filters))
    torch.testing.assert_close(everything(found, pooled, 5), everything(other, other_pooled, 5))


@pytest.mark.parametrize(("images_alive", "sizes"), [(0.5, [1] * 5), (3, [3, 2]), (9, [5])])
def test_as_many_images_go_through_as_may_be_alive(
    monkeypatch: pytest.MonkeyPatch, images_alive: float, sizes: list[int]
) -> None:
    one = 4 * 10 * 10 * 8  # bytes of an image with 4 channels in double precision
    monkeypatch.setattr(first_layer_conv, "_AT_ONCE", int(images_alive * one))
    images = torch.zeros(5, 3, 10, 10, dtype=torch.float64)
    assert [len(part) for part in first_layer_conv.in_parts(images, 4)] == sizes


@given(
    seed=st.integers(0, 10**6),
    contrast=st.sampled_from([1.0, 0.1, 0.01]),
    multiplied=st.booleans(),
)
@settings(max_examples=25, deadline=None)
def test_single_precision_is_enough_for_filters_that_see_little(
    seed: int, contrast: float, multiplied: bool
) -> None:
    """A filter that adds up to zero, on smooth images far from zero: most of y cancels."""
    small = images_of(seed, 1, 20, 7, torch.float64)[0]
    smooth = F.interpolate(small, size=(28, 28), mode="bicubic", align_corners=True)
    images = 0.5 + contrast * (smooth - 0.5).unsqueeze(0)
    filters = filters_of(seed, 1, torch.float64)
    filters -= filters.mean(dim=(2, 3), keepdim=True)
    _, exact = Patches(images, multiplied=multiplied).convolve(filters)
    _, single = Patches(images.float(), multiplied=multiplied).convolve(filters.float())
    torch.testing.assert_close(single.variance.double(), exact.variance, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("multiplied", [False, True])
def test_no_pass_keeps_anything_at_full_size(multiplied: bool) -> None:
    images, filters = images_of(6, 1, 3, 16, torch.float64), filters_of(7, 1, torch.float64)
    with torch.no_grad():
        pooled, convolution = Patches(images, multiplied=multiplied).convolve(filters)
        everything(convolution, pooled, 8)
    # what belongs to the images is there once, for all passes
    kept = list(tensors_of(convolution, leaving_out=("_source", "_layer", "_filters")))
    # the images themselves, where they are convolved in parts, are among them
    assert max(value.numel() for value in kept) < 4 * 3 * 16 * 16
    assert (
        sum(value.shape == pooled.shape or value.numel() == pooled.numel() for value in kept) == 1
    )


def tensors_of(thing: Any, leaving_out: tuple[str, ...]) -> Iterator[torch.Tensor]:
    """All tensors that something holds, through lists, tuples and our own objects."""
    if isinstance(thing, torch.Tensor):
        yield thing
    elif isinstance(thing, (list, tuple)):
        for part in thing:
            yield from tensors_of(part, leaving_out)
    elif type(thing).__module__.startswith("innerloop."):
        for name, part in vars(thing).items():
            if name not in leaving_out:
                yield from tensors_of(part, leaving_out)


@given(size=st.sampled_from([4, 7, 10]), each=st.integers(1, 3))
@settings(max_examples=10, deadline=None)
def test_kept_patches_are_those_of_every_pixel(size: int, each: int) -> None:
    images = images_of(9, 2, each, size, torch.float64)
    patches = first_layer_matmul.window_patches(images, images.new_zeros(27))
    assert sum(part.numel() for part in patches) == 2 * each * size * size * 28
