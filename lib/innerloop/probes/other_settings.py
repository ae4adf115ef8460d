"""Accuracy in other settings than a model was trained in, such as 5w1s tested in 5w5s."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from innerloop.data.episodes import TaskSize
from innerloop.probes.probe import ProbedModel, Row
from innerloop.runtime.typed_json import from_json
from innerloop.specs.probe_options import OtherSettingsOptions, possible_settings
from innerloop.specs.setting import way_and_shot


def other_settings(model: ProbedModel) -> Iterator[Row]:
    """Query accuracy and loss of the best checkpoint, after the variant's test steps.

    Tasks with the same index have the same classes in all settings with the same number of ways,
    and are those on which models trained in that setting are measured.

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
        drawn = model.tasks(dataset, split, size=TaskSize(way, shot, model.spec.queries))
        batches = drawn.batches(options.tasks, model.tasks_at_once)
        what = f"in {setting} on {dataset} {split}"
        for row in model.accuracies(what, batches, options.tasks, weights):
            yield {**columns, **row}
