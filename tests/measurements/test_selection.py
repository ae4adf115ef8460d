"""Which iteration, inner steps and checkpoint are meant, for trainings of any length."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from innerloop.measurements.described_study import DescribedStudy
from innerloop.measurements.selection import after_steps, at_end, at_fraction, one_checkpoint
from innerloop.runtime.errors import SchemaError
from synthetic import describe


def trained(**lengths: int) -> pd.DataFrame:
    """Rows at iterations 0, 10, 20, ... of trainings of different lengths."""
    return pd.DataFrame(
        [
            {"protocol": "p1", "variant": variant, "setting": "5w1s", "iteration": iteration}
            for variant, end in lengths.items()
            for iteration in range(0, end + 1, 10)
        ]
    )


@given(st.integers(1, 30), st.integers(1, 30), st.floats(0, 1))
def test_each_training_has_the_iteration_nearest_to_a_fraction_of_it(a, b, fraction):
    found = at_fraction(trained(a=10 * a, b=10 * b), fraction).set_index("variant")["iteration"]
    for variant, end in (("a", 10 * a), ("b", 10 * b)):
        wanted = fraction * end
        first = 10 if fraction else 0  # untrained weights stand for the beginning alone
        distances = [abs(iteration - wanted) for iteration in range(first, end + 1, 10)]
        assert abs(found[variant] - wanted) == pytest.approx(min(distances))


def test_of_two_iterations_at_the_same_distance_the_earlier_is_meant():
    assert at_fraction(trained(a=30), 0.5)["iteration"].tolist() == [10]


def test_untrained_weights_stand_for_the_beginning_alone():
    assert at_fraction(trained(a=10), 0.1)["iteration"].tolist() == [10]
    assert at_fraction(trained(a=10), 0)["iteration"].tolist() == [0]
    assert at_fraction(trained(a=0), 0.1)["iteration"].tolist() == [0]


def test_settings_of_one_variant_may_be_trained_for_different_lengths():
    rows = pd.concat([trained(a=20), trained(a=10).assign(setting="5w5s")])
    assert at_end(rows)["iteration"].tolist() == [20, 10]


def test_nothing_measured_stays_nothing():
    assert at_end(trained(a=10).iloc[:0]).empty


def test_each_variant_s_own_steps_or_those_that_are_named():
    study = DescribedStudy(describe(("maml", "scaled_lr"), ()))  # 10 and 6 at test time
    rows = pd.DataFrame(
        [
            {"protocol": "p1", "variant": variant, "setting": "5w1s", "steps": steps}
            for variant in ("maml", "scaled_lr", "unknown")
            for steps in (5, 6, 10)
        ]
    )
    own = after_steps(rows, study)
    assert dict(zip(own["variant"], own["steps"], strict=True)) == {
        "maml": 10,
        "scaled_lr": 6,
        "unknown": 10,
    }
    assert set(after_steps(rows, study, 5)["steps"]) == {5}


def test_the_best_checkpoint_counts_and_a_task_counts_once():
    place = ["variant", "eval_dataset"]
    task = {"variant": "a", "eval_dataset": "d", "seed": 0, "episode": 1}
    rows = pd.DataFrame([{**task, "checkpoint": name} for name in ("last", "best")])
    assert one_checkpoint(rows, place)["checkpoint"].tolist() == ["best"]
    with pytest.raises(SchemaError, match="measured more than once"):
        one_checkpoint(pd.concat([rows, rows]), place)
