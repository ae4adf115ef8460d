"""Predictions: of one task, by tensors alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

import innerloop
import tiny
from innerloop.learners.gradient_based.learner import GradientLearner
from innerloop.learners.gradient_based.methods import METHODS, method
from innerloop.learners.losses import task_losses
from innerloop.runtime.errors import InputError
from innerloop.training.evaluation import query_results
from innerloop.training.model_file import TrainedModel, Weights

TASK = tiny.tasks(shot=2).batch(range(1))
IMAGES, LABELS = TASK.support.images[0], TASK.support.labels[0]
QUERY, ANSWERS = TASK.query.images[0], TASK.query.labels[0]
SLOW = tiny.NETWORK.initial(0)


def predicted(query: torch.Tensor = QUERY, **changed) -> torch.Tensor:
    given = {"network": tiny.NETWORK, "slow": SLOW, "method": tiny.METHOD, "steps": 3}
    given |= {"support_images": IMAGES, "support_labels": LABELS}
    return innerloop.predict(query_images=query, **{**given, **changed})


@pytest.mark.parametrize("batch_norm", ["batch", "support"])
@pytest.mark.parametrize("name", METHODS)
def test_they_are_what_evaluation_judges(name: str, batch_norm: str) -> None:
    network, chosen = (
        tiny.NETWORK.with_options(normalisation=batch_norm),
        method(name, step_size=0.1),
    )
    slow, sizes = tiny.start(chosen, network)
    slow, sizes = ({n: v.float() for n, v in part.items()} for part in (slow, sizes))
    found = predicted(network=network, slow=slow, method=chosen, step_sizes=sizes)
    state = {"slow": slow, "step_sizes": sizes}
    judged = query_results(network, GradientLearner(chosen, 3), state, [TASK], 3)
    torch.testing.assert_close(found.sum(dim=1), torch.ones(len(QUERY)))
    assert (found.argmax(dim=1) == ANSWERS).double().mean() == judged.accuracies[0]
    torch.testing.assert_close(task_losses(found.log()[None], TASK.query.labels), judged.losses)


def test_asked_one_by_one_they_change_unless_the_support_normalises() -> None:
    for batch_norm, same in (("batch", False), ("support", True)):
        network = tiny.NETWORK.with_options(normalisation=batch_norm)
        together = predicted(network=network)
        alone = torch.cat([predicted(image[None], network=network) for image in QUERY])
        assert torch.allclose(together, alone, atol=1e-5) == same


def test_arrays_lists_and_other_precisions_are_taken() -> None:
    expected = predicted()
    labels = [int(label) for label in LABELS]
    for images, given in (
        (IMAGES.numpy(), labels),
        (IMAGES.double(), np.array(labels, dtype=np.uint8)),
        (IMAGES, tuple(labels)),
    ):
        found = predicted(QUERY.double(), support_images=images, support_labels=given)
        assert torch.equal(found, expected)


def test_a_model_predicts_with_its_own_steps_and_weights() -> None:
    chosen = method("meta_sgd", step_size=0.1)
    kept = {}
    for number in (0, 5):
        kept[number] = Weights(number, tiny.state(chosen, seed=number))
    schedule = replace(tiny.TRAINING.schedule, test_steps=2)
    spec = replace(tiny.TRAINING, learner=chosen, schedule=schedule)
    model = TrainedModel(tiny.NETWORK, spec, kept, best=0, last=5)
    for checkpoint, number in (("last", 5), ("best", 0), (0, 0)):
        slow, sizes = kept[number].slow, kept[number].state["step_sizes"]
        expected = predicted(slow=slow, method=chosen, step_sizes=sizes, steps=2)
        found = model.predict(IMAGES, LABELS, QUERY, checkpoint=checkpoint)
        assert torch.equal(found, expected)
        assert not torch.equal(
            model.predict(IMAGES, LABELS, QUERY, checkpoint=checkpoint, steps=1), expected
        )


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"query": QUERY[0]}, r"query_images: shape \[3, 16, 16\]; .*image\[None\]"),
        ({"query": QUERY[:0]}, r"query_images: shape \[1, 0, 3, 16, 16\] holds no image"),
        ({"query": QUERY.mul(255).byte()}, r"query_images: torch.uint8; .*float\(\) / 255"),
        ({"query": QUERY / 0}, "query_images: some values are NaN or infinite"),
        ({"query": QUERY[:, :1]}, "query_images: .* repeat the grey channel"),
        ({"query": ["a.png"]}, "query_images: list; expected a tensor"),
        ({"support_images": TASK.support.images}, r"support_images: shape \[1, 6, 3, 16, 16\]"),
        ({"support_labels": LABELS[1:]}, r"shape \[5\]; expected a whole number for each of 6"),
        ({"support_labels": LABELS.float()}, "support_labels: torch.float32 of shape"),
        ({"support_labels": ["cat"] * 6}, "support_labels: .*'cat'.*; expected whole numbers"),
        ({"support_labels": LABELS + 40}, "support labels: 40 ... 42; expected .* its task of 3"),
        ({"steps": -1}, "steps is -1"),
        ({"network": torch.nn.Linear(2, 2)}, "network is a Linear; expected innerloop.network"),
        ({"slow": {}}, "slow: missing conv1.beta"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_in_words(changed: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        predicted(**changed)
