"""A dataclass takes from Python what a study file may say, and refuses the rest in words."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jsonschema
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import innerloop
from innerloop.runtime.errors import ConfigError
from innerloop.runtime.files import canonical_json
from innerloop.study.json_schema import study_schema

SCHEDULE = innerloop.Schedule(iterations=2)
CHOICES = study_schema()["$defs"]["choices"]["properties"]
OF_SCHEDULE = sorted({*CHOICES} & {*vars(SCHEDULE)})

values = (
    st.none() | st.booleans() | st.text(max_size=3) | st.integers(-2, 10**8)
    # that 1.0 is a whole number is said of JSON, not of Python
    | st.floats(-2, 3).filter(lambda value: not value.is_integer())
    | st.sampled_from([0, 1, "1", "cosine", [], {}, float("nan"), float("inf")])
)  # fmt: skip


@given(name=st.sampled_from(OF_SCHEDULE), value=values)
def test_python_takes_what_a_study_file_may_say(name: str, value: Any) -> None:
    finite = not isinstance(value, float) or np.isfinite(value)
    # left out of a study file, it is None
    left_out = value is None and getattr(SCHEDULE, name) is None
    allowed = left_out or jsonschema.Draft202012Validator(CHOICES[name]).is_valid(value)
    if allowed and finite:
        assert getattr(replace(SCHEDULE, **{name: value}), name) is value
        return
    with pytest.raises(ConfigError) as found:
        replace(SCHEDULE, **{name: value})
    assert str(found.value).startswith(f"schedule: {name} is {value!r}; ")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"iterations": "3"}, "iterations is '3'; expected a whole number from 0 to 10,000,000"),
        ({"iterations": True}, "iterations is True; expected a whole number"),
        ({"iterations": 2.5}, "iterations is 2.5; expected a whole number"),
        ({"meta_batch": 0}, "meta_batch is 0; expected a whole number from 1 to"),
        ({"outer_step_size": "1e-3"}, "outer_step_size is '1e-3'; expected a number above 0"),
        ({"outer_step_size": 0}, "outer_step_size is 0; expected a number above 0"),
        ({"outer_schedule": "cosin"}, "'cosin'; choose from constant, cosine, halve_on_plateau"),
        ({"outer_step_size_for_step_sizes": -1}, "is -1; expected a number above 0 or None"),
        ({"validation_every": 0}, "validation_every is 0; expected a whole number from 1"),
        ({"checkpoints": 5}, "checkpoints is 5; expected a list, each item a whole number"),
        ({"checkpoints": (0, -5)}, r"checkpoints is \(0, -5\); expected a list"),
    ],
)
def test_it_says_what_was_expected(values: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        innerloop.Schedule(**{"iterations": 2, **values})


def test_numbers_of_numpy_are_numbers() -> None:
    numpy = replace(
        SCHEDULE,
        iterations=np.int64(2),
        outer_step_size=np.float32(0.5),
        checkpoints=[np.int32(1)],
    )
    python = replace(SCHEDULE, outer_step_size=0.5, checkpoints=[1])
    assert canonical_json(numpy) == canonical_json(python)
