"""How much a job computes, from the study file alone.

It is counted in forward passes of images through the network: precise enough to estimate hours
within a small factor, and to request time and memory. Nothing here changes a result.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from innerloop.data.store_name import variant_and_size
from innerloop.learners.gradient_based.method import Method
from innerloop.learners.options import LearnerOptions
from innerloop.networks.counts import NetworkCounts, conv4_counts, counts_of
from innerloop.networks.options import LAYERS
from innerloop.specs.interventions import interventions
from innerloop.specs.probe_options import possible_settings
from innerloop.study import footprint, paths
from innerloop.study.footprint import Tasks
from innerloop.study.jobs import Jobs
from innerloop.study.model import Model
from innerloop.study.model_key import model_key
from innerloop.study.study import Study

#: Cost of a pass in forward passes: with its gradient, and with a gradient that is differentiated.
GRADIENT, SECOND_ORDER = 3, 9
#: Images of a data set whose size is unknown: as many as miniImageNet or CIFAR-10 have.
IMAGES = 60_000
#: Images of the built-in data sets; those of the registry's are in registry.toml.
BUILT_IN_IMAGES = {
    "symbols": {"train": 5326, "val": 1182, "test": 1716},
    "people": {"train": 1584, "val": 396, "test": 504},
    "scripts": {"train": 2560, "val": 960, "test": 960},
    "digits": {"train": 1352, "test": 445},
}
#: The rules whose work is counted -> the output that represents each of their jobs.
OUTPUTS = {
    "build_images": paths.IMAGES,
    "train_model": paths.MODEL,
    "measure_accuracy": paths.ACCURACY,
    "measure_probe": paths.PROBE,
    "measure_raw_pixels": paths.BASELINE,
    "train_toy": paths.TOY,
}


@dataclass(frozen=True)
class Job:
    """A job whose work is counted.

    Attributes:
        rule: its rule.
        wildcards: identify it among the rule's jobs.
    """

    rule: str
    wildcards: Mapping[str, Any]

    def output(self, study: Study) -> Path:
        """The file that represents it."""
        return Path(OUTPUTS[self.rule].format(study=study.name, **self.wildcards))

    def benchmark(self, study: Study) -> Path:
        """The file in which Snakemake records how long it took."""
        output = self.output(study)
        if self.rule == "build_images":
            return Path("resources/benchmarks/images", *output.parts[2:-1]).with_suffix(".tsv")
        results = Path("results", study.name)
        return (results / "benchmarks" / output.relative_to(results)).with_suffix(".tsv")


def jobs_of(study: Study) -> list[Job]:
    """Every job of a study whose work is counted, in the order of the stages."""
    known = Jobs(study)

    def found() -> Iterator[Job]:
        for dataset, size in known.image_stores():
            store = known.store(dataset, size)
            yield Job("build_images", {"dataset": dataset, "store": store})
        for key, model in study.models.items():
            yield Job("train_model", asdict(key))
            yield Job("measure_accuracy", asdict(key))
            for probe in model.probes:
                yield Job("measure_probe", {**asdict(key), "probe": probe})
        for dataset, setting in known.episode_tables():
            yield Job("measure_raw_pixels", {"dataset": dataset, "setting": setting})
        for toy in known.toys():
            yield Job("train_toy", toy)

    return list(found())


@dataclass(frozen=True)
class Work:
    """One job's work.

    Attributes:
        stage: train, measure, toy (arithmetic), build or pixels (images that are read).
        amount: 10^9 operations, where a multiplication and its addition are two; or images.
        peak_mb: peak memory of its tensors, if they are in the host's memory, in MB.
        stored_mb: size of the data set's images, all of which a job soon has read, in MB.
    """

    stage: str
    amount: float
    peak_mb: float = 0.0
    stored_mb: float = 0.0


def of(study: Study, rule: str, wildcards: Mapping[str, Any]) -> Work:
    """The work of a rule's job.

    Args:
        study: the study.
        rule: one of those that `jobs_of` lists.
        wildcards: the job's wildcards, as Snakemake has them.

    Raises:
        KeyError: work of that rule is not counted.
    """
    if rule == "build_images":
        return Work("build", sum(images(study, wildcards["dataset"], wildcards["store"]).values()))
    if rule == "measure_raw_pixels":
        return _raw_pixels(study, wildcards["dataset"], wildcards["setting"])
    if rule == "train_toy":
        return _toy(study)
    if rule not in OUTPUTS:
        raise KeyError(f"the work of {rule} is not counted")
    model = study.models[model_key(wildcards)]
    if rule == "measure_probe":
        return _probe(study, model, wildcards["probe"])
    return _training(study, model) if rule == "train_model" else _accuracy(study, model)


def images(study: Study, dataset: str, store: str) -> Mapping[str, int]:
    """Number of images in each split of a data set; if unknown, a guess with all in `train`."""
    source = study.keys.datasets[dataset].source
    name, _ = variant_and_size(store)
    found = (
        study.datasets.registry.variant(source, name).images
        if name
        else BUILT_IN_IMAGES.get(source)
    )
    return found or {"train": IMAGES}


def _training(study: Study, model: Model) -> Work:
    """Meta-train one model, validations included."""
    chosen = model.choices
    support, queries = _images(model, chosen["queries"])
    task = queries * GRADIENT
    if isinstance(model.learner, Method):
        order = GRADIENT if model.learner.first_order else SECOND_ORDER
        task += chosen["train_steps"] * support * _step(model.learner, order)
    else:
        task += support * GRADIENT
    validation, iterations = study.keys.validation, chosen["iterations"]
    validations = iterations // validation.interval(iterations) + len(study.keys.checkpoints)
    passes = iterations * chosen["meta_batch"] * task
    passes += validations * validation.tasks * _evaluated_task(study, model)
    inductive = _inductive(model)
    batch = Tasks(chosen["meta_batch"], support, queries, inductive)
    each = study.keys.evaluation.queries
    _, asked = _images(model, each)
    validated = Tasks(model.validated_together(each), support, asked, inductive)
    together = isinstance(model.learner, LearnerOptions)
    alive = max(
        batch.differentiated(_kept_steps(study, model), together=together),
        validated.measured(together=together),
    )
    in_hand = max(batch.images, validated.images)
    return _work("train", _counts(model), chosen["image_size"], passes, alive, in_hand)


def _kept_steps(study: Study, model: Model) -> int:
    """The number of inner steps whose activations are kept for the outer gradient."""
    if isinstance(model.learner, LearnerOptions) or model.learner.first_order:
        return 0
    if model.learner.adapts == "head":
        return 1  # the body goes through once, for all steps
    return int(model.choices["train_steps"]) if study.compute.keep_activations else 1


def _accuracy(study: Study, model: Model) -> Work:
    """Measure one model's accuracy."""
    places = len(model.evaluate_on) * len(model.splits)
    tasks = places * study.keys.evaluation.tasks
    return _measured(study, model, tasks, together=isinstance(model.learner, LearnerOptions))


def _probe(study: Study, model: Model, name: str) -> Work:
    """Measure one model with one probe: its tasks, before and after adaptation."""
    options: Mapping[str, Any] = study.config["probes"][name]
    each = _whole(options.get("tasks"), study.compute.tasks_at_once)
    tasks = len(model.measured_on(options)) * len(options.get("splits", ["test"])) * each
    if model.key.dataset in options.get("over_training", []):
        tasks += len(study.keys.checkpoints) * _whole(options.get("training_tasks"), each)
    if name == "interventions":  # each adapts anew; another network has about as many layers
        moving, learned = model.learner.moving_roles, model.learner.learn_step_size
        which = options.get("which", "default")
        tasks *= len(interventions(which, LAYERS, moving=moving, learned=learned))
    if name == "inner_steps":  # query images of two tasks and support images, at every step
        tasks *= model.choices["test_steps"] + 1
    if name == "other_settings":
        settings = possible_settings(options["settings"], model.learner, model.way)
        sized = (replace(model, key=replace(model.key, setting=setting)) for setting in settings)
        works = [_measured(study, each, tasks, together=True) for each in sized]
        amount = sum(work.amount for work in works)
        return replace(max(works, key=lambda work: work.peak_mb), amount=amount)
    if name == "own_change":  # query images go through the network twice for every layer
        tasks *= len(LAYERS) * len(options.get("steps", ["test"]))
    return _measured(study, model, tasks, together=True)


def _raw_pixels(study: Study, dataset: str, setting: str) -> Work:
    """Measure the baseline: every image of every task is read."""
    drawn = Jobs(study).episodes(dataset, setting)
    each = drawn.way * (drawn.shot + drawn.queries)
    return Work("pixels", len(drawn.splits) * drawn.tasks * each)


def _toy(study: Study) -> Work:
    """Train the supervised toy once, at every step size, measuring it after every epoch."""
    chosen = study.config["toy"]
    store = Jobs(study).store(chosen["dataset"], chosen["image_size"])
    held = images(study, chosen["dataset"], store)
    epoch = held["train"] * GRADIENT + sum(held.values())
    passes = len(chosen["step_sizes"]) * chosen["epochs"] * epoch
    alive = Tasks(1, chosen["batch"], 1).differentiated(kept_steps=0)
    size = chosen["image_size"]
    counts = conv4_counts(size, chosen["filters"])
    return _work("toy", counts, size, passes, alive, IMAGES)  # all images are in memory


def _whole(value: Any, otherwise: int) -> int:
    """A number of tasks; a user's own probe may use the option's name for anything."""
    return value if isinstance(value, int) else otherwise


def _measured(study: Study, model: Model, tasks: int, *, together: bool) -> Work:
    support, queries = _images(model, study.keys.evaluation.queries)
    inductive = _inductive(model)
    batch = Tasks(study.compute.tasks_at_once, support, queries, inductive)
    passes = tasks * _evaluated_task(study, model)
    alive = batch.measured(together=together)
    size = model.choices["image_size"]
    return _work("measure", _counts(model), size, passes, alive, batch.images)


def _evaluated_task(study: Study, model: Model) -> float:
    """Forward passes of one task: adaptation, and its query images before and after."""
    support, queries = _images(model, study.keys.evaluation.queries)
    if isinstance(model.learner, LearnerOptions):  # counted as if nothing adapts
        return float(support + queries)
    return float(
        model.choices["test_steps"] * support * _step(model.learner, GRADIENT) + 2 * queries
    )


def _images(model: Model, queries: int) -> tuple[int, int]:
    """Support and query images of a task."""
    return model.way * model.shot, model.way * queries


def _inductive(model: Model) -> bool:
    """Whether query images are normalised by the support images, which then pass through again."""
    return bool(model.network.arguments.get("normalisation") == "support")


def _step(method: Method, order: int) -> int:
    """The cost of an inner step for one image, in forward passes."""
    return 1 if method.adapts == "head" else order


def _counts(model: Model) -> NetworkCounts:
    """The operations of a model's network; until they are counted, those of Conv4 of its size."""
    chosen = model.choices
    counts = counts_of(model.network)
    return counts or conv4_counts(chosen["image_size"], chosen["filters"])


def _work(
    stage: str, counts: NetworkCounts, image_size: int, passes: float, alive: float, in_hand: int
) -> Work:
    peak = footprint.megabytes(image_size, counts.activations, alive, in_hand)
    stored = IMAGES * 3 * image_size**2 / 1e6
    return Work(stage, passes * counts.operations / 1e9, peak, stored)
