"""Procrustes and neighbourhoods of a model's layers: of which weights, on which images."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import probed
import pytest
import torch

import tiny
from innerloop.learners.gradient_based.methods import method
from innerloop.measurements.schemas import conform
from innerloop.networks.options import BLOCKS
from innerloop.networks.parameters import with_task_axis
from innerloop.probes.gram_similarities import procrustes, shared_neighbours
from innerloop.probes.layer_similarity import layer_grams
from innerloop.probes.linear_cka import cka_debiased
from innerloop.probes.other_similarities import other_similarities

OPTIONS = {"tasks": 3, "steps": [1, "test"], "neighbours": 4}


def test_they_are_of_slow_and_fast_activations_after_each_step_count(tmp_path: Path) -> None:
    chosen = method("maml", step_size=0.5)
    model = probed.model(tmp_path, chosen, OPTIONS, dtype=torch.float64)
    tasks = model.tasks(tiny.DATASET).batch(range(3))
    slow = layer_grams(model.network, with_task_axis(model.weights().slow, 3), tasks)
    rows = [row for row in other_similarities(model) if row["pairing"] == "same"]
    for steps in (1, 3):
        fast = layer_grams(model.network, model.adapt(tasks, steps=steps).fast, tasks)
        for layer in model.network.layers:
            for measure, expected in (
                ("procrustes", procrustes(slow[layer], fast[layer])),
                ("neighbours", shared_neighbours(slow[layer], fast[layer], 4)),
            ):
                found = [
                    row["similarity"]
                    for row in sorted(rows, key=lambda row: row["episode"])
                    if (row["steps"], row["layer"], row["measure"]) == (steps, layer, measure)
                ]
                assert found == pytest.approx(expected.tolist(), abs=1e-9)


def test_what_does_not_adapt_is_unchanged_but_not_by_chance(tmp_path: Path) -> None:
    rows = [*other_similarities(probed.model(tmp_path, method("anil", step_size=0.5), OPTIONS))]
    body = [row for row in rows if row["layer"] in BLOCKS]
    same = [row["similarity"] for row in body if row["pairing"] == "same"]
    assert same == pytest.approx([1] * len(same), abs=1e-6)
    assert max(row["similarity"] for row in body if row["pairing"] == "shuffled") < 0.999
    of_head = [row["similarity"] for row in rows if row["layer"] == "head"]
    assert min(of_head) < 0.999


def test_another_training_is_compared_before_either_adapts(tmp_path: Path) -> None:
    model = probed.model(tmp_path, options=OPTIONS, dtype=torch.float64)
    first = model.trained.at(0)
    other = replace(model.trained, kept={**model.trained.kept, 20: replace(first, iteration=20)})
    tasks = model.tasks(tiny.DATASET).batch(range(3))
    ours, theirs = (
        layer_grams(model.network, with_task_axis(weights.slow, 3), tasks)
        for weights in (model.weights(), first)
    )
    rows = [*other_similarities(replace(model, beside=other))]
    beside = [row for row in rows if row["pairing"] == "two_trainings"]
    assert {row["steps"] for row in beside} == {0}
    for name, measure in (("cka", cka_debiased), ("procrustes", procrustes)):
        for layer in model.network.layers:
            found = [
                row["similarity"]
                for row in sorted(beside, key=lambda row: row["episode"])
                if (row["measure"], row["layer"]) == (name, layer)
            ]
            assert found == pytest.approx(measure(ours[layer], theirs[layer]).tolist(), abs=1e-9)
    itself = [*other_similarities(replace(model, beside=model.trained))]
    same = [row["similarity"] for row in itself if row["pairing"] == "two_trainings"]
    assert same == pytest.approx([1] * len(same), abs=1e-6)
    alone = [row for row in rows if row["pairing"] != "two_trainings"]
    assert alone == [*other_similarities(model)]


def test_rows_fill_the_declared_table(tmp_path: Path) -> None:
    model = probed.model(tmp_path, options=OPTIONS)
    rows = [*other_similarities(replace(model, beside=model.trained))]
    # debiased CKA may be negative
    rows = [{**row, "similarity": -0.03} if row["measure"] == "cka" else row for row in rows]
    table = conform(({**probed.MODEL_COLUMNS, **row} for row in rows), "other_similarities")
    assert table.num_rows == 2 * 5 * 2 * 2 * 3 + 5 * 3 * 3
    assert set(table.column("neighbours").to_pylist()) == {0, 4}
