"""Methods that must coincide, and what an inner loop may not do."""

import pytest
import torch

import tiny
from innerloop.data.tasks import Labelled
from innerloop.learners.gradient_based.adapt import adapt, initial_step_sizes
from innerloop.learners.gradient_based.constraint import constrained
from innerloop.learners.gradient_based.learner import query_result
from innerloop.learners.gradient_based.methods import METHODS, Method, method
from innerloop.learners.gradient_based.update_rules.chosen import rule_of
from innerloop.learners.losses import loss_scale, task_losses
from innerloop.networks.parameters import Parameters, role_of
from innerloop.runtime.errors import ConfigError

STEP_SIZE = 0.1
SUPPORT = tiny.batch(2).support


def fast(
    chosen: Method, slow: Parameters, steps: int = 3, step_sizes: Parameters | None = None
) -> Parameters:
    return adapt(tiny.NETWORK, slow, chosen, SUPPORT, steps=steps, step_sizes=step_sizes).fast


def same(found: Parameters, expected: Parameters, tolerance: float = 1e-13) -> None:
    for name, weight in expected.items():
        torch.testing.assert_close(found[name], weight, rtol=tolerance, atol=tolerance)


def start() -> Parameters:
    return tiny.start(method("maml"))[0]


@pytest.mark.parametrize("name", METHODS)
def test_zero_steps_change_nothing(name: str):
    chosen = method(name)
    slow, sizes = tiny.start(chosen)
    found = adapt(tiny.NETWORK, slow, chosen, SUPPORT, steps=0, step_sizes=sizes, trajectory=True)
    assert found.support_losses == []
    assert len(found.trajectory) == 1
    for name, weight in found.fast.items():
        assert weight.shape == (2, *slow[name].shape)
        assert (weight == slow[name]).all()


def test_maml_3x_is_maml_with_three_times_the_step_size():
    slow = start()
    same(
        fast(method("maml_3x", step_size=STEP_SIZE), slow),
        fast(method("maml", step_size=3 * STEP_SIZE), slow),
    )


def test_meta_sgd_with_equal_step_sizes_is_maml():
    slow = start()
    same(
        fast(method("meta_sgd", step_size=STEP_SIZE), slow),
        fast(method("maml", step_size=STEP_SIZE), slow),
    )


@pytest.mark.parametrize("learned", ["parameter", "layer", "step_and_layer"])
def test_equal_learned_step_sizes_are_a_constant_one(learned: str):
    slow, constant = start(), method("maml", step_size=STEP_SIZE)
    chosen = method("maml", step_size=STEP_SIZE, learn_step_size=learned)
    for steps in (1, 2, 4):
        expected = fast(constant, slow, steps)
        same(fast(chosen, slow, steps), expected, tolerance=0)
        sizes = initial_step_sizes(chosen, slow, seed=0, steps=2)
        same(fast(chosen, slow, steps, sizes), expected, tolerance=0)


def test_the_step_size_of_the_last_trained_step_holds_for_all_further_ones():
    slow, chosen = start(), method("maml", learn_step_size="step_and_layer")
    sizes = {name: torch.tensor([0.2, -0.1, 0.05], dtype=torch.float64) for name in slow}
    more = {name: torch.cat([size, size[-1:], size[-1:]]) for name, size in sizes.items()}
    same(fast(chosen, slow, 5, sizes), fast(chosen, slow, 5, more), tolerance=0)
    other = {name: torch.cat([size, size[:2]]) for name, size in sizes.items()}
    assert not torch.equal(
        fast(chosen, slow, 5, other)["head.bias"], fast(chosen, slow, 5, sizes)["head.bias"]
    )


@pytest.mark.parametrize(("name", "still"), [("anil", "body"), ("boil", "head")])
def test_anil_and_boil_are_maml_with_zero_step_sizes(name: str, still: str):
    slow = start()
    sizes = {
        parameter: torch.tensor(
            0.0 if (role_of(parameter) == "head") == (still == "head") else STEP_SIZE,
            dtype=torch.float64,
        )
        for parameter in slow
    }
    found = fast(method(name, step_size=STEP_SIZE), slow)
    same(found, fast(method("maml"), slow, step_sizes=sizes))
    unmoved = [p for p in slow if (role_of(p) == "head") == (still == "head")]
    assert all(torch.equal(found[p][0], slow[p]) for p in unmoved)


@pytest.mark.parametrize("steps", [1, 3])
def test_scaled_lr_and_maml_agree_on_the_first_step_from_unit_norm(steps: int):
    slow = constrained(method("unit_norm"), start())
    scaled = fast(method("scaled_lr", step_size=STEP_SIZE), slow, steps)
    plain = fast(method("maml", step_size=STEP_SIZE), slow, steps)
    if steps == 1:
        same(scaled, plain)
    else:  # the norm has grown (P1 eq. 11), so they part
        assert not torch.allclose(scaled["conv4.weight"], plain["conv4.weight"], rtol=1e-6)


@pytest.mark.parametrize(("detached", "along"), [(False, "zero"), (True, "not zero")])
def test_under_scaled_lr_the_outer_loop_asks_for_no_norm_unless_that_is_detached(
    detached: bool, along: str
):
    """The scale of a conv weight changes no query loss: an exact outer gradient lies across it."""
    network = tiny.NETWORK.with_options(eps=1e-12)
    chosen = method("scaled_lr", step_size=STEP_SIZE, rule_options={"detach_norm": detached})
    tasks, losses = tiny.batch(2), []
    for scale in (1, 3):
        slow, sizes = tiny.start(chosen, network)
        slow["conv3.weight"] = (scale * slow["conv3.weight"]).requires_grad_()
        loss = query_result(network, slow, sizes, chosen, tasks, 3).losses.mean()
        (gradient,) = torch.autograd.grad(loss, slow["conv3.weight"])
        cosine = torch.cosine_similarity(gradient.flatten(), slow["conv3.weight"].flatten(), dim=0)
        assert {"zero": abs(cosine) < 1e-8, "not zero": abs(cosine) > 1e-3}[along]
        losses.append(loss)
    torch.testing.assert_close(losses[0], losses[1], rtol=1e-9, atol=0)


def test_scaled_lr_is_maml_with_the_step_size_times_the_squared_norm():
    slow = start()
    found = fast(method("scaled_lr", step_size=STEP_SIZE), slow, steps=1)
    squared = {
        name: weight.square().sum() if role_of(name) == "conv_weight" else torch.tensor(1.0)
        for name, weight in slow.items()
    }
    sizes = {name: STEP_SIZE * factor.double() for name, factor in squared.items()}
    same(found, fast(method("maml"), slow, steps=1, step_sizes=sizes))


def test_unit_norm_keeps_every_fast_conv_weight_on_the_sphere():
    chosen = method("unit_norm", step_size=STEP_SIZE)
    slow, _ = tiny.start(chosen)
    visited = adapt(tiny.NETWORK, slow, chosen, SUPPORT, steps=3, trajectory=True).trajectory
    for weights in visited:
        for name, weight in weights.items():
            if role_of(name) == "conv_weight":
                norms = weight.flatten(1).norm(dim=1)
                torch.testing.assert_close(norms, torch.ones(2).double(), rtol=0, atol=1e-14)


def test_a_trajectory_passes_through_every_shorter_adaptation():
    chosen, slow = method("scaled_lr", step_size=STEP_SIZE), start()
    found = adapt(tiny.NETWORK, slow, chosen, SUPPORT, steps=3, trajectory=True)
    assert len(found.trajectory) == 4
    for steps, weights in enumerate(found.trajectory):
        same(weights, fast(chosen, slow, steps), tolerance=0)
    same(found.fast, found.trajectory[-1], tolerance=0)


def test_inner_losses_are_those_before_each_step():
    slow = start()
    found = adapt(
        tiny.NETWORK, slow, method("maml", step_size=STEP_SIZE), SUPPORT, steps=4, trajectory=True
    )
    assert len(found.support_losses) == 4
    for weights, losses in zip(found.trajectory, found.support_losses, strict=False):
        expected = task_losses(tiny.NETWORK(weights, SUPPORT.images), SUPPORT.labels)
        torch.testing.assert_close(losses, expected)
    assert (found.support_losses[-1] < found.support_losses[0]).all()


def test_the_sum_over_shots_is_the_mean_times_the_way():
    labels = torch.tensor([[0, 0, 1, 1, 2, 2]] * 2)
    assert loss_scale(labels, way=3, kind="sum_over_shots") == 3 * loss_scale(labels, way=3)


def test_adapting_leaves_the_slow_weights_alone():
    slow, _ = tiny.start(method("maml"), requires_grad=True)
    before = {name: weight.detach().clone() for name, weight in slow.items()}
    fast(method("maml", step_size=STEP_SIZE), slow)
    assert all(torch.equal(slow[name], before[name]) for name in slow)
    assert all(weight.grad is None for weight in slow.values())


def test_rules_of_the_papers_on_one_small_tensor():
    """P1 eq. 4 and 6, P2 eq. 1, by hand: w = (3, 4), g = (1, 0), a = 0.1."""
    weight = torch.tensor([3.0, 4.0], dtype=torch.float64).view(1, 2, 1, 1, 1)
    gradient = torch.tensor([1.0, 0.0], dtype=torch.float64).view(1, 2, 1, 1, 1)
    rate = torch.tensor(0.1, dtype=torch.float64)

    def moved(name: str, **options: object) -> list[float]:
        rule = rule_of(method(name, rule_options=options))
        return rule("conv_weight", weight, gradient, rate).flatten().tolist()

    assert moved("maml") == pytest.approx([2.9, 4])
    assert moved("scaled_lr") == pytest.approx([3 - 0.1 * 25, 4])
    assert moved("scaled_lr", norm="filter") == pytest.approx([3 - 0.1 * 9, 4])
    length = (2.9**2 + 4**2) ** 0.5
    assert moved("unit_norm") == pytest.approx([2.9 / length, 4 / length])
    assert moved("unit_norm", norm="filter") == pytest.approx([1, 1])


@pytest.mark.parametrize("name", METHODS)
def test_inference_mode_changes_nothing(name: str):
    chosen = method(name, step_size=STEP_SIZE)
    slow = tiny.start(chosen)[0]
    expected = fast(chosen, slow)
    with torch.inference_mode():
        same(fast(chosen, slow), expected, tolerance=0)
        inside = {parameter: weight * 1 for parameter, weight in slow.items()}
        support = Labelled(SUPPORT.images * 1, SUPPORT.labels * 1)
        found = adapt(tiny.NETWORK, inside, chosen, support, steps=3).fast
        same(found, expected, tolerance=0)


@pytest.mark.parametrize("name", ["maml", "anil"])
def test_autocast_is_refused_in_words(name: str):
    slow = start()
    refused = pytest.raises(ConfigError, match=r"outside torch\.autocast")
    with torch.autocast("cpu", dtype=torch.bfloat16), refused:
        fast(method(name), slow)
