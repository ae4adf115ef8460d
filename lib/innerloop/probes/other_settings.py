"""Accuracy in other settings than a model was trained in, as 5w1s tested in 5w5s."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from statistics import fmean

from innerloop.data.episodes import TaskSize
from innerloop.probes.probe import ProbedModel, Row
from innerloop.runtime.progress import Progress
from innerloop.runtime.typed_json import from_json
from innerloop.specs.probe_options import OtherSettingsOptions, possible_settings
from innerloop.specs.setting import way_and_shot


def other_settings(model: ProbedModel) -> Iterator[Row]:
    """Query accuracy and loss of the best checkpoint, after the variant's test steps.

    Tasks of one index are of the same classes in all settings of as many ways, and are the very
    tasks on which models of that setting are measured.

    Options: `settings` of the tasks; `tasks`, how many of each; `splits` to draw them from.
    """
    options = from_json(OtherSettingsOptions, model.options)
    trained, weights = model.spec.model, model.weights("best")
    settings = possible_settings(options.settings, trained.learner, trained.way)
    for dataset, split, setting in product(model.datasets, options.splits, settings):
        way, shot = way_and_shot(setting)
        columns = {
            **model.measured(dataset, split, weights, model.test_steps, "best"),
            **{"tested_setting": setting, "tested_way": way, "tested_shot": shot},
        }
        size = TaskSize(way, shot, model.spec.queries)
        with Progress(f"accuracy in {setting} on {dataset} {split}", options.tasks) as progress:
            drawn = model.tasks(dataset, split, size=size)
            for tasks in drawn.batches(options.tasks, model.tasks_at_once):
                rows = model.accuracies(tasks, weights)
                yield from ({**columns, **row} for row in rows)
                progress.advance(len(rows), accuracy=fmean(row["accuracy"] for row in rows))
