"""The jobs of a study: for each, its output and the resolved parameters it is run with.

A job's parameters ("spec") hold exactly the values it uses, a digest of the meaning of the code it
reaches, and nothing else: Snakemake re-runs a job when they change, and result files carry them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

from innerloop.built_in import ACCURACY, PROBES
from innerloop.code_digest import code_digest
from innerloop.data.acquire.collection import Variant
from innerloop.data.store_name import store_name, variant_and_size
from innerloop.errors import ConfigError
from innerloop.extensions import source_file
from innerloop.study import choices, paths
from innerloop.study.model import Model
from innerloop.study.model_key import ModelKey, way_and_shot
from innerloop.study.study import Study

Spec: TypeAlias = dict[str, Any]

#: Tables that training itself logs, and the file of a model's folder they come from.
LOGGED = {
    "training": "training.parquet",
    "weight_norm": "dynamics.parquet",
    "step_size": "dynamics.parquet",
    "step_size_value": "step_sizes.parquet",
}


class Jobs:
    """The jobs of one study.

    Args:
        study: the study.
        scripts: the folder of the workflow's scripts, whose code the specs digest.
    """

    def __init__(self, study: Study, scripts: Path | str) -> None:
        self.study = study
        self._scripts = Path(scripts)
        self.code = cache(self._code)
        self.train = cache(self._train)

    def _code(self, script: str, *entries: str) -> str:
        """Digest of the meaning of the code that a script and some entries reach."""
        return code_digest(self._scripts / script, [source_file(entry) for entry in entries])

    def _path(self, pattern: str, **wildcards: Any) -> str:
        return pattern.format(study=self.study.name, **wildcards)

    # ---- data ------------------------------------------------------------------------------

    def fetch(self, collection: str) -> Spec:
        """Bring a collection of files into place.

        What they must be is all that counts: verified files do not depend on the code or the
        address that brought them.
        """
        return self.study.registry.collections[collection].identity()

    def store(self, dataset: str, size: int) -> str:
        """The name of a data set's image store."""
        variant = self.study.variant(dataset)
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

    def images(self, dataset: str, store: str) -> Spec:
        """Build one image store of a data set."""
        variant = self._variant(dataset, store)
        entry = variant.source if variant else self.study.source_entry(dataset)
        name, size = variant_and_size(store)
        return {
            "dataset": dataset,
            "variant": name,
            "size": size,
            "source": entry,
            "images": dict(variant.images) if variant else {},
            "code": self.code("build_images.py", entry),
        }

    def _variant(self, dataset: str, store: str) -> Variant | None:
        """The variant that a store is named after: also one that the study does not use."""
        name, _ = variant_and_size(store)
        source = self.study.config["datasets"][dataset]["source"]
        if bool(name) != (source in self.study.registry.variants):
            raise ConfigError(f"data set '{dataset}' has no image store '{store}'")
        return self.study.registry.variant(source, name) if name else None

    def splits(self, dataset: str) -> Spec:
        """Divide the classes of a data set, whose images must be of the source it now has."""
        return {
            "dataset": dataset,
            "source": self.study.source_entry(dataset),
            "splits": self.study.config["datasets"][dataset].get("splits"),
            "code": self.code("make_splits.py"),
        }

    def episodes(self, dataset: str, setting: str) -> Spec:
        """Draw the evaluation episodes of a data set."""
        way, shot = way_and_shot(setting)
        evaluation = self.study.config["evaluation"]
        splits = {
            split
            for model in self.study.models.values()
            if model.key.setting == setting and dataset in model.evaluate_on
            for split in model.splits
        }
        return {
            "dataset": dataset,
            "setting": setting,
            "way": way,
            "shot": shot,
            "queries": evaluation["queries"],
            "tasks": evaluation["tasks"],
            "splits": sorted(splits),
            "seed": self.study.config["seed"],
            "code": self.code("draw_episodes.py"),
        }

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
        toy = self.study.config.get("toy")
        if toy:
            stores.append((toy["dataset"], toy["image_size"]))
        return list(dict.fromkeys(stores))

    def _probed(self, model: Model) -> Iterator[str]:
        for probe in model.probes:
            yield from self.probe_datasets(model, probe)

    # ---- models ----------------------------------------------------------------------------

    def _train(self, key: ModelKey) -> Spec:
        """Meta-train one model."""
        model, config = self.study.models[key], self.study.config
        schedule = choices.pick(model.choices, choices.TRAINING)
        queries = schedule.pop("queries")
        iterations = schedule["iterations"]
        validation = config["validation"]
        fractions = config["checkpoints"]
        return {
            **asdict(key),
            "way": model.way,
            "shot": model.shot,
            "queries": queries,
            "study_seed": config["seed"],
            # how it is called changes nothing of how it trains
            "method": {**model.method.as_json(), "label": ""},
            "store": self.store(key.dataset, model.choices["image_size"]),
            "network": {"way": model.way, **choices.pick(model.choices, choices.NETWORK)},
            "schedule": {
                **schedule,
                "validation_every": max(1, min(validation["every"], iterations or 1)),
                "validation_tasks": validation["tasks"],
                "checkpoints": sorted({round(fraction * iterations) for fraction in fractions}),
                "tasks_at_once": config["compute"]["tasks_at_once"],
            },
            "validation_queries": config["evaluation"]["queries"],
            "compute": dict(self.study.compute),
            "code": self.code("train.py", model.method.update_rule),
        }

    def evaluate(self, key: ModelKey) -> Spec:
        """Measure one model's accuracy."""
        model = self.study.models[key]
        options = {"checkpoint": "best", "splits": list(model.splits)}
        return self._measure("accuracy", ACCURACY, model, list(model.evaluate_on), options)

    def probe(self, probe: str, key: ModelKey) -> Spec:
        """Measure one model with one probe."""
        model, settings = self.study.models[key], self.study.config["probes"][probe]
        options = {
            name: value for name, value in settings.items() if name not in ("probe", "datasets")
        }
        datasets = self.probe_datasets(model, probe)
        return self._measure(probe, self.study.probe_entry(probe), model, datasets, options)

    def _measure(
        self, table: str, entry: str, model: Model, datasets: list[str], options: Spec
    ) -> Spec:
        return {
            "table": table,
            "entry": entry,
            "options": options,
            "datasets": datasets,
            "queries": self.study.config["evaluation"]["queries"],
            "test_steps": model.choices["test_steps"],
            "model": self.train(model.key),
            "compute": dict(self.study.compute),
            "code": self.code("measure.py", entry, model.method.update_rule),
        }

    def baseline(self, dataset: str, setting: str) -> Spec:
        """Measure the nearest class mean on raw pixels."""
        return {
            **choices.pick(self.episodes(dataset, setting), ("dataset", "setting", "way", "shot")),
            "splits": self.episodes(dataset, setting)["splits"],
            "tasks": self.study.config["evaluation"]["tasks"],
            "queries": self.study.config["evaluation"]["queries"],
            "store": self.store(dataset, self.evaluated_size(dataset, setting)),
            "code": self.code("measure_raw_pixels.py"),
        }

    def probe_datasets(self, model: Model, probe: str) -> list[str]:
        """Data sets whose tasks the probe measures on: its own list, or the model's."""
        own = self.study.config["probes"][probe].get("datasets")
        return list(own or model.evaluate_on)

    def toy(self, dataset: str, arm: str, seed: int) -> Spec:
        """Train the supervised toy once."""
        toy = self.study.config["toy"]
        return {
            **{name: value for name, value in toy.items() if name not in ("arms", "seeds")},
            "dataset": dataset,
            "store": self.store(dataset, toy["image_size"]),
            "arm": arm,
            "seed": int(seed),
            "compute": choices.pick(self.study.compute, ("device", "threads")),
            "code": self.code("train_toy.py"),
        }

    # ---- measurement files -----------------------------------------------------------------

    def tables(self) -> list[str]:
        """Names of the measurement tables that the study fills."""
        probes = {probe for model in self.study.models.values() for probe in model.probes}
        return [
            "accuracy",
            *LOGGED,
            *sorted(probes),
            *(["toy"] if "toy" in self.study.config else []),
        ]

    def user_tables(self) -> list[str]:
        """Tables of the user's own probes."""
        return [
            name
            for name in self.tables()
            if name in self.study.config.get("probes", {}).keys() - PROBES.keys()
        ]

    def study_of(self, table: str) -> Spec:
        """The part of the study file that a table depends on."""
        used = dict(self.study.config)
        probes = used.pop("probes", {})
        used["probes"] = {table: probes[table]} if table in probes else {}
        used["models"] = {
            name: {
                **entry,
                "probes": [probe for probe in entry.get("probes", []) if probe == table],
            }
            for name, entry in used["models"].items()
        }
        if table != "toy":
            used.pop("toy", None)
        used.pop("statistics", None)
        return {**used, "title": "", "roles": {}}

    def measured(self, table: str) -> dict[str, Spec]:
        """Every file that a table is gathered from, with the spec it must have been made with.

        Raises:
            ConfigError: the study has no such table.
        """
        if table == "accuracy":
            return {**dict(self._accuracies()), **dict(self._baselines())}
        if table in LOGGED:
            return {
                self._model_path(paths.LOG, key, file=LOGGED[table]): self.train(key)
                for key in self.study.models
            }
        if table == "toy" and "toy" in self.study.config:
            return dict(self._toys())
        found = {
            self._model_path(paths.PROBE, key, probe=table): self.probe(table, key)
            for key, model in self.study.models.items()
            if table in model.probes
        }
        if not found:
            raise ConfigError(
                f"the study has no table '{table}'; it has {', '.join(self.tables())}"
            )
        return found

    def _model_path(self, pattern: str, key: ModelKey, **more: Any) -> str:
        return key.fill(pattern, study=self.study.name, **more)

    def _accuracies(self) -> Iterator[tuple[str, Spec]]:
        for key in self.study.models:
            yield self._model_path(paths.ACCURACY, key), self.evaluate(key)

    def _baselines(self) -> Iterator[tuple[str, Spec]]:
        for dataset, setting in self.episode_tables():
            path = self._path(paths.BASELINE, dataset=dataset, setting=setting)
            yield path, self.baseline(dataset, setting)

    def episode_tables(self) -> list[tuple[str, str]]:
        """Every (data set, setting) that some model is evaluated on."""
        wanted = {
            (dataset, model.key.setting)
            for model in self.study.models.values()
            for dataset in model.evaluate_on
        }
        return sorted(wanted)

    def _toys(self) -> Iterator[tuple[str, Spec]]:
        toy = self.study.config["toy"]
        for arm in toy["arms"]:
            for seed in toy["seeds"]:
                path = self._path(paths.TOY, dataset=toy["dataset"], arm=arm, seed=seed)
                yield path, self.toy(toy["dataset"], arm, seed)
