"""What a cell of a notebook shows: a line or two for each object, and help that says the names."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import innerloop
import tiny
from innerloop.learners.gradient_based.methods import METHODS, method
from innerloop.training.model_file import TrainedModel, Weights

TASKS = tiny.tasks()
BATCH = TASKS.batch(range(2))
STATE = tiny.state(tiny.METHOD)
MODEL = TrainedModel(
    tiny.NETWORK,
    tiny.TRAINING,
    {number: Weights(number, STATE) for number in range(0, 60, 2)},
    best=40,
    last=58,
)

#: Every public object, and a part of what is shown of it.
SHOWN: dict[str, tuple[Any, str]] = {
    "images": (tiny.store(), "patterns 16: 252 images of 21 classes in "),
    "tasks": (TASKS, "TaskSize(way=3, shot=1, queries=4)"),
    "batch": (BATCH, "query=Labelled([2, 12, 3, 16, 16], torch.float32, cpu)"),
    "episodes": (BATCH.episodes, "Episodes(2 tasks of 3 classes, 1 + 4 images each)"),
    "network": (tiny.NETWORK, "Network(conv4, way=3, image_size=16, channels=3, filters=4)"),
    "method": (method("boil", step_size=0.05), "label='BOIL', adapts='body', step_size=0.05)"),
    "adaptation": (
        innerloop.adapt(tiny.NETWORK, STATE["slow"], tiny.METHOD, tiny.batch().support, steps=2),
        "Adaptation(fast weights of 2 tasks after 2 steps)",
    ),
    "model": (MODEL, "30 kept iterations, best 40, last 58)"),
    "weights": (MODEL.at("last"), "Weights(iteration=58)"),
}


@pytest.mark.parametrize("name", SHOWN)
def test_it_is_shown_in_a_line_or_two(name: str) -> None:
    value, part = SHOWN[name]
    assert part in repr(value)
    assert len(repr(value)) < 400
    assert "tensor(" not in repr(value)
    assert "array(" not in repr(value)


@pytest.mark.parametrize("name", METHODS)
def test_a_method_is_shown_as_what_makes_it(name: str) -> None:
    changed = replace(METHODS[name], rule_options={"norm": "filter"}, first_order=True)
    assert eval(repr(changed), {"Method": innerloop.Method}) == changed


def test_help_on_methods_names_them_all() -> None:
    assert method.__doc__ is not None
    assert METHODS.keys() <= set(re.findall(r"`(\w+)`", method.__doc__))


@pytest.mark.parametrize("name", innerloop.__all__)
def test_every_public_name_has_help(name: str) -> None:
    value = getattr(innerloop, name)
    if name == "__version__":
        assert re.fullmatch(r"\d+\.\d+\.\d+", value)
        return
    assert value.__doc__
    assert not value.__doc__.startswith(f"{name}(")  # what a dataclass has without one
    arguments = getattr(value, "__annotations__", {}).keys() - {"return"}
    missing = [argument for argument in arguments if f"{argument}" not in value.__doc__]
    assert missing == [], name


def test_the_version_is_the_packages() -> None:
    project = (Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8")
    assert f'version = "{innerloop.__version__}"' in project
