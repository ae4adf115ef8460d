"""Only what changed runs again: each test edits one thing and looks at what Snakemake plans."""

from __future__ import annotations

import os
from collections import Counter
from itertools import chain
from typing import Any

import pytest
from study_run import SHARED, Checkout

pytestmark = pytest.mark.workflow

#: What follows from new measurements.
SHOWN = {"gather_table", "gather_logs", "draw_figure", "write_table", "write_report"}


def computed(planned: list[tuple[str, str]]) -> Counter[str]:
    """The jobs of a plan that do not only show what was measured."""
    return Counter(rule for rule, _ in planned if rule not in SHOWN)


def laid_over(finished: Checkout, study: dict[str, Any]) -> list[tuple[str, str]]:
    """What is planned with something else in the study."""
    finished.write_study("more.yaml", study)
    return finished.planned(*SHARED, "more.yaml")


def test_nothing_changed(finished: Checkout) -> None:
    assert finished.planned(*SHARED) == []


@pytest.mark.parametrize(
    "patterns",
    [
        ("resources/images/**/images.npy", "resources/images/**/manifest.json"),
        ("results/smoke/models/**/model.pt", "results/smoke/models/**/model.json"),
        ("results/smoke/measurements/**/*.parquet",),
        ("workflow_scripts/*.py", "lib/innerloop/**/*.py", "Snakefile", "rules/*.smk", "my_*.py"),
    ],
)
def test_merely_touched(finished: Checkout, patterns: tuple[str, ...]) -> None:
    found = [list(finished.folder.glob(pattern)) for pattern in patterns]
    assert all(found)
    times = {path: path.stat().st_mtime_ns for path in chain(*found)}
    try:
        for path in times:
            os.utime(path)
        assert finished.planned(*SHARED) == []
    finally:  # copies without Snakemake's notes go by times
        for path, time in times.items():
            os.utime(path, ns=(time, time))


def test_a_comment_and_a_docstring(finished: Checkout) -> None:
    training = "lib/innerloop/training/training.py"
    with (
        finished.edited(training, '"""', '"""Edited. '),
        finished.edited(training, "import copy\n", "import copy  # a comment\n\n\n"),
    ):
        assert finished.planned(*SHARED) == []


def test_code_of_cka(finished: Checkout) -> None:
    code = ("lib/innerloop/probes/cka.py", "\n\ndef cka(", "\n\nX = 1\n\n\ndef cka(")
    with finished.edited(*code):
        planned = finished.planned(*SHARED)
    assert computed(planned) == {"measure_probe": 4}
    assert all("probe=cka" in wildcards for rule, wildcards in planned if rule == "measure_probe")
    assert [wildcards for rule, wildcards in planned if rule == "gather_table"] == [
        "study=smoke, table=cka"
    ]


def test_code_of_training(finished: Checkout) -> None:
    code = ("lib/innerloop/training/training.py", "import copy\n", "import copy\n\nX = 1\n")
    with finished.edited(*code):
        planned = finished.planned(*SHARED)
    assert computed(planned) == {"train_model": 8, "measure_accuracy": 8, "measure_probe": 14}


def test_one_method_s_step_size(finished: Checkout) -> None:
    planned = laid_over(
        finished, {"protocols": {"p1": {"variants": {"unit_norm": {"step_size": 0.04}}}}}
    )
    models = [wildcards for _, wildcards in planned if "seed" in wildcards]
    assert models
    assert all("variant=unit_norm" in wildcards for wildcards in models)
    assert computed(planned) == {
        "train_model": 1,
        "measure_accuracy": 1,
        "measure_probe": 1,
        "describe_study": 1,
    }


def test_a_method_added(finished: Checkout) -> None:
    planned = laid_over(
        finished,
        {
            "protocols": {"p1": {"variants": {"anil": {}}}},
            "models": {"normed": {"variants": ["unit_norm", "anil"]}},
        },
    )
    models = [wildcards for _, wildcards in planned if "seed" in wildcards]
    assert len(models) == 3  # trained, its accuracy, CKA
    assert all("variant=anil" in wildcards for wildcards in models)


def test_a_data_set_added(finished: Checkout) -> None:
    model = {"protocol": "p1", "dataset": "letters", "settings": ["5w1s"], "variants": ["maml"]}
    planned = laid_over(
        finished,
        {
            "datasets": {"letters": {"source": "scripts", "label": "Letters"}},
            "models": {"letters_1shot": model},
        },
    )
    own = [job for job in planned if "dataset=" in job[1]]
    assert len(own) == 7  # images, samples, splits, episodes, model, accuracy, raw pixels
    assert all("dataset=letters" in wildcards for _, wildcards in own)
