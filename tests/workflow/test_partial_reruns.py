"""Only what changed runs again: each test edits one thing and looks at what Snakemake plans."""

from __future__ import annotations

import copy
import os
from collections import Counter
from collections.abc import Iterator

import pytest
from study_run import SMALL_TARGETS, Checkout, small_study

pytestmark = pytest.mark.workflow

PLAN = (*SMALL_TARGETS, "--configfile", "small.yaml")
FIGURE = {"gather_table": 1, "draw_figure": 1}


@pytest.fixture
def untouched(small: Checkout) -> Iterator[Checkout]:
    """The finished study; edited files are put back afterwards."""
    kept = {
        path: path.read_bytes()
        for path in [*small.folder.glob("lib/**/*.py"), small.folder / "small.yaml"]
    }
    yield small
    for path, content in kept.items():
        if path.read_bytes() != content:
            path.write_bytes(content)


def test_the_study_takes_fifteen_jobs_at_most(tmp_path_factory: pytest.TempPathFactory) -> None:
    fresh = Checkout(tmp_path_factory.mktemp("fresh") / "innerloop")
    fresh.write_study("small.yaml", small_study())
    assert 10 <= sum(fresh.planned_rules(*PLAN).values()) <= 15


def test_nothing_changed(untouched: Checkout) -> None:
    assert untouched.planned(*PLAN) == []


@pytest.mark.parametrize(
    "pattern",
    [
        "resources/images/**/images.npy",
        "resources/images/**/manifest.json",
        "results/small/models/**/model.pt",
        "results/small/models/**/model.json",
        "results/small/measurements/**/*.parquet",
        "workflow_scripts/*.py",
        "lib/innerloop/**/*.py",
        "Snakefile",
        "rules/*.smk",
    ],
)
def test_merely_touched(untouched: Checkout, pattern: str) -> None:
    touched = list(untouched.folder.glob(pattern))
    assert touched
    for path in touched:
        os.utime(path)
    assert untouched.planned(*PLAN) == []


def test_a_comment_and_a_docstring(untouched: Checkout) -> None:
    untouched.edit("lib/innerloop/meta/training.py", '"""', '"""Edited. ')
    untouched.edit(
        "lib/innerloop/meta/training.py", "import copy\n", "import copy  # a comment\n\n\n"
    )
    assert untouched.planned(*PLAN) == []


def test_code_of_cka(untouched: Checkout) -> None:
    untouched.edit(
        "lib/innerloop/probes/linear_cka.py", "\nimport torch", "\nimport torch\n\nX = 1"
    )
    assert untouched.planned_rules(*PLAN) == {"measure_probe": 2, **FIGURE}


def test_code_of_training(untouched: Checkout) -> None:
    untouched.edit("lib/innerloop/meta/training.py", "import copy\n", "import copy\n\nX = 1\n")
    planned = untouched.planned_rules(*PLAN)
    assert planned == {"train_model": 2, "measure_accuracy": 2, "measure_probe": 2, **FIGURE}


def test_one_method_s_step_size(untouched: Checkout) -> None:
    study = copy.deepcopy(small_study())
    study["protocols"]["p1"]["variants"]["boil"] = {"step_size": 0.04}
    untouched.write_study("small.yaml", study)
    planned = untouched.planned(*PLAN)
    models = [wildcards for rule, wildcards in planned if "seed" in wildcards]
    assert models
    assert all("variant=boil" in wildcards for wildcards in models)
    assert Counter(rule for rule, _ in planned) == {
        "train_model": 1,
        "measure_accuracy": 1,
        "measure_probe": 1,
        "describe_study": 1,
        **FIGURE,
    }


def test_a_method_added(untouched: Checkout) -> None:
    study = copy.deepcopy(small_study())
    study["protocols"]["p1"]["variants"]["anil"] = {}
    untouched.write_study("small.yaml", study)
    planned = untouched.planned(*PLAN)
    models = [wildcards for rule, wildcards in planned if "seed" in wildcards]
    assert len(models) == 3
    assert all("variant=anil" in wildcards for wildcards in models)


def test_a_data_set_added(untouched: Checkout) -> None:
    study = copy.deepcopy(small_study())
    study["datasets"]["people"] = {"source": "people"}
    study["models"]["people_1shot"] = {
        "protocol": "p1",
        "dataset": "people",
        "settings": ["5w1s"],
        "variants": ["maml"],
    }
    untouched.write_study("small.yaml", study)
    planned = untouched.planned(*PLAN)
    own = [job for job in planned if "dataset=" in job[1]]
    assert len(own) == 6  # images, splits, episodes, model, accuracy, raw pixels
    assert all("dataset=people" in wildcards for _, wildcards in own)


def test_a_figure_s_code(untouched: Checkout) -> None:
    untouched.edit(
        "lib/innerloop/render/figures/p1_figure2_cka.py",
        "from __future__ import annotations\n",
        "from __future__ import annotations\n\nX = 1\n",
    )
    assert untouched.planned_rules(*PLAN) == {"draw_figure": 1}
