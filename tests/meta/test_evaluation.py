"""Evaluation: one result a task, in order, whatever the batch."""

import pytest
import torch

import tiny
from innerloop.inner_loop.methods import method
from innerloop.meta.evaluation import evaluate
from innerloop.meta.outer_loop import query_result

STEPS = 2


def test_does_not_depend_on_how_many_tasks_go_together():
    slow, sizes = tiny.NETWORK.initial(0), None
    chosen = method("maml", step_size=0.1)
    sizes = {name: torch.tensor(0.1) for name in slow}
    tasks = tiny.tasks("val")
    one, some, all_of_them = (
        evaluate(tiny.NETWORK, slow, sizes, chosen, tasks.batches(5, at_once), STEPS)
        for at_once in (1, 2, 5)
    )
    assert one.losses.shape == one.accuracies.shape == (5,)
    for other in (some, all_of_them):
        torch.testing.assert_close(other.losses, one.losses, rtol=1e-4, atol=1e-5)
        assert torch.equal(other.accuracies, one.accuracies)


def test_accuracy_is_the_share_of_query_images_whose_own_class_scores_highest():
    """A head without weights gives every image the class of its largest bias."""
    slow = tiny.NETWORK.initial(0)
    slow["head.weight"].zero_()
    slow["head.bias"][1] = 5.0
    batch = tiny.tasks("val").batch(range(2))
    sizes = {name: torch.tensor(0.0) for name in slow}
    result = query_result(
        tiny.NETWORK, slow, sizes, method("maml"), batch, STEPS, differentiable=False
    )
    assert result.accuracies.tolist() == pytest.approx([1 / 3, 1 / 3])
    probability = torch.tensor([0.0, 5.0, 0.0]).log_softmax(0)
    torch.testing.assert_close(result.losses, -probability.mean().expand(2))
