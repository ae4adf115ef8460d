"""The supervised toy: both arms from one start, learning the digits of scikit-learn."""

import math
from collections.abc import Iterator
from typing import Any

import pytest
import torch

from innerloop.measurements.schemas import conform
from innerloop.networks.parameters import role_of
from innerloop.probes import toy
from innerloop.probes.toy import ARMS, train_toy
from innerloop.runtime.errors import ConfigError

Images = tuple[torch.Tensor, torch.Tensor]


@pytest.fixture(scope="module")
def digits() -> tuple[Images, Images]:
    """Three digits at 16 x 16, class by class as in an image store."""
    from sklearn.datasets import load_digits

    found = load_digits(n_class=3)
    images = torch.from_numpy(found.images).float().div(16).unsqueeze(1).expand(-1, 3, -1, -1)
    images = torch.nn.functional.interpolate(images, size=16)
    labels = torch.from_numpy(found.target).long()
    parts = []
    for first, last in ((0, 40), (40, 60)):
        rows = torch.cat([(labels == label).nonzero().flatten()[first:last] for label in range(3)])
        parts.append((images[rows].contiguous(), labels[rows]))
    return parts[0], parts[1]


def train(digits, arm: str, **changed: Any) -> Iterator[dict[str, Any]]:
    (images, labels), (test_images, test_labels) = digits
    settings = {
        "step_sizes": [0.1], "epochs": 3, "batch": 32, "seed": 0, "filters": 8, "classes": 3,
    }  # fmt: skip
    return train_toy(images, labels, test_images, test_labels, arm=arm, **{**settings, **changed})


@pytest.mark.parametrize("arm", ARMS)
def test_learns(digits, arm: str):
    rows = list(train(digits, arm))
    test = [row for row in rows if row["split"] == "test"]
    assert test[0]["accuracy"] < 0.7
    assert test[-1]["accuracy"] > 0.9
    assert test[-1]["loss"] < 0.6 * test[0]["loss"]


def test_rows_fill_the_declared_table(digits):
    calls = []
    rows = list(
        train(
            digits, "scaled_lr", step_sizes=[0.01, 0.1], epochs=2, progress=lambda: calls.append(1)
        )
    )
    table = conform([{**row, "dataset": "digits", "store": "8"} for row in rows], "toy").to_pandas()
    keys = ["step_size", "epoch", "split"]
    assert len(table) == 2 * 3 * 2
    assert not table.duplicated(keys).any()
    assert dict(table.groupby("split")["images"].first()) == {"test": 60, "train": 120}
    assert len(calls) == 2 * 2


def test_both_arms_start_from_the_same_weights(digits):
    """And part slowly: the norm that scaled LR does not hold at 1 grows (P1 eq. 11)."""
    unit, scaled = (list(train(digits, arm, epochs=1)) for arm in ARMS)
    assert [row["epoch"] for row in unit] == [0, 0, 1, 1]
    for ours, theirs in zip(unit[:2], scaled[:2], strict=True):
        assert {**ours, "arm": ""} == {**theirs, "arm": ""}
    assert unit[2]["loss"] != scaled[2]["loss"]
    assert unit[2]["loss"] == pytest.approx(scaled[2]["loss"], rel=0.05)


def test_conv_weights_start_and_for_unit_norm_stay_at_norm_one(digits, monkeypatch):
    norms: dict[str, list[float]] = {arm: [] for arm in ARMS}
    step = toy._sgd_step

    def spy(network, weights, *rest):
        norms[arm].append(float(weights["conv3.weight"].norm()))
        return step(network, weights, *rest)

    monkeypatch.setattr(toy, "_sgd_step", spy)
    for arm in ARMS:
        list(train(digits, arm, epochs=2))
    assert norms["unit_norm"] == pytest.approx([1] * 8, rel=1e-6)
    assert norms["scaled_lr"][0] == pytest.approx(1, rel=1e-6)
    assert norms["scaled_lr"] == sorted(norms["scaled_lr"])
    assert norms["scaled_lr"][-1] > 1.0001


def test_the_first_step_differs_by_the_norm_alone(digits, monkeypatch):
    """From unit norm, scaled LR takes the plain step and unit norm the same, then rescales."""
    after = {}
    step = toy._sgd_step

    def spy(*arguments):
        moved = step(*arguments)
        after.setdefault(arm, moved)
        return moved

    monkeypatch.setattr(toy, "_sgd_step", spy)
    for arm in ARMS:
        list(train(digits, arm, epochs=1))
    for name, weight in after["scaled_lr"].items():
        expected = weight / weight.norm() if role_of(name) == "conv_weight" else weight
        torch.testing.assert_close(after["unit_norm"][name], expected)


def test_is_a_pure_function_of_its_arguments(digits):
    first, again, other = (list(train(digits, "unit_norm", seed=seed)) for seed in (0, 0, 1))
    assert first == again
    assert [row["loss"] for row in first] != [row["loss"] for row in other]


def test_each_step_size_starts_anew(digits):
    alone = list(train(digits, "unit_norm", step_sizes=[0.1]))
    after_another = list(train(digits, "unit_norm", step_sizes=[0.01, 0.1]))
    assert after_another[len(alone) :] == alone


def test_every_image_once_an_epoch_in_even_batches_of_mixed_classes(digits, monkeypatch):
    batches = []
    step = toy._sgd_step
    monkeypatch.setattr(
        toy, "_sgd_step", lambda *rest: batches.append((rest[2], rest[3])) or step(*rest)
    )
    list(train(digits, "unit_norm", epochs=2, batch=50))
    assert [labels.shape for _, labels in batches] == [(1, 40)] * 6
    for epoch in (batches[:3], batches[3:]):
        seen = torch.cat([images[0].flatten(1) for images, _ in epoch])
        whole = digits[0][0].flatten(1)
        assert sorted(map(tuple, seen.tolist())) == sorted(map(tuple, whole.tolist()))
        assert all(len(labels.unique()) == 3 for _, labels in epoch)
    assert not torch.equal(batches[0][1], batches[3][1])


def test_measuring_mixes_the_classes(digits, monkeypatch):
    """Stored images lie class by class: in that order BatchNorm would see one class at a time."""
    seen = []
    batches = toy._Images.batches

    def spy(held, order, batch):
        for part in batches(held, order, batch):
            seen.append(len(part[1].unique()))
            yield part

    monkeypatch.setattr(toy._Images, "batches", spy)
    list(train(digits, "unit_norm", epochs=1, batch=20))
    assert set(seen) == {3}


def test_unknown_arm(digits):
    with pytest.raises(ConfigError, match="arm 'adam' is unknown; known are unit_norm, scaled_lr"):
        next(train(digits, "adam"))


def test_training_that_diverged_has_no_accuracy(digits):
    rows = list(train(digits, "scaled_lr", step_sizes=[1e30], epochs=1))
    for row in rows:
        before = row["epoch"] == 0
        assert math.isfinite(row["accuracy"]) == math.isfinite(row["loss"]) == before
