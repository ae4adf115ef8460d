"""The jobs of a study, each with the spec that it is run with.

A job's spec contains exactly the values it uses and a digest of the meaning of the code it reaches:
Snakemake runs a job again when its spec changes, and result files record it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import asdict, fields, replace
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

from innerloop.data.acquire.collection import Variant
from innerloop.data.store_name import store_name, variant_and_size
from innerloop.learners.gradient_based.method import Method
from innerloop.networks.counts import counts_of
from innerloop.runtime.built_in import ACCURACY
from innerloop.runtime.code_digest import code_digest
from innerloop.runtime.compute import Compute
from innerloop.runtime.errors import ConfigError
from innerloop.runtime.extensions import is_users, source_file
from innerloop.runtime.files import canonical_json, sha256_of
from innerloop.runtime.typed_json import as_json
from innerloop.specs.data import EpisodesSpec, EvaluationTasks, ImagesSpec, Listing, SplitsSpec
from innerloop.specs.measure import MeasureSpec, RawPixelsSpec, ToySpec
from innerloop.specs.rehearsal import Rehearsal, SourceTrial
from innerloop.specs.setting import way_and_shot
from innerloop.specs.train import Schedule, TrainSpec
from innerloop.study import choices
from innerloop.study.model import Model
from innerloop.study.model_key import ModelKey
from innerloop.study.study import Study
from innerloop.study.task_needs import needs_of


class Jobs:
    """The jobs of one study.

    Args:
        study: the study.
        scripts: the folder of the workflow's scripts, whose code the specs digest; None: the specs
            say nothing of code.
    """

    def __init__(self, study: Study, scripts: Path | str | None = None) -> None:
        self.study = study
        self._scripts = None if scripts is None else Path(scripts)
        self.code = cache(self._code)
        self.train = cache(self._train)
        self._alike = cache(self._code_and_shapes)

    def _code(self, script: str, *entries: str, files: tuple[Path, ...] = ()) -> str:
        """Digest of the meaning of the code that a script and some entries reach, and of files."""
        if self._scripts is None:
            return ""
        sources = [source_file(entry) for entry in entries]
        return code_digest(self._scripts / script, [*sources, *files])

    def _compute(self, *used: str) -> Compute:
        """Where to compute, with the named GPU options, which are dropped on a CPU."""
        chosen = self.study.compute
        named = () if chosen.device == "cpu" else used
        return Compute(
            chosen.device, chosen.threads, **{key: getattr(chosen, key) for key in named}
        )

    # ---- data ------------------------------------------------------------------------------

    def fetch(self, collection: str) -> dict[str, Any]:
        """Bring a collection of files into place.

        What they must be is all that counts: verified files do not depend on the code or the
        address that brought them.
        """
        return self.study.datasets.registry.collections[collection].identity()

    def store(self, dataset: str, size: int) -> str:
        """The name of a data set's image store."""
        variant = self.study.datasets.variant(dataset)
        return store_name(variant.name if variant else "", size)

    def collection(self, dataset: str, store: str) -> str | None:
        """The collection that a store is built from; None: its source needs no files."""
        variant = self._variant(dataset, store)
        return variant.collection if variant else None

    def collections(self) -> list[str]:
        """Every collection that the study needs."""
        found = (
            self.collection(dataset, self.store(dataset, size))
            for dataset, size in self.image_stores()
        )
        return sorted({name for name in found if name is not None})

    def images(self, dataset: str, store: str) -> ImagesSpec:
        """Build one image store of a data set."""
        variant, registry = self._variant(dataset, store), self.study.datasets.registry
        source = variant.source if variant else self.study.datasets.source(dataset)
        name, size = variant_and_size(store)
        return ImagesSpec(
            dataset=dataset,
            variant=name,
            size=size,
            source=source,
            images=dict(variant.images) if variant else {},
            listing=self._listing(variant),
            code=self.code("build_images.py", registry.entry(source) if variant else source),
        )

    def _listing(self, variant: Variant | None) -> Listing | None:
        """Name and hash of a variant's own listing of images, if it has one."""
        path = self.study.datasets.registry.listing(variant) if variant else None
        return Listing(variant.listing, sha256_of(path)) if variant and path else None

    def _variant(self, dataset: str, store: str) -> Variant | None:
        """The variant that a store is named after, even one that the study does not use."""
        name, _ = variant_and_size(store)
        source = self.study.config["datasets"][dataset]["source"]
        if bool(name) != (source in self.study.datasets.registry.variants):
            raise ConfigError(f"data set '{dataset}' has no image store '{store}'")
        return self.study.datasets.registry.variant(source, name) if name else None

    def splits(self, dataset: str) -> SplitsSpec:
        """Divide the classes of a data set, whose images must come from its current source."""
        splits = self.study.config["datasets"][dataset].get("splits")
        return SplitsSpec(
            dataset=dataset,
            source=self.study.datasets.source(dataset),
            splits=splits,
            splits_sha256=sha256_of(splits) if splits else "",
            code=self.code("make_splits.py"),
        )

    def source_trials(self) -> list[SourceTrial]:
        """Trials of the user's own sources that read no fetched files, one per data set."""
        sizes = dict(self.image_stores())
        needs = dict.fromkeys(
            need
            for model in self.study.models.values()
            for need in needs_of(model, self.study.keys)
        )
        return [
            SourceTrial(
                source=self.splits(dataset),
                needs=tuple(need for need in needs if need.dataset == dataset),
                code=self.images(dataset, self.store(dataset, size)).code,
            )
            for dataset, size in sorted(sizes.items())
            if is_users(self.study.datasets.source(dataset))
            and self.study.datasets.variant(dataset) is None
        ]

    def episodes(self, dataset: str, setting: str) -> EpisodesSpec:
        """Draw the evaluation episodes of a data set."""
        way, shot = way_and_shot(setting)
        evaluation = self.study.keys.evaluation
        splits = {
            split
            for model in self.study.models.values()
            if model.key.setting == setting and dataset in model.evaluate_on
            for split in model.splits
        }
        return EpisodesSpec(
            dataset=dataset,
            setting=setting,
            way=way,
            shot=shot,
            queries=evaluation.queries,
            tasks=evaluation.tasks,
            splits=tuple(sorted(splits)),
            seed=self.study.keys.seed,
            code=self.code("draw_episodes.py"),
        )

    def episode_tables(self) -> list[tuple[str, str]]:
        """Every (data set, setting) that some model is evaluated on."""
        wanted = {
            (dataset, model.key.setting)
            for model in self.study.models.values()
            for dataset in model.evaluate_on
        }
        return sorted(wanted)

    def size_of(self, dataset: str) -> int:
        """The size of a data set's images that its splits are made from.

        The first that the study asks for, so that another one added later changes nothing.
        """
        return next(size for name, size in self.image_stores() if name == dataset)

    def evaluated_size(self, dataset: str, setting: str) -> int:
        """The size of a data set's images that the first model of a setting is evaluated on."""
        return next(
            int(model.choices["image_size"])
            for model in self.study.models.values()
            if model.key.setting == setting and dataset in model.evaluate_on
        )

    def image_stores(self) -> list[tuple[str, int]]:
        """Every (data set, image size) that the study uses, in the order it asks for them."""
        stores = [
            (dataset, int(model.choices["image_size"]))
            for model in self.study.models.values()
            for dataset in (model.key.dataset, *model.evaluate_on, *self._probed(model))
        ]
        toy = self.study.keys.toy
        if toy:
            stores.append((toy.dataset, toy.image_size))
        return list(dict.fromkeys(stores))

    def shown_stores(self) -> list[tuple[str, str]]:
        """For each data set, the store whose images the report shows."""
        datasets = sorted({dataset for dataset, _ in self.image_stores()})
        return [(dataset, self.store(dataset, self.size_of(dataset))) for dataset in datasets]

    def _probed(self, model: Model) -> Iterator[str]:
        for probe in model.probes:
            yield from model.measured_on(self.study.config["probes"][probe])

    # ---- models ----------------------------------------------------------------------------

    def _train(self, key: ModelKey) -> TrainSpec:
        """Meta-train one model."""
        model, keys = self.study.models[key], self.study.keys
        queries = keys.evaluation.queries
        iterations = model.choices["iterations"]
        return TrainSpec(
            **asdict(key),
            way=model.way,
            shot=model.shot,
            queries=model.choices["queries"],
            study_seed=keys.seed,
            learner=replace(model.learner, label=""),  # a label does not affect training
            store=self.store(key.dataset, model.choices["image_size"]),
            network=model.network,
            schedule=Schedule(
                **choices.pick(model.choices, choices.HOMES[Schedule]),
                validation_every=keys.validation.interval(iterations),
                validation_tasks=keys.validation.tasks,
                checkpoints=tuple(
                    sorted({round(fraction * iterations) for fraction in keys.checkpoints})
                ),
                tasks_at_once=model.validated_together(queries),
            ),
            validation_queries=queries,
            compute=self._compute("tf32", "deterministic", "cuda_graph"),
            code=self.code("train.py", model.learner.entry, model.network.network),
        )

    def evaluate(self, key: ModelKey) -> MeasureSpec:
        """Measure one model's accuracy."""
        model = self.study.models[key]
        tasks = self.study.keys.evaluation.tasks
        options = {"checkpoint": "best", "splits": list(model.splits), "tasks": tasks}
        return self._measure("accuracy", ACCURACY, model, model.evaluate_on, options)

    def probe(self, probe: str, key: ModelKey) -> MeasureSpec:
        """Measure one model with one probe."""
        model, settings = self.study.models[key], self.study.config["probes"][probe]
        options = {
            name: value for name, value in settings.items() if name not in ("probe", "datasets")
        }
        datasets = model.measured_on(self.study.config["probes"][probe])
        spec = self._measure(probe, self.study.keys.probe_entry(probe), model, datasets, options)
        other = self.beside(probe, key)
        return replace(spec, beside=self.train(other)) if other else spec

    def beside(self, probe: str, key: ModelKey) -> ModelKey | None:
        """The other model that a probe with `two_trainings` compares with: the first training.

        It is never a later one, so that groups of a model's jobs do not wait for one another.
        """
        if self.study.config["probes"][probe].get("two_trainings") is not True:
            return None
        alike = (each for each in self.study.models if replace(each, seed=key.seed) == key)
        first = next(alike)
        return None if first == key else first

    def _measure(
        self, table: str, entry: str, model: Model, datasets: Iterable[str], options: dict[str, Any]
    ) -> MeasureSpec:
        return MeasureSpec(
            table=table,
            entry=entry,
            options=options,
            datasets=tuple(datasets),
            queries=self.study.keys.evaluation.queries,
            test_steps=model.choices["test_steps"],
            test_step_size=model.choices["test_step_size"],
            tasks_at_once=self.study.compute.tasks_at_once,
            model=self.train(model.key),
            compute=self._compute("deterministic"),
            code=self.code("measure.py", entry, model.learner.entry, model.network.network),
        )

    def rehearsals(
        self, training: Collection[ModelKey], probing: Collection[tuple[ModelKey, str]]
    ) -> list[Rehearsal]:
        """Trials of the user's own code that jobs use, and counts of networks' operations.

        Of models that run the same code on the same shapes, one is tried, the same in every run.

        Args:
            training: models that are about to be trained.
            probing: models, and the probes that are about to measure them.
        """
        tried = [self._rehearsal(key) for key in training]
        tried += [self._rehearsal(key, probe) for key, probe in probing]
        wanted = (each for each in tried if each.of_users_code)
        uncounted = (
            Rehearsal(training=each.training)
            for each in tried
            if counts_of(each.training.network) is None
        )
        return [*{canonical_json(as_json(each)): each for each in (*wanted, *uncounted)}.values()]

    def _rehearsal(self, key: ModelKey, probe: str = "") -> Rehearsal:
        """The trial, of the study's first model that runs the same code and has the probe."""
        first = next(
            other
            for other, model in self.study.models.items()
            if self._alike(other) == self._alike(key) and (not probe or probe in model.probes)
        )
        return Rehearsal(
            training=self.train(first), probe=self.probe(probe, first) if probe else None
        )

    def _code_and_shapes(self, key: ModelKey) -> str:
        """What decides which code a model runs on which shapes: not data, seed or step size."""
        spec, learner = self.train(key), self.train(key).learner
        if isinstance(learner, Method) and not learner.learn_step_size:
            learner = replace(learner, step_size=0.0)
        steps = spec.schedule.train_steps, spec.schedule.test_steps
        return canonical_json(
            as_json([replace(learner, name=""), spec.network, steps, spec.way, spec.shot])
        )

    def baseline(self, dataset: str, setting: str) -> RawPixelsSpec:
        """Measure the nearest class mean on raw pixels."""
        episodes = self.episodes(dataset, setting)
        return RawPixelsSpec(
            **{field.name: getattr(episodes, field.name) for field in fields(EvaluationTasks)},
            store=self.store(dataset, self.evaluated_size(dataset, setting)),
            code=self.code("measure_raw_pixels.py"),
        )

    def toys(self) -> Iterator[dict[str, Any]]:
        """The wildcards of each training of the toy."""
        if toy := self.study.keys.toy:
            for arm, seed in product(toy.arms, toy.seeds):
                yield {"dataset": toy.dataset, "arm": arm, "seed": seed}

    def toy(self, dataset: str, arm: str, seed: int) -> ToySpec:
        """Train the supervised toy once."""
        toy = self.study.keys.toy
        if toy is None:
            raise ConfigError("the study has no toy")
        return ToySpec(
            dataset=dataset,
            store=self.store(dataset, toy.image_size),
            image_size=toy.image_size,
            filters=toy.filters,
            arm=arm,
            step_sizes=toy.step_sizes,
            epochs=toy.epochs,
            batch=toy.batch,
            seed=int(seed),
            compute=self._compute(),
            code=self.code("train_toy.py"),
        )
