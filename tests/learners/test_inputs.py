"""The library's doors: what does not fit the network is refused in words, before anything runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import innerloop
import tiny
from innerloop.data.tasks import TaskBatch
from innerloop.learners.gradient_based.adapt import initial_step_sizes
from innerloop.learners.gradient_based.learner import GradientLearner
from innerloop.learners.inputs import FAR
from innerloop.networks.options import BLOCKS
from innerloop.networks.parameters import with_task_axis
from innerloop.runtime.errors import InnerloopError, InputError
from innerloop.training.evaluation import query_results
from innerloop.training.model_file import TrainedModel, Weights

NETWORK = tiny.NETWORK
SLOW = NETWORK.initial(0)
FAST = with_task_axis(SLOW, 2)
BATCH = tiny.tasks(shot=2).batch(range(2))
SUPPORT = BATCH.support
STEP_SIZES = initial_step_sizes(tiny.METHOD, SLOW, 0)


def labelled(
    images: torch.Tensor = SUPPORT.images, labels: torch.Tensor = SUPPORT.labels
) -> innerloop.Labelled:
    return innerloop.Labelled(images, labels)


def adapt(**changed: Any) -> Any:
    """Adaptation that works, but for what is changed."""
    given = {"network": NETWORK, "slow": SLOW, "method": tiny.METHOD, "support": SUPPORT}
    return innerloop.adapt(**{**given, "steps": 1, **changed})


def judge(**changed: Any) -> Any:
    """The same for evaluation."""
    state = {"slow": changed.pop("slow", SLOW), "step_sizes": STEP_SIZES}
    given = {"network": NETWORK, "learner": GradientLearner(tiny.METHOD, 1), "state": state}
    return query_results(**{**given, "batches": [BATCH], "steps": 1, **changed})


def similarity(**changed: Any) -> Any:
    """The same for CKA."""
    given = {"network": NETWORK, "slow": SLOW, "fast": FAST, "tasks": BATCH}
    return innerloop.layer_cka(**{**given, **changed})


def images(*shape: int, dtype: torch.dtype = torch.float32) -> innerloop.Labelled:
    return labelled(torch.zeros(*shape, dtype=dtype))


def with_nan(tensor: torch.Tensor) -> torch.Tensor:
    changed = tensor.clone()
    changed.view(-1)[7] = float("nan")
    return changed


def of_support(support: innerloop.Labelled) -> TaskBatch:
    return replace(BATCH, support=support)


def train(**changed: Any) -> Any:
    """The same for training, which must not begin."""
    schedule = innerloop.Schedule(iterations=0)
    given = {"images": tiny.store(), "folder": "/dev/null", "schedule": schedule}
    return innerloop.train(**{**given, "network": NETWORK, "learner": tiny.METHOD, **changed})


MODEL = TrainedModel(NETWORK, tiny.TRAINING, {0: Weights(0, {"slow": SLOW})}, best=0, last=0)
PLAIN = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3))
FOREIGN = {f"features.{name}": value for name, value in SLOW.items()}
WIDER = innerloop.network(way=3, filters=5, image_size=16).initial(0)
NO_IMAGE = labelled(SUPPORT.images[:, :0], SUPPORT.labels[:, :0])

#: What is wrong, and what is said.
REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "a foreign network": (lambda: adapt(network=PLAIN), "network is a Sequential; expected inn"),
    "a foreign network judged": (lambda: judge(network=PLAIN), "expected innerloop.network"),
    "a foreign network in CKA": (lambda: similarity(network=PLAIN), "innerloop.from_state_dict"),
    "a method's name": (lambda: adapt(method="maml"), r"method is 'maml'; .*method\('maml'\)"),
    "negative steps": (lambda: adapt(steps=-1), "steps is -1; expected a whole number, 0 or more"),
    "half a step": (lambda: adapt(steps=1.5), "steps is 1.5; expected a whole number"),
    "negative steps judged": (lambda: judge(steps=-1), "steps is -1"),
    "foreign names": (
        lambda: adapt(slow=FOREIGN),
        r"slow: missing conv1.beta, .* and 15 more; unknown features\.conv1\.beta, .*from_state_d",
    ),
    "one name missing": (
        lambda: adapt(slow={k: v for k, v in SLOW.items() if k != "conv3.gamma"}),
        "slow: missing conv3.gamma; expected the parameters",
    ),
    "a trained model's network": (
        lambda: adapt(network=MODEL),
        "network is a TrainedModel; .*; its .network is one",
    ),
    "a trained model's weights": (
        lambda: adapt(slow=MODEL.at("last")),
        "slow is a Weights; expected a dictionary of tensors by name; its .slow is one",
    ),
    "an adaptation as fast weights": (
        lambda: similarity(fast=adapt()),
        "fast is an Adaptation; expected a dictionary of tensors by name; its .fast is one",
    ),
    "tasks as support": (lambda: adapt(support=BATCH), "is a TaskBatch; .*; its .support is one"),
    "images as a task": (
        lambda: TaskBatch(SUPPORT.images, SUPPORT.images),
        r"images are a Tensor; expected innerloop.Labelled\(images, labels\)",
    ),
    "a name that nothing has": (
        lambda: adapt(frozen=["conv9.weight"]),
        r"frozen is \['conv9.weight'\]; expected a list of conv1.weight, ",
    ),
    "a name as names": (lambda: adapt(frozen="head.bias"), "frozen is 'head.bias'; expected a li"),
    "slow weights called": (
        lambda: NETWORK(SLOW, SUPPORT.images),
        r"conv1.weight is \[4, 3, 3, 3\]; expected \[2, 4, 3, 3, 3\], for the 2 tasks of the im",
    ),
    "weights of other tasks called": (
        lambda: NETWORK.features(with_task_axis(SLOW, 3), SUPPORT.images),
        r"conv1.weight is \[3, 4, .*; expected \[2, 4, .*innerloop.with_task_axis\(slow, tasks\)",
    ),
    "images of one task called": (
        lambda: NETWORK(FAST, SUPPORT.images[0]),
        r"images are \[6, 3, 16, 16\]; .*one task: images\[None\]",
    ),
    "no weights called": (lambda: NETWORK({}, SUPPORT.images), "conv1.weight is missing"),
    "images of an array to train on": (
        lambda: train(images=SUPPORT.images),
        "images is of type Tensor; expected an image store, as innerloop.open_images",
    ),
    "iterations as a schedule": (
        lambda: train(schedule=3),
        r"schedule is 3; expected innerloop.Schedule\(iterations=...\)",
    ),
    "training without support": (lambda: train(shot=0), "shot is 0; expected .* 1 or more"),
    "half a query in training": (lambda: train(queries=1.5), "queries is 1.5"),
    "another device": (lambda: train(device="gpu"), "device is 'gpu'; expected cpu, cuda, or"),
    "no threads": (lambda: train(threads=0), "threads is 0; expected a whole number, 1 or more"),
    "a negative seed": (lambda: train(seed=-1), "seed is -1"),
    "a module's weights": (lambda: adapt(slow=PLAIN), "slow is a Sequential; expected a dict"),
    "weights of another width": (
        lambda: adapt(slow=WIDER),
        r"conv1\.weight is \[5, 3, 3, 3\]; expected \[4, 3, 3, 3\], without a task axis, .*filters",
    ),
    "fast weights as slow ones": (lambda: adapt(slow=FAST), "expected .*, without a task axis"),
    "slow weights as fast ones": (lambda: similarity(fast=SLOW), "fast: .*, for 2 tasks"),
    "fast weights of other tasks": (
        lambda: similarity(fast=with_task_axis(SLOW, 3)),
        r"fast: conv1.weight is \[3, 4, 3, 3, 3\]; expected \[2, 4, 3, 3, 3\], for 2 tasks",
    ),
    "whole numbers as weights": (
        lambda: adapt(slow={**SLOW, "conv2.beta": torch.zeros(4, dtype=torch.int64)}),
        "conv2.beta is torch.int64; expected a floating-point tensor",
    ),
    "weights of two types": (
        lambda: adapt(slow={**SLOW, "conv2.beta": torch.zeros(4).double()}),
        "conv2.beta is torch.float64 on cpu, but head.weight .*32 on cpu; expected one type",
    ),
    "a step size as a number": (lambda: adapt(step_sizes=0.1), r"method\(..., step_size=...\)"),
    "step sizes of another shape": (
        lambda: adapt(step_sizes={**STEP_SIZES, "conv1.gamma": torch.ones(2, 4)}),
        r"conv1.gamma is \[2, 4\]; expected one number, or \[4\], the weight's shape",
    ),
    "step sizes of weights where each step has its own": (
        lambda: adapt(
            method=innerloop.method("maml", learn_step_size="step_and_layer"),
            step_sizes={**STEP_SIZES, "conv1.weight": SLOW["conv1.weight"]},
        ),
        r"conv1.weight is .*; expected one number, or \[steps\]",
    ),
    "a step size of one parameter as a number": (
        lambda: adapt(step_sizes=dict.fromkeys(STEP_SIZES, 0.1)),
        r"step_sizes: conv1\.\w+ is 0\.1; expected a tensor",
    ),
    "too few step sizes": (lambda: adapt(step_sizes={}), "missing conv1.beta, .* method adapts"),
    "labels that are class ids": (
        lambda: adapt(support=labelled(labels=SUPPORT.labels + 35)),
        r"support labels: 35 ... 37; expected .* its task of 3 classes, 0 ... 2",
    ),
    "ten-way labels": (
        lambda: judge(batches=[of_support(labelled(labels=SUPPORT.labels * 4))]),
        r"support labels: 0 ... 8; expected .* its task of 3 classes",
    ),
    "wrong query labels": (
        lambda: judge(batches=[replace(BATCH, query=labelled(labels=SUPPORT.labels - 1))]),
        r"query labels: -1 ... 1",
    ),
    "bytes": (
        lambda: adapt(support=images(2, 6, 3, 16, 16, dtype=torch.uint8)),
        r"support images: torch.uint8; .* images.float\(\) / 255",
    ),
    "another size": (
        lambda: adapt(support=images(2, 6, 3, 28, 28)),
        r"an image is \[3, 28, 28\]; the network expects .* \[3, 16, 16\]",
    ),
    "no squares": (lambda: adapt(support=images(2, 6, 3, 16, 18)), r"an image is \[3, 16, 18\]"),
    "grey": (
        lambda: adapt(support=images(2, 6, 1, 16, 16)),
        r"images.expand\(..., 3, -1, -1\)",
    ),
    "channels last": (
        lambda: adapt(support=images(2, 6, 16, 16, 3)),
        r"channels come first, images.movedim\(-1, -3\)",
    ),
    "double images": (
        lambda: adapt(support=tiny.double(SUPPORT)),
        "support images: torch.float64 on cpu; the weights are torch.float32 on cpu",
    ),
    "images of another device": (
        lambda: adapt(support=labelled(SUPPORT.images.to("meta"), SUPPORT.labels.to("meta"))),
        "support images: torch.float32 on meta; the weights are torch.float32 on cpu",
    ),
    "labels of another device": (
        lambda: adapt(support=labelled(labels=SUPPORT.labels.to("meta"))),
        "support labels: on meta; expected the images' device, cpu",
    ),
    "no support": (lambda: adapt(support=NO_IMAGE), r"\[2, 0, 3, 16, 16\] holds no image"),
    "no task": (lambda: adapt(support=labelled(SUPPORT.images[:0], SUPPORT.labels[:0])), "no im"),
    "no query": (lambda: judge(batches=[replace(BATCH, query=NO_IMAGE)]), "query images: .* no im"),
    "no batch": (lambda: judge(batches=[]), "batches: there are no tasks"),
    "NaN": (
        lambda: adapt(support=labelled(with_nan(SUPPORT.images))),
        "support images: some values are NaN or infinite",
    ),
    "NaN in CKA": (
        lambda: similarity(tasks=replace(BATCH, query=labelled(with_nan(SUPPORT.images)))),
        "query images: some values are NaN",
    ),
    "a tensor as support": (lambda: adapt(support=SUPPORT.images), "is a Tensor; .*Labelled"),
    "support as tasks": (lambda: similarity(tasks=SUPPORT), "tasks is a Labelled; .*tasks_of"),
    "an unknown estimator": (lambda: similarity(estimator="both"), "'both'; .* biased, debiased"),
    "no task axis": (lambda: images(6, 3, 16, 16), r"\[6, 3, 16, 16\] .*one task: images\[None\]"),
    "labels too few": (lambda: labelled(labels=SUPPORT.labels[:, 1:]), r"\[2, 6, .* and \[2, 5\]"),
    "labels as numbers": (
        lambda: labelled(labels=SUPPORT.labels.float()),
        r"labels are torch.float32; expected torch.int64: labels.long\(\)",
    ),
    "an array": (lambda: labelled(SUPPORT.images.numpy()), "are ndarray and Tensor; .*as_tensor"),
    "different tasks": (
        lambda: of_support(labelled(SUPPORT.images[:1], SUPPORT.labels[:1])),
        "support images of 1 tasks and query images of 2",
    ),
    "one way": (lambda: innerloop.tasks_of(tiny.store(), "test", way=1), "way is 1; .* 2 or more"),
    "no shot": (lambda: innerloop.tasks_of(tiny.store(), "test", shot=0), "shot is 0"),
    "half a query": (lambda: innerloop.tasks_of(tiny.store(), "test", queries=1.5), "queries is"),
    "images in place of a store": (
        lambda: innerloop.tasks_of(SUPPORT.images, "test"),
        "images is of type Tensor; expected an image store, as innerloop.open_images",
    ),
    "a number of tasks": (lambda: tiny.tasks().batch(4), r"indices are 4; .* range\(4\)"),
    "none at once": (lambda: next(tiny.tasks().batches(4, 0)), "at_once is 0"),
    "a network without classes": (lambda: innerloop.network(way=0), "way is 0; expected a whole"),
    "a fraction of a filter": (lambda: innerloop.network(filters=1.5), "filters is 1.5"),
    "an image size in words": (lambda: innerloop.network(image_size="84"), "image_size is '84'"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_it_is_refused_in_words(case: str) -> None:
    call, message = REFUSED[case]
    with pytest.raises(InputError, match=message):
        call()


def test_an_input_error_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="steps") as found:
        adapt(steps=-1)
    assert isinstance(found.value, InnerloopError)


def test_what_works_still_does() -> None:
    assert adapt(steps=0).fast["head.bias"].shape == (2, 3)
    assert adapt(step_sizes=STEP_SIZES).fast.keys() == SLOW.keys()
    assert len(judge().accuracies) == 2
    assert set(similarity()) == {*BLOCKS, "head"}


@settings(max_examples=60, deadline=None)
@given(
    shape=st.tuples(*(st.integers(0, 3),) * 2, st.sampled_from([1, 3, 16]), *(
        st.sampled_from([3, 15, 16, 28]),) * 2),
    dtype=st.sampled_from([torch.float32, torch.float64, torch.float16, torch.uint8, torch.bool]),
    labels=st.tuples(st.integers(-1, 4), st.sampled_from([torch.int64, torch.int32])),
    value=st.sampled_from([0.0, 0.5, float("nan"), float("inf")]),
)  # fmt: skip
def test_any_tensors_are_taken_or_refused_in_words(
    shape: tuple[int, ...],
    dtype: torch.dtype,
    labels: tuple[int, torch.dtype],
    value: float,
) -> None:
    pixels = torch.rand(shape).add(value).to(dtype)
    classes = torch.full(shape[:2], labels[0], dtype=labels[1])
    try:
        found = adapt(support=innerloop.Labelled(pixels, classes))
    except InputError:
        pass  # any other error fails the test
    else:
        assert found.fast["head.bias"].isfinite().all()


@given(scale=st.floats(0.1, 255), shift=st.floats(-1, 1))
def test_bytes_as_numbers_are_refused_and_normalised_images_are_not(
    scale: float, shift: float
) -> None:
    """Standardised images reach a few units; bytes that were not divided by 255 reach hundreds."""
    pixels = labelled(SUPPORT.images * scale - shift)
    if float(pixels.images.abs().max()) <= FAR:
        assert adapt(support=pixels, steps=0).fast
        return
    for refused in (
        lambda: adapt(support=pixels),
        lambda: similarity(tasks=replace(BATCH, query=pixels)),
    ):
        with pytest.raises(InputError, match=r"expected .* divide bytes by 255: images / 255"):
            refused()


@given(tasks=st.integers(1, 3), way=st.integers(1, 3), shot=st.integers(1, 2))
@settings(max_examples=20, deadline=None)
def test_tasks_can_be_ones_own_tensors(tasks: int, way: int, shot: int) -> None:
    own = innerloop.Labelled(
        torch.rand(tasks, way * shot, 3, 16, 16),
        torch.arange(way).repeat(shot).expand(tasks, -1).contiguous(),
    )
    batch = innerloop.TaskBatch(own, own)
    assert (len(batch), batch.way, len(batch.episodes)) == (tasks, way, 0)
    assert judge(batches=[batch]).accuracies.shape == (tasks,)
    cka = innerloop.layer_cka_per_task(NETWORK, SLOW, with_task_axis(SLOW, tasks), batch, "biased")
    assert all(values.shape == (tasks,) for values in cka.values())


def test_values_of_trusted_tasks_are_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """A look would wait for a GPU, and cannot be recorded."""

    def look(*_: Any) -> Any:
        raise AssertionError

    monkeypatch.setattr(torch.Tensor, "aminmax", look)
    monkeypatch.setattr(torch.Tensor, "isfinite", look)
    assert adapt(trusted=True).fast
    with pytest.raises(AssertionError):
        adapt()
