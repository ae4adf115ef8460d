"""Which of a study's jobs are rehearsed: those of the user's own code, once each."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from innerloop.networks.counts import NetworkCounts, keep
from innerloop.specs.rehearsal import Rehearsal
from innerloop.study.jobs import Jobs
from innerloop.study.study import Study

ROOT = Path(__file__).resolve().parents[2]
SMOKE = yaml.safe_load((ROOT / "config/smoke.yaml").read_text(encoding="utf-8"))
FILE = """
import innerloop


def step(weight, gradient, step_size):
    return weight - step_size * gradient


@innerloop.probe("loss")
def loss(model, tasks):
    return model.adapt(tasks).support_losses[0]
"""


def jobs_of(changes: dict[str, Any]) -> Jobs:
    """Of the smoke study with such changes."""
    study = Study(copy.deepcopy(SMOKE) | copy.deepcopy(changes))
    return Jobs(study, ROOT / "workflow_scripts")


def rehearsals(**changes: Any) -> list[Rehearsal]:
    """Of all its trainings and probes."""
    jobs = jobs_of(changes)
    models = jobs.study.models
    probing = [(key, probe) for key, model in models.items() for probe in model.probes]
    return jobs.rehearsals([*models], probing)


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "mine.py"
    file.write_text(FILE, encoding="utf-8")
    return file


def own_variants(file: Path, **variants: Any) -> dict[str, Any]:
    """Two models of each variant, in two seeds, with every probe."""
    model = {"protocol": "p1", "settings": ["5w1s"], "probes": [*SMOKE["probes"]]}
    return {
        "methods": {"mine": {"label": "Mine", "update_rule": f"{file}:step"}},
        "protocols": {"p1": {**SMOKE["protocols"]["p1"], "variants": variants}},
        "models": {name: {**model, "dataset": name} for name in ("symbols", "scripts")},
        "model_seeds": [0, 1],
    }


def test_a_study_of_built_in_code_is_not_rehearsed() -> None:
    assert rehearsals() == []


def probes_by_variant(tried: list[Rehearsal]) -> dict[str, set[str]]:
    """Variant -> the probes that it is tried with; none is an empty text."""
    found: dict[str, set[str]] = {}
    for one in tried:
        found.setdefault(one.training.variant, set()).add(one.probe.table if one.probe else "")
    return found


def test_a_rule_is_tried_once_for_all_data_sets_and_seeds_with_every_probe(mine: Path) -> None:
    tried = rehearsals(**own_variants(mine, maml={}, mine={}))
    assert probes_by_variant(tried) == {"mine": {"", *SMOKE["probes"]}}
    assert len(tried) == 1 + len(SMOKE["probes"])
    assert all(one.probe.model == one.training for one in tried if one.probe)


def test_step_sizes_of_a_sweep_are_no_reason_to_try_again(mine: Path) -> None:
    swept = {"mine": {"grid": {"step_size": [0.01, 0.05, 0.1]}}}
    assert len(rehearsals(**own_variants(mine, **swept))) == 1 + len(SMOKE["probes"])


def test_a_probe_of_one_s_own_is_tried_on_each_kind_of_model(mine: Path) -> None:
    changes = own_variants(mine, maml={}, boil={}, mine={})
    probes = {**SMOKE["probes"], "mine": {"probe": f"{mine}:loss", "tasks": 4}}
    for model in changes["models"].values():
        model["probes"] = [*probes]
    tried = rehearsals(**changes, probes=probes)
    assert probes_by_variant(tried) == {"maml": {"mine"}, "boil": {"mine"}, "mine": {"", *probes}}


def test_what_is_left_of_a_study_is_tried_as_the_whole_was(mine: Path) -> None:
    changes = own_variants(mine, mine={}, mine_too={"method": "mine", "step_size": 0.1})
    jobs, whole = jobs_of(changes), rehearsals(**changes)
    for key, model in jobs.study.models.items():
        for training in ([], [key]):
            left = jobs.rehearsals(training, [(key, probe) for probe in model.probes])
            assert all(one in whole for one in left)


def test_what_a_network_computes_is_counted_once(mine: Path) -> None:
    resnet = {"network": "resnet12", "network_options": {"widths": [2, 2, 2, 2]}}
    changes = own_variants(mine, maml=resnet)
    (only,) = rehearsals(**changes)
    assert only.probe is None
    assert not only.of_users_code
    keep(only.training.network, NetworkCounts(1, 1))
    assert rehearsals(**changes) == []
