"""A grid on a variant: every combination is a variant, with names, labels and values of its own."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from innerloop.commands import plan
from innerloop.measurements.described_study import DescribedStudy
from innerloop.runtime.errors import ConfigError
from innerloop.runtime.faults import Faults
from innerloop.study.description import describe
from innerloop.study.forecast import Forecast
from innerloop.study.jobs import Jobs
from innerloop.study.keys import StudyKeys
from innerloop.study.model_key import ModelKey
from innerloop.study.paths import WILDCARDS
from innerloop.study.study import Study
from innerloop.study.sweeps import expanded, in_a_name

GRID = {"step_size": [-0.01, 0, 0.05], "train_steps": [1, 5]}


def config(variants: dict[str, Any], asked: Any = "all") -> dict[str, Any]:
    return {
        "study": "mine",
        "datasets": {"symbols": {"source": "symbols"}},
        "protocols": {"p": {"defaults": {"iterations": 4}, "variants": variants}},
        "models": {
            "all": {
                "protocol": "p", "dataset": "symbols", "settings": ["5w1s"], "variants": asked,
            }
        },
    }  # fmt: skip


def test_every_combination_is_a_variant() -> None:
    study = Study(config({"anil": {}, "boil": {"grid": GRID}}, ["boil"]))
    names = [key.variant for key in study.models]
    assert names == [
        f"boil_step_size_{size}_train_steps_{steps}"
        for size in ("minus0p01", "0", "0p05")
        for steps in (1, 5)
    ]
    key = ModelKey("p", "symbols", names[0], "5w1s", 0)
    assert study.variants.label("p", names[0]) == "BOIL (step size −0.01, train steps 1)"
    assert study.models[key].learner.adapts == "body"


def test_a_point_trains_as_the_variant_that_says_the_same() -> None:
    swept = Study(config({"boil": {"grid": GRID, "first_order": True}}))
    said = {"method": "boil", "first_order": True, "step_size": 0.05, "train_steps": 5}
    written = Study(config({"mine": said}))
    key = ModelKey("p", "symbols", "boil_step_size_0p05_train_steps_5", "5w1s", 0)
    point = Jobs(swept, "workflow_scripts").train(key)
    by_hand = Jobs(written, "workflow_scripts").train(replace(key, variant="mine"))
    assert replace(point, variant="mine") == by_hand


@given(st.lists(st.floats(-1e3, 1e3) | st.integers(-100, 100), min_size=1, unique=True))
def test_every_name_is_one_that_a_path_can_hold(sizes: list[float]) -> None:
    for size in sizes:
        assert re.fullmatch(WILDCARDS["variant"], f"maml_step_size_{in_a_name(size)}")


def test_words_ranges_and_options_have_names() -> None:
    values = [True, None, "support", [0.005, 0.1], {"norm": "filter"}, 1e-5, "my_net.py:Net"]
    assert [*map(in_a_name, values)] == [
        *("true", "none", "support", "0p005_to_0p1", "norm_filter", "1eminus05", "my_net_py_net"),
    ]


@pytest.mark.parametrize(
    ("variants", "said"),
    [
        ({"maml": {"grid": {"step_sizes": [1]}}}, "maml.grid: unknown key 'step_sizes'"),
        ({"maml": {"grid": {"step_size": []}}}, "maml.grid.step_size"),
        ({"maml": {"grid": {"step_size": 0.1}}}, "maml.grid.step_size"),
        ({"maml": {"grid": {"train_steps": ["few"]}}}, "maml.grid.train_steps"),
        ({"maml": {"choose": "validation"}}, "maml: choose is for a variant with a grid"),
        ({"maml": {"grid": GRID, "train_steps": 2}}, "train_steps is swept by the grid and said"),
        (
            {"maml": {"grid": GRID, "by_setting": {"5w1s": {"step_size": 1}}}},
            "step_size is swept by the grid and said in 5w1s too",
        ),
        (
            {"maml": {"grid": {"filters": [8]}}, "maml_filters_8": {"method": "maml"}},
            "two variants would be called 'maml_filters_8'",
        ),
        (
            {"maml": {"grid": {"network_options": [{"a" * 99: 1, "b" * 99: 2}]}}},
            "a variant's name of 224 letters, and paths hold 200",
        ),
        (
            {
                "maml": {"grid": GRID, "choose": "validation"},
                "boil": {"grid": {"step_size": [1, 2]}, "choose": "validation"},
            },
            "at equal budget, but their grids have unequal numbers of points: maml 6, boil 2",
        ),
    ],
)
def test_what_is_refused(variants: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Study(config(variants))
    assert said in str(caught.value)


def test_more_models_than_anybody_means_are_refused() -> None:
    """While there is time: a file of ten lines can ask for a million."""
    numbers = [k / 1000 for k in range(1, 102)]
    grid = {"step_size": numbers, "outer_step_size": numbers}
    with pytest.raises(ConfigError, match=r"variants\.maml: the grid has 10,201 points, expected"):
        Study(config({"maml": {"grid": grid}}))
    asked = config({"maml": {"grid": {"step_size": numbers}}})
    with pytest.raises(ConfigError, match="models: it asks for 10,100 models, expected at most"):
        Study({**asked, "model_seeds": [*range(100)]})
    assert len(Study({**asked, "model_seeds": [0, 1]}).models) == 202


def test_what_was_swept_is_described_and_planned() -> None:
    study = Study(config({"maml": {"grid": GRID, "choose": "validation"}, "boil": {}}))
    (sweep,) = DescribedStudy(describe(study)).sweeps
    assert (sweep.name, sweep.method, sweep.keys) == ("maml", "maml", ("step_size", "train_steps"))
    assert sweep.points["maml_step_size_0p05_train_steps_5"] == {
        "step_size": 0.05,
        "train_steps": 5,
    }
    said = [*plan.described(study, Forecast(study), [1])]
    assert "sweep of maml (p): 3 step_size x 2 train_steps = 6 variants" in said


def test_step_sizes_that_tell_variants_apart_are_those_taken() -> None:
    variants = {"maml": {}, "maml_faster": {"method": "maml", "step_size": 0.02}, "maml_3x": {}}
    variants |= {"of_a_range": {"method": "meta_sgd", "step_size": [0.005, 0.1]}}
    told = DescribedStudy(describe(Study(config(variants)))).told_apart()
    assert {variant: size for (_, variant), size in told["step_size"].items()} == {
        "maml": "0.01",
        "maml_faster": "0.02",
        "maml_3x": "0.03",
        "of_a_range": "0.005, 0.1",
    }


def test_a_learner_has_a_grid_too() -> None:
    study = Study(config({"ridge": {"learner": "ridge", "grid": {"filters": [8, 16]}}}))
    labels = [model.learner.label for model in study.models.values()]
    assert labels == ["Ridge (filters 8)", "Ridge (filters 16)"]


def test_without_a_grid_nothing_changes() -> None:
    keys = Study(config({"maml": {}, "boil": {"step_size": 1}})).keys
    assert isinstance(keys, StudyKeys)
    assert expanded(keys, Faults()) == (keys, ())
