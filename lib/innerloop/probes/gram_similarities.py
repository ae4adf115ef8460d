"""Two more similarities of representations of the same images, from the Gram matrices of CKA.

CKA weights directions by their squared variance, so that a few large ones dominate. Procrustes
weights them by their variance; shared neighbours depend only on which images are near each other.
All three are invariant to rotation, isotropic scaling and translation of the features. Neither of
these two is debiased: with few images and many features, Procrustes is near 1 by chance. Values are
not clamped; a representation that is constant, or not finite, gives NaN.
"""

from __future__ import annotations

import math

import torch

from innerloop.runtime.errors import InnerloopError


def procrustes(gram_x: torch.Tensor, gram_y: torch.Tensor) -> torch.Tensor:
    """Procrustes similarity: how well the best rotation and scaling aligns the features, [T].

    ||X^T Y||_* / (||X|| ||Y||) of centred features X and Y, from their Gram matrices, each
    [T, n, n]: the cosine of the angular Procrustes distance (Williams et al. 2021, "Generalized
    shape metrics on neural representations"). Between 0 and 1; 1 if they agree up to rotation and
    scale.
    """
    x, y = _features(gram_x), _features(gram_y)
    overlap: torch.Tensor = torch.linalg.svdvals(x.transpose(1, 2) @ y).sum(dim=1)
    return overlap / (x.square().sum(dim=(1, 2)) * y.square().sum(dim=(1, 2))).sqrt()


def shared_neighbours(gram_x: torch.Tensor, gram_y: torch.Tensor, count: int) -> torch.Tensor:
    """Jaccard index of each image's `count` nearest images in both, averaged over the images, [T].

    Neighbours are by Euclidean distance; of two equally far images, the earlier one counts as
    nearer (k-nearest-neighbour Jaccard similarity, as in Klabunde et al. 2025, "ReSi").

    Args:
        gram_x: Gram matrices of one representation, [T, n, n].
        gram_y: Gram matrices of the other.
        count: neighbours per image.

    Raises:
        InnerloopError: count is not between 1 and n - 2; with more, all images are neighbours.
    """
    images = gram_x.shape[-1]
    if not 1 <= count <= images - 2:
        raise InnerloopError(
            f"neighbours is {count}; with {images} images it can be 1 to {images - 2}"
        )
    x, y = _nearest(gram_x, count), _nearest(gram_y, count)
    jaccard = (x & y).sum(dim=2).double() / (x | y).sum(dim=2)
    undefined = [~gram.isfinite().all(dim=2).all(dim=1) | ~gram.any(dim=2).any(dim=1)
                 for gram in (gram_x, gram_y)]  # fmt: skip
    return jaccard.mean(dim=1).masked_fill(undefined[0] | undefined[1], math.nan)


def _features(gram: torch.Tensor) -> torch.Tensor:
    """Features [T, n, n] that have these Gram matrices; zeros for one that is not finite."""
    finite = gram.isfinite().all(dim=2).all(dim=1)
    # eigh fails on values that are not finite
    values, vectors = torch.linalg.eigh(gram.where(finite[:, None, None], 0.0))
    # rounding may make an eigenvalue of zero negative
    features: torch.Tensor = vectors * values.clamp_min(0).sqrt()[:, None, :]
    return features


def _nearest(gram: torch.Tensor, count: int) -> torch.Tensor:
    """Whether image j is among the nearest to image i, [T, n, n]; none is its own neighbour."""
    lengths = gram.diagonal(dim1=1, dim2=2)
    distances = lengths[:, :, None] + lengths[:, None, :] - 2 * gram
    itself = torch.eye(gram.shape[-1], dtype=torch.bool, device=gram.device)
    order = distances.masked_fill(itself, math.inf).argsort(dim=2, stable=True)
    return torch.zeros_like(itself).expand_as(gram).scatter(2, order[:, :, :count], True)
