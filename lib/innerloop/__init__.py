"""Innerloop: what the inner loop of gradient-based meta-learning really changes.

The names below are loaded on first use, so that `import innerloop` costs nothing and code that
uses one part does not depend on the others.
"""

from importlib import import_module
from typing import Any

__version__ = "0.2.0"

_HOME = {
    "ClassFolders": "innerloop.data.sources.class_folders",
    "Drawing": "innerloop.render.drawing",
    "FeatureLearner": "innerloop.learners.features",
    "Labelled": "innerloop.data.tasks",
    "Licence": "innerloop.data.licence",
    "Method": "innerloop.learners.gradient_based.method",
    "Schedule": "innerloop.specs.train",
    "Tabulation": "innerloop.render.tabulation",
    "TaskBatch": "innerloop.data.tasks",
    "adapt": "innerloop.learners.gradient_based.adapt",
    "evaluate": "innerloop.training.evaluation",
    "from_state_dict": "innerloop.training.state_dict",
    "layer_cka": "innerloop.probes.layer_similarity",
    "layer_cka_per_task": "innerloop.probes.layer_similarity",
    "learner": "innerloop.learners.named",
    "load": "innerloop.training.model_file",
    "method": "innerloop.learners.gradient_based.methods",
    "network": "innerloop.networks.named",
    "open_images": "innerloop.data.open_images",
    "predict": "innerloop.learners.predict",
    "probe": "innerloop.probes.probe",
    "read_images": "innerloop.data.read_images",
    "results": "innerloop.render.results",
    "tasks_of": "innerloop.data.tasks",
    "to_state_dict": "innerloop.training.state_dict",
    "train": "innerloop.training.train",
    "update_rule": "innerloop.learners.gradient_based.update_rules.rule",
    "with_task_axis": "innerloop.networks.parameters",
}

__all__ = ["__version__", *sorted(_HOME)]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'innerloop' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return list(__all__)
