"""Linear CKA between two representations of the same images, from their Gram matrices.

There are few images (75) and many features (up to 112,896), so everything is computed from n x n
Gram matrices, for all tasks at once (Kornblith et al. 2019, Section 3; P1 Section 4.2).

There are two estimators. The biased one is the papers'; with few images it is near 1 for wide
layers even if the representations are independent. The debiased one is based on the U-statistic of
HSIC (Song et al. 2012, in the U-centred form of Szekely and Rizzo 2014): there it is about 0, and
can be negative. Values are not clamped, and a constant representation, whose CKA is 0 / 0, gives
NaN.
"""

from __future__ import annotations

import torch

from innerloop.runtime.errors import InnerloopError


def gram(features: torch.Tensor) -> torch.Tensor:
    """Gram matrices of centred features.

    Args:
        features: [T, n, D], one row per image; a representation of n images for each of T tasks.

    Returns:
        [T, n, n] in double precision; exactly zero if the features are constant.
    """
    # the mean of constant features may be rounded, but their difference to the first image is 0
    centred = features - features[:, :1]
    centred -= centred.mean(dim=1, keepdim=True)  # in place: this is the largest tensor
    return torch.bmm(centred, centred.transpose(1, 2)).double()


def cka_biased(gram_x: torch.Tensor, gram_y: torch.Tensor) -> torch.Tensor:
    """CKA, [T]: <K, L> / (||K|| ||L||) for centred Gram matrices K and L, each [T, n, n].

    Between 0 and 1; 1 if the representations agree up to rotation and scale (Kornblith et al.,
    eq. 4).
    """
    return _cosine(gram_x, gram_y)


def cka_debiased(gram_x: torch.Tensor, gram_y: torch.Tensor) -> torch.Tensor:
    """The same cosine for U-centred Gram matrices, [T]; about 0 for independent representations.

    <K~, L~> / (n (n - 3)) is the unbiased estimator of HSIC.

    Raises:
        InnerloopError: fewer than 4 images.
    """
    return _cosine(_u_centred(gram_x), _u_centred(gram_y))


def _cosine(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Cosine of the angle between matrices, [T]; NaN if one is zero."""
    # sqrt(a * a), unlike sqrt(a) * sqrt(a), is exactly a, so that unchanged layers have exactly 1
    lengths = (x.square().sum(dim=(1, 2)) * y.square().sum(dim=(1, 2))).sqrt()
    return (x * y).sum(dim=(1, 2)) / lengths


def _u_centred(gram_x: torch.Tensor) -> torch.Tensor:
    """The U-centred matrix, [T, n, n]: zero diagonal, and rows and columns with zero sums."""
    n = gram_x.shape[-1]
    if n < 4:
        raise InnerloopError(f"debiased CKA needs at least 4 images, got {n}")
    off_diagonal = 1 - torch.eye(n, dtype=gram_x.dtype, device=gram_x.device)
    others = gram_x * off_diagonal
    rows = others.sum(dim=2, keepdim=True) / (n - 2)
    total = others.sum(dim=(1, 2), keepdim=True) / ((n - 1) * (n - 2))
    return (others - rows - rows.transpose(1, 2) + total) * off_diagonal
