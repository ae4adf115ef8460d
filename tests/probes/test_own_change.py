"""Own and inherited change: which weights are put back, and that together they are the whole."""

from __future__ import annotations

from pathlib import Path

import probed
import pytest
import torch

import tiny
from innerloop.learners.gradient_based.methods import method
from innerloop.measurements.schemas import conform
from innerloop.networks.network import Network
from innerloop.networks.options import BLOCKS
from innerloop.networks.parameters import with_task_axis
from innerloop.probes.cka import cka
from innerloop.probes.layer_similarity import layer_cka_per_task
from innerloop.probes.own_change import own_change
from innerloop.probes.probe import ProbedModel

RESIDUAL = Network(3, tiny.SIZE, entry=f"{Path(__file__).parents[1]}/networks/modules.py:Residual")


def values(model: ProbedModel, estimator: str = "debiased") -> dict[tuple[str, str], list[float]]:
    found: dict[tuple[str, str], list[float]] = {}
    for row in own_change(model):
        if row["estimator"] == estimator:
            found.setdefault((row["layer"], row["change"]), []).append(row["similarity"])
    return found


@pytest.mark.parametrize("network", [tiny.NETWORK, RESIDUAL], ids=["conv4", "a user's"])
def test_only_the_layer_or_all_but_it_is_adapted(tmp_path: Path, network: Network) -> None:
    chosen = method("maml", step_size=0.5)
    model = probed.model(tmp_path, chosen, {"tasks": 3}, network=network, dtype=torch.float64)
    tasks = model.tasks(tiny.DATASET).batch(range(3))
    slow, fast = model.weights().slow, model.adapt(tasks).fast
    still = with_task_axis(slow, 3)
    found = values(model)
    assert {layer for layer, _ in found} == set(network.layers)
    for layer, names in network.layer_parameters.items():
        for change, moves in (("own", True), ("inherited", False)):
            mixed = {key: (fast if (key in names) == moves else still)[key] for key in slow}
            expected = layer_cka_per_task(network, slow, mixed, tasks)[layer]
            assert found[layer, change] == pytest.approx(expected.tolist(), abs=1e-12)


def test_the_first_layer_inherits_nothing_and_all_change_is_its_own(tmp_path: Path) -> None:
    model = probed.model(tmp_path, method("maml", step_size=0.5), {"tasks": 3, "steps": ["test"]})
    total = [
        row["similarity"]
        for row in cka(model)
        if (row["layer"], row["estimator"]) == ("conv1", "debiased")
    ]
    own = ProbedModel(
        model.trained, probed.model(tmp_path, options={"tasks": 3}).spec, model.files, model.device
    )
    found = values(own)
    assert set(found["conv1", "inherited"]) == {1.0}
    assert found["conv1", "own"] == total


def test_a_head_that_stays_inherits_all_of_its_change(tmp_path: Path) -> None:
    found = values(probed.model(tmp_path, method("boil", step_size=0.5), {"tasks": 3}))
    assert set(found["head", "own"]) == {1.0}
    assert max(found["head", "inherited"]) < 1
    found = values(probed.model(tmp_path, method("anil", step_size=0.5), {"tasks": 3}))
    assert all(
        set(found[layer, change]) == {1.0} for layer in BLOCKS for change in ("own", "inherited")
    )
    assert set(found["head", "inherited"]) == {1.0}
    assert max(found["head", "own"]) < 1


def test_after_fewer_steps_it_is_what_as_many_are(tmp_path: Path) -> None:
    chosen = method("maml", step_size=0.5)
    rows = [*own_change(probed.model(tmp_path, chosen, {"tasks": 3, "steps": [1, "test"]}))]
    assert [row["steps"] for row in rows].count(1) == len(rows) / 2
    for taken in (1, 3):
        alone = own_change(probed.model(tmp_path, chosen, {"tasks": 3}, test_steps=taken))
        key = ("episode", "layer", "change", "estimator")
        found, expected = (
            {tuple(row[name] for name in key): row["similarity"] for row in measured}
            for measured in ([row for row in rows if row["steps"] == taken], alone)
        )
        assert found == expected


def test_rows_fill_the_declared_table(tmp_path: Path) -> None:
    rows = own_change(probed.model(tmp_path, options={"tasks": 3}))
    table = conform(({**probed.MODEL_COLUMNS, **row} for row in rows), "own_change")
    assert table.num_rows == 5 * 2 * 2 * 3
    assert set(table.column("steps").to_pylist()) == {3}
