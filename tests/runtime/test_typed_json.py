"""What one program writes of a spec, another reads back equal; anything else is refused."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import innerloop
import tiny
from innerloop.runtime.errors import ConfigError
from innerloop.runtime.files import canonical_json
from innerloop.runtime.typed_json import as_json, from_json
from innerloop.specs.measure import MeasureSpec
from innerloop.specs.train import TrainSpec


@dataclass(frozen=True)
class Inner:
    names: tuple[str, ...]
    size: int | tuple[int, int] | None = None


@dataclass(frozen=True)
class Outer:
    inner: Inner
    maybe: Inner | None = None
    named: Mapping[str, Inner] = field(default_factory=dict)


names = st.lists(st.text(), max_size=3).map(tuple)
inners = st.builds(
    Inner, names, st.none() | st.integers() | st.tuples(st.integers(), st.integers())
)
outers = st.builds(Outer, inners, st.none() | inners, st.dictionaries(st.text(), inners))


@given(outers)
def test_what_is_written_is_read_back(value: Outer) -> None:
    assert from_json(Outer, json.loads(canonical_json(value))) == value


@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers())
def test_a_number_keeps_its_type(step_size: float) -> None:
    """2 and 2.0 are other texts, and so other jobs."""
    written = canonical_json(replace(tiny.METHOD, step_size=step_size))
    assert canonical_json(from_json(type(tiny.METHOD), json.loads(written))) == written


def test_a_measurement_holds_the_training_that_it_is_of() -> None:
    spec = MeasureSpec(
        table="cka", entry="x:y", options={"steps": ["test", 5]}, datasets=("a",), queries=1,
        test_steps=1, tasks_at_once=1, model=tiny.TRAINING, compute=tiny.TRAINING.compute,
    )  # fmt: skip
    assert from_json(MeasureSpec, json.loads(canonical_json(spec))) == spec


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"sed": 1}, "TrainSpec: unknown key 'sed'; did you mean 'seed'"),
        ({"schedule": {"train_steps": 1}}, "Schedule: .*missing.*'iterations'"),
        ({"compute": 3}, "Compute: got 3, expected keys and values"),
        ({"network": {"way": 0}}, "way is 0; expected a whole number, 1 or more"),
    ],
)
def test_what_is_no_spec_is_refused(change: dict[str, Any], said: str) -> None:
    with pytest.raises((ConfigError, ValueError), match=said):
        from_json(TrainSpec, {**as_json(tiny.TRAINING), **change})


def test_a_value_that_json_does_not_have_is_refused() -> None:
    with pytest.raises(TypeError, match="not a JSON value"):
        canonical_json({"a": object()})


@pytest.mark.parametrize("how", [tiny.METHOD, innerloop.learner("ridge", regulariser=2.0)])
def test_of_two_dataclasses_that_is_read_which_was_written(how: Any) -> None:
    spec = replace(tiny.TRAINING, learner=how)
    assert from_json(TrainSpec, json.loads(canonical_json(spec))) == spec
