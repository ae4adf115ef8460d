"""P2's probe: which weights meet which tasks, and what is paired with what."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import probed
import pytest
import torch

import tiny
from innerloop.data.other_tasks import of_other_classes
from innerloop.data.tasks import TaskBatch
from innerloop.engine.analytic.engine import Analytic
from innerloop.learners.gradient_based.adapt import adapt
from innerloop.learners.gradient_based.methods import method
from innerloop.measurements.schemas import conform
from innerloop.networks.network import Network
from innerloop.networks.parameters import Parameters, with_task_axis
from innerloop.papers.prototypes import changes
from innerloop.probes.probe import Row
from innerloop.probes.protonet import protonet
from innerloop.runtime.errors import DataError

CONDITIONS = ["pre_adaptation", "on_task", "pre_adaptation_off_task", "off_task"]
TASKS = {"tasks": 5}


def by_condition(rows: Iterable[Row]) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for row in rows:
        found.setdefault(row["condition"], []).append(row["accuracy"])
    return found


def accuracy(network: Network, weights: Parameters, task: TaskBatch) -> float:
    """The probe for one task with one support image a class, image by image."""
    centres = network.features(weights, task.support.images)[0]
    queries = network.features(weights, task.query.images, support=task.support.images)[0]
    hits = 0
    for query, label in zip(queries, task.query.labels[0].tolist(), strict=True):
        similarities = [float(torch.cosine_similarity(query, centre, dim=0)) for centre in centres]
        hits += int(np.argmax(similarities)) == label
    return hits / len(queries)


@pytest.mark.parametrize("batch_norm", ["batch", "support"])
def test_against_one_task_at_a_time(tmp_path: Path, batch_norm: str):
    network = tiny.NETWORK.with_options(normalisation=batch_norm)
    chosen = method("meta_sgd", step_size=1.0)
    model = probed.model(tmp_path, chosen, TASKS, network=network)
    found = by_condition(protonet(model))
    weights = model.weights()
    slow = with_task_axis(weights.slow, 1)
    own, other = (
        list(model.tasks(tiny.DATASET, purpose=purpose).batches(5, 1))
        for purpose in ("evaluation", "off-task")
    )
    expected: dict[str, list[float]] = {condition: [] for condition in CONDITIONS}
    with torch.no_grad():
        for on, off in zip(own, other, strict=True):
            fast = adapt(
                network,
                weights.slow,
                chosen,
                on.support,
                steps=3,
                step_sizes=weights.state["step_sizes"],
            ).fast
            pairs = ((slow, on), (fast, on), (slow, off), (fast, off))
            for condition, (used, task) in zip(CONDITIONS, pairs, strict=True):
                expected[condition].append(accuracy(network, used, task))
    assert found == expected
    assert len({tuple(values) for values in found.values()}) == 4  # the conditions differ


def test_rows_fill_the_declared_table_in_pairs(tmp_path: Path):
    options = {**TASKS, "splits": ["val", "test"]}
    rows = [
        {**probed.MODEL_COLUMNS, **row} for row in protonet(probed.model(tmp_path, options=options))
    ]
    table = conform(rows, "protonet").to_pandas()
    assert len(table) == 2 * 4 * 5
    assert set(table["iteration"]) == {20}
    assert set(table["steps"]) == {3}
    for _, rows_of_split in table.groupby("split"):
        counts = rows_of_split.groupby(["episode", "condition"]).size()
        assert set(counts) == {1}
        assert len(counts) == 4 * 5
        assert not changes(rows_of_split).isna().any(axis=None)


def test_anil_does_not_change_the_embedding(tmp_path: Path):
    found = by_condition(protonet(probed.model(tmp_path, method("anil", step_size=9.0), TASKS)))
    assert found["on_task"] == found["pre_adaptation"]
    assert found["off_task"] == found["pre_adaptation_off_task"]


def test_all_models_are_measured_on_the_same_tasks(tmp_path: Path):
    """What comes before adaptation does not depend on the method: comparisons are paired."""
    maml, boil = (
        by_condition(protonet(probed.model(tmp_path, method(name, step_size=0.9), TASKS)))
        for name in ("maml", "boil")
    )
    for condition in ("pre_adaptation", "pre_adaptation_off_task"):
        assert maml[condition] == boil[condition]
    assert maml["on_task"] != maml["pre_adaptation"]


def test_does_not_depend_on_how_many_tasks_go_together(tmp_path: Path):
    one, three = (
        by_condition(protonet(probed.model(tmp_path, options=TASKS, tasks_at_once=at_once)))
        for at_once in (1, 3)
    )
    assert one == three


def test_joint_passes_share_statistics(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    seen = []
    features = Analytic.features

    def spy(network, weights, images, **keywords):
        seen.append(images.shape[1])
        return features(network, weights, images, **keywords)

    monkeypatch.setattr(Analytic, "features", spy)
    separate = by_condition(protonet(probed.model(tmp_path, method("anil"), TASKS)))
    assert {3, 12} <= set(seen)
    seen.clear()
    options = {**TASKS, "joint": True}
    joint = by_condition(protonet(probed.model(tmp_path, method("anil"), options)))
    assert 15 in seen
    assert joint != separate


def test_independent_off_tasks_may_share_classes_and_disjoint_ones_never(tmp_path: Path):
    tasks = probed.model(tmp_path).tasks(tiny.DATASET, purpose="off-task")
    on = probed.model(tmp_path).tasks(tiny.DATASET).batch(range(60)).episodes
    independent = tasks.batch(range(60)).episodes
    disjoint = of_other_classes(tasks.source, on, tasks.size)

    def shared(off) -> int:
        return sum(len(np.intersect1d(*pair)) for pair in zip(on.classes, off.classes, strict=True))

    assert shared(independent) > 0
    assert shared(disjoint) == 0
    # images belong to the classes that are named
    split = tasks.source.split
    for rows in (disjoint.support, disjoint.query):
        first = split.firsts[disjoint.classes][:, :, None]
        assert ((rows >= first) & (rows < first + tiny.EACH)).all()
    # every class is drawn, and the draw of an index is a pure function of it
    assert set(disjoint.classes.flatten()) == set(range(tiny.CLASSES["test"]))
    later = of_other_classes(tasks.source, on[40:41], tasks.size)
    assert (later.query == disjoint.query[40:41]).all()


def test_disjoint_off_tasks_reach_the_rows(tmp_path: Path):
    independent, disjoint = (
        by_condition(protonet(probed.model(tmp_path, options={**TASKS, "disjoint_classes": value})))
        for value in (False, True)
    )
    assert independent["on_task"] == disjoint["on_task"]
    assert independent["pre_adaptation_off_task"] != disjoint["pre_adaptation_off_task"]


def test_too_few_classes_for_disjoint_tasks(tmp_path: Path):
    model = probed.model(tmp_path)
    tasks = model.tasks(tiny.DATASET)
    split = tasks.source.split
    few = replace(split, names=split.names[:5], firsts=split.firsts[:5], counts=split.counts[:5])
    source = replace(tasks.source, split=few)
    on = source.draw(range(1), tasks.size)
    with pytest.raises(DataError, match=r"two 3-way tasks .* need 6 classes, the split has 5"):
        of_other_classes(source, on, tasks.size)


def test_a_perfect_embedding_is_perfect(tmp_path: Path):
    """Classes of very clear patterns are told apart without any learning."""
    model = probed.model(tmp_path, options=TASKS, network=tiny.NETWORK.with_options(filters=32))
    clear = replace(model.files[tiny.DATASET], images=tiny.store(noise=0.01))
    found = by_condition(protonet(replace(model, files={tiny.DATASET: clear})))
    assert pd.Series(found["pre_adaptation"]).mean() > 0.9


@pytest.mark.parametrize(("name", "adapt_batch_norm"), [("maml", True), ("boil", False)])
def test_a_task_that_diverged_has_no_accuracy(tmp_path: Path, name: str, adapt_batch_norm: bool):
    """Also where BatchNorm gives every image the same finite embedding."""
    chosen = method(name, step_size=1e30, adapt_batch_norm=adapt_batch_norm)
    found = by_condition(protonet(probed.model(tmp_path, chosen, TASKS)))
    for condition, accuracies in found.items():
        assert np.isnan(accuracies).all() == (condition in ("on_task", "off_task"))
        assert not condition.startswith("pre") or np.isfinite(accuracies).all()
