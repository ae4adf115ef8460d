"""Linear CKA: invariances, the bias of the papers' estimator, the unbiased one by definition."""

from itertools import permutations

import pytest
import torch

from innerloop.probes.linear_cka import cka_biased, cka_debiased, gram
from innerloop.runtime.errors import InnerloopError

BOTH = pytest.mark.parametrize("cka", [cka_biased, cka_debiased])


def noise(tasks: int, n: int, p: int, seed: int, dtype: torch.dtype = torch.float64):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(tasks, n, p, generator=generator, dtype=dtype)


@pytest.mark.parametrize(("p", "expected"), [(5, 0.07), (1600, 0.955), (6400, 0.988)])
def test_the_biased_estimator_finds_similarity_in_independent_noise(p: int, expected: float):
    """The numbers that protocol.md quotes, n = 75."""
    x, y = noise(4, 75, p, 0), noise(4, 75, p, 1)
    assert cka_biased(gram(x), gram(y)).mean().item() == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize(("p", "tasks"), [(5, 400), (1600, 40)])
def test_the_debiased_estimator_does_not(p: int, tasks: int):
    x, y = noise(tasks, 75, p, 0), noise(tasks, 75, p, 1)
    found = cka_debiased(gram(x), gram(y))
    assert abs(found.mean()) < 4 * found.std() / tasks**0.5 < 0.015
    assert found.min() < 0  # not clamped


@BOTH
def test_of_a_representation_with_itself_is_exactly_one(cka):
    x = noise(3, 12, 40, 0, torch.float32)
    assert (cka(gram(x), gram(x)) == 1).all()


@BOTH
def test_is_invariant_to_rotation_scale_and_shift(cka):
    x, y = noise(2, 12, 6, 0), noise(2, 12, 9, 1)
    rotation, _ = torch.linalg.qr(noise(2, 6, 6, 2))
    expected = cka(gram(x), gram(y))
    for changed in (x @ rotation, 1000 * x, x + noise(2, 1, 6, 3)):
        torch.testing.assert_close(cka(gram(changed), gram(y)), expected, rtol=1e-9, atol=1e-12)
        ones = torch.ones_like(expected)
        torch.testing.assert_close(cka(gram(changed), gram(x)), ones, rtol=1e-12, atol=0)


@BOTH
def test_is_not_invariant_to_other_linear_maps(cka):
    x = noise(1, 12, 6, 0)
    stretched = x * torch.tensor([10.0, 1, 1, 1, 1, 1], dtype=x.dtype)
    assert cka(gram(stretched), gram(x)) < 0.9


@BOTH
def test_is_symmetric_and_ignores_the_order_of_images_and_tasks(cka):
    x, y = noise(3, 12, 6, 0), noise(3, 12, 9, 1)
    found = cka(gram(x), gram(y))
    torch.testing.assert_close(cka(gram(y), gram(x)), found)
    order = torch.randperm(12, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(cka(gram(x[:, order]), gram(y[:, order])), found)
    torch.testing.assert_close(cka(gram(x.flip(0)), gram(y.flip(0))), found.flip(0))


def test_biased_against_the_feature_form():
    """||Y'X||^2 / (||X'X|| ||Y'Y||) of centred features (Kornblith et al. 2019, Section 3)."""
    x, y = noise(1, 20, 6, 0)[0], noise(1, 20, 9, 1)[0]
    x = x + 0.5 * y[:, :6]
    a, b = x - x.mean(0), y - y.mean(0)
    expected = (b.T @ a).square().sum() / ((a.T @ a).norm() * (b.T @ b).norm())
    torch.testing.assert_close(cka_biased(gram(x[None]), gram(y[None]))[0], expected)


def hsic(k: torch.Tensor, m: torch.Tensor) -> float:
    """The U-statistic of HSIC by its definition, a mean over all quadruples of different images.

    Gretton et al. 2005: C = E k(1,2) m(1,2) + E k(1,2) m(3,4) - 2 E k(1,2) m(1,3).
    """
    kernel = [
        float(k[a, b] * m[a, b] + k[a, b] * m[c, d] - 2 * k[a, b] * m[a, c])
        for a, b, c, d in permutations(range(len(k)), 4)
    ]
    return sum(kernel) / len(kernel)


@pytest.mark.parametrize("n", [4, 5, 7])
def test_debiased_against_its_definition(n: int):
    x, y = noise(1, n, 3, 0)[0], noise(1, n, 4, 1)[0]
    y[:, 0] += 2 * x[:, 0]
    k, m = x @ x.T, y @ y.T  # not even centred
    expected = hsic(k, m) / (hsic(k, k) * hsic(m, m)) ** 0.5
    found = cka_debiased(gram(x[None]), gram(y[None]))
    assert found.item() == pytest.approx(expected, rel=1e-9)
    assert cka_debiased(k[None], m[None]).item() == pytest.approx(expected, rel=1e-9)


@BOTH
@pytest.mark.parametrize("value", [0.0, 0.1, -1e4 / 3])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_of_a_constant_layer_is_not_a_number(cka, value: float, dtype: torch.dtype):
    """Rounding of the mean must not turn a constant into a direction, and no epsilon hides it."""
    x = noise(2, 75, 10, 0, dtype)
    constant = torch.full_like(x, value)
    constant[1] = x[1]
    found = cka(gram(x), gram(constant))
    assert found[0].isnan()
    assert found[1] == 1
    assert cka(gram(constant), gram(constant))[0].isnan()


def test_the_debiased_estimator_needs_four_images():
    x = gram(noise(1, 3, 5, 0))
    with pytest.raises(InnerloopError, match="at least 4 images, got 3"):
        cka_debiased(x, x)


def test_tasks_do_not_mix():
    x, y = noise(3, 12, 6, 0), noise(3, 12, 9, 1)
    together = cka_debiased(gram(x), gram(y))
    for task in range(3):
        one = slice(task, task + 1)
        torch.testing.assert_close(cka_debiased(gram(x[one]), gram(y[one])), together[one])


def test_single_precision_features_are_precise_enough():
    x = noise(2, 75, 1600, 0) + 3
    y = x + 0.1 * noise(2, 75, 1600, 1)
    for cka in (cka_biased, cka_debiased):
        single, double = (
            cka(gram(x.to(dtype)), gram(y.to(dtype))) for dtype in (torch.float32, torch.float64)
        )
        assert single.dtype == torch.float64
        torch.testing.assert_close(single, double, rtol=0, atol=1e-6)
