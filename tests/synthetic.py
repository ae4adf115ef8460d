"""Synthetic aggregates of a study with planted effects, for any list of variants."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from innerloop.measurements.evidence import Evidence
from innerloop.measurements.schemas import schema_of
from innerloop.papers.paper import OWN, read_paper
from innerloop.runtime.typed_json import as_json
from innerloop.specs.interventions import FOLLOWED, interventions

LAYERS = ("conv1", "conv2", "conv3", "conv4", "head")
LABELS = {
    "maml": "MAML",
    "maml_3x": "MAML 3x",
    "anil": "ANIL",
    "boil": "BOIL",
    "scaled_lr": "Scaled LR",
    "unit_norm": "Unit norm",
    "meta_sgd": "Meta-SGD",
    "untrained": "Untrained",
}
P1 = ("maml", "maml_3x", "anil", "scaled_lr", "unit_norm", "boil", "meta_sgd", "untrained")
P2 = ("maml", "meta_sgd")
ROLES = {"mini_imagenet": "symbols", "cub": "people", "fc100": "scripts", "cifar10": "digits"}
PAPERS = (OWN, "p1", "p2", "questions")
#: As in the paper study, every data set has a variant of its own name.
STORES = {
    name: f"{variant}-28"
    for role, variant in {"mini_imagenet": "pickles", "cub": "centre", "fc100": "cifar100"}.items()
    for name in (role, ROLES[role])
}
ACCURACY = {
    "maml": 0.478,
    "maml_3x": 0.486,
    "anil": 0.473,
    "scaled_lr": 0.496,
    "unit_norm": 0.358,
    "untrained": 0.26,
    "raw_pixels": 0.276,
}
#: How far adaptation moves each layer: 1 - CKA.
MOVED = {
    "maml": (0.001, 0.002, 0.004, 0.02, 0.35),
    "maml_3x": (0.002, 0.004, 0.01, 0.05, 0.45),
    "anil": (0, 0, 0, 0, 0.3),
    "scaled_lr": (0.01, 0.03, 0.25, 0.3, 0.5),
    "unit_norm": (0.02, 0.2, 0.15, 0.45, 0.6),
    "boil": (0.01, 0.02, 0.05, 0.5, 0.55),
    "untrained": (0.001, 0.001, 0.002, 0.01, 0.4),
}
#: Variants that learn their step sizes.
LEARNED = ("meta_sgd", "my_sgd", "your_sgd", "their_sgd")
STEP_SIZES = {
    "conv1": (-0.006, 0.032, 288),
    "conv2": (-0.004, 0.027, 3000),
    "conv3": (-0.013, 0.027, 3000),
    "conv4": (-0.018, 0.030, 3000),
    "head": (0.043, 0.072, 800),
}
#: Accuracy by the shots of the tasks that a model is tested on.
OTHER_SETTINGS = {1: 0.4, 5: 0.6}
#: Changes in nearest-prototype accuracy: on-task, off-task.
CHANGED = {"maml": (-0.004, -0.003), "meta_sgd": (-0.006, 0.002)}


def describe(
    p1: Sequence[str] = P1,
    p2: Sequence[str] = P2,
    *,
    roles: Mapping[str, str] = ROLES,
    settings: Sequence[str] = ("5w1s", "5w5s"),
    seeds: int = 1,
    others: Sequence[str] = ("cub", "fc100"),
) -> dict[str, Any]:
    """The description of a study, as the workflow hands it to the renderer.

    `others` are the roles whose own data sets the P1 methods are trained on too.
    """
    mini = roles["mini_imagenet"]
    wanted = [("p1", name, mini, setting) for name in p1 for setting in settings]
    wanted += [("p1", name, roles[role], settings[0]) for role in others for name in p1]
    wanted += [("p2", name, mini, settings[0]) for name in p2]
    return {
        "study": "synthetic",
        "seed": 0,
        "papers": [_paper(place, {which[0] for which in wanted}) for place in PAPERS],
        "roles": dict(roles),
        "datasets": {
            name: {"label": name.capitalize() if name not in roles else role}
            for role, name in roles.items()
        },
        "protocols": {
            name: {
                "title": title,
                "variants": list(variants),
                "labels": dict(map(_label, variants)),
            }
            for name, title, variants in (
                ("p1", "BatchNorm learning-rate decay", p1),
                ("p2", "Negative inner-loop step sizes", p2),
            )
        },
        "models": [_model(*which, seed) for which in wanted for seed in range(seeds)],
    }


def write_tables(
    folder: Path,
    description: Mapping[str, Any],
    *,
    episodes: int = 60,
    omit: Iterable[str] = (),
    probe: str = "",
) -> dict[str, Path]:
    """Write every built-in table but those of `omit`, and a user's probe table if named."""
    builders = {**BUILDERS, probe: _probe} if probe else BUILDERS
    paths = {}
    for name, build in builders.items():
        if name in omit:
            continue
        paths[name] = folder / f"{name}.parquet"
        schema = schema_of(name)
        blocks = [_arrow(block, schema) for block in build(description, episodes)]
        pq.write_table(pa.concat_tables([schema.empty_table(), *blocks]), paths[name])
    return paths


def _paper(place: str, protocols: set[str]) -> dict[str, Any]:
    paper = read_paper(place)
    measured = not paper.facts.protocol or paper.facts.protocol in protocols
    facts = as_json(paper.facts)
    return {"name": paper.name, "place": place, "facts": facts, "measured": measured}


def _label(variant: str) -> tuple[str, str]:
    return variant, LABELS.get(variant, variant.replace("_", " "))


def _model(protocol: str, name: str, dataset: str, setting: str, seed: int) -> dict[str, Any]:
    way, shot = int(setting[0]), int(setting[2])
    own = name in ("scaled_lr", "unit_norm")
    return {
        "protocol": protocol,
        "variant": name,
        "method": name if name in LABELS else "maml",
        "label": _label(name)[1],
        "dataset": dataset,
        "setting": setting,
        "way": way,
        "shot": shot,
        "seed": seed,
        "train_steps": 5,
        "test_steps": 5 if protocol == "p2" else 6 if own else 10,
        "step_size": 0.005 if own else 0.05,
        "outer_step_size": 0.003,
        "meta_batch": 3 if protocol == "p2" else 4,
        "iterations": 0 if name == "untrained" else 200,
        "filters": 32,
        "image_size": 28,
        "second_order": True,
        "baseline": name == "untrained",
    }


def _stream(*key: object) -> np.random.Generator:
    return np.random.default_rng(zlib.crc32(repr(key).encode()))


def _identity(model: Mapping[str, Any]) -> dict[str, Any]:
    keys = ("protocol", "variant", "method", "setting", "way", "shot", "seed")
    return {key: model[key] for key in keys} | {
        "train_dataset": model["dataset"],
        "train_store": STORES.get(model["dataset"], "none"),
    }


def _measured(model: Mapping[str, Any], dataset: str, **columns: Any) -> dict[str, Any]:
    return _identity(model) | {
        "eval_dataset": dataset,
        "eval_store": STORES.get(dataset, "28"),
        "split": "test",
        "checkpoint": "last",
        "iteration": model["iterations"],
        "steps": model["test_steps"],
        "queries": 15,
        "batch_norm": "batch",
        **columns,
    }


def _datasets(description: Mapping[str, Any], model: Mapping[str, Any]) -> list[str]:
    """A model is tested on its own data set; the miniImageNet model on the others too."""
    roles = description["roles"]
    if model["dataset"] != roles["mini_imagenet"] or model["protocol"] == "p2":
        return [model["dataset"]]
    return [roles[role] for role in ("mini_imagenet", "cub", "fc100")]


def _block(constant: Mapping[str, Any], **columns: Any) -> dict[str, Any]:
    return {**constant, **columns}


def _arrow(block: Mapping[str, Any], schema: pa.Schema) -> pa.Table:
    """Rows of a table: array-like columns as they are, all others repeated to their length."""
    length = max(len(value) for value in block.values() if not isinstance(value, (str, int, float)))
    columns = [
        pa.array([block[field.name]] * length, field.type)
        if isinstance(block[field.name], (str, int, float))
        else pa.array(block[field.name], field.type)
        for field in schema
    ]
    return pa.Table.from_arrays(columns, schema=schema)


def _accuracy(description: Mapping[str, Any], episodes: int) -> Iterator[dict[str, Any]]:
    indices = np.arange(episodes)
    for model in description["models"]:
        for dataset in _datasets(description, model):
            for split in ("val", "test"):
                difficulty = _stream("task", dataset, split).normal(0, 0.08, episodes)
                shift = 0.14 * (model["shot"] == 5) - 0.06 * (dataset != model["dataset"])
                mean = ACCURACY.get(model["variant"], 0.45) + shift + 0.004 * model["seed"]
                noise = _stream("accuracy", tuple(model.items()), dataset, split)
                values = mean + difficulty + noise.normal(0, 0.04, episodes)
                constant = _measured(model, dataset, split=split, checkpoint="best")
                yield _block(constant, episode=indices, accuracy=values, loss=1.2)
    for dataset in description["roles"].values():
        for setting in sorted({model["setting"] for model in description["models"]}):
            noise = _stream("raw", dataset, setting).normal(0, 0.09, episodes)
            model = _model("baseline", "raw_pixels", "none", setting, 0) | {"iterations": 0}
            constant = _measured(model, dataset, checkpoint="none", batch_norm="none", steps=0)
            constant["method"] = "raw_pixels"
            yield _block(constant, episode=indices, accuracy=0.276 + noise, loss=1.6)


def _training(description: Mapping[str, Any], episodes: int) -> Iterator[dict[str, Any]]:
    for model in description["models"]:
        if model["baseline"]:
            continue
        for split, tasks, every in (("train", 40, 10), ("val", episodes, 20)):
            iterations = np.arange(0 if split == "val" else every, model["iterations"] + 1, every)
            top = ACCURACY.get(model["variant"], 0.45) + 0.03 * (split == "train")
            rise = 0.2 + (top - 0.2) * (1 - np.exp(-iterations / 50))
            noise = _stream("training", tuple(model.items()), split)
            yield _block(
                _identity(model) | {"split": split, "tasks": tasks, "accuracy_sd": 0.1},
                iteration=iterations,
                accuracy=rise + noise.normal(0, 0.1 / np.sqrt(tasks), iterations.size),
                loss=1.6 - rise,
            )


def _cka(description: Mapping[str, Any], episodes: int) -> Iterator[dict[str, Any]]:
    roles = description["roles"]
    for model in description["models"]:
        places = [
            (dataset, "last", model["iterations"]) for dataset in _datasets(description, model)
        ]
        if model["dataset"] == roles["mini_imagenet"] and not model["baseline"]:
            named = np.unique(
                np.round(model["iterations"] * np.array([0, 1, 2, 5, 10, 20, 40, 60]) / 60)
            )
            places += [(model["dataset"], "named", int(iteration)) for iteration in named]
        for dataset, checkpoint, iteration in places:
            for steps in sorted({5, model["test_steps"]}):
                yield from _similarities(model, dataset, checkpoint, iteration, steps, episodes)


def _similarities(
    model: Mapping[str, Any],
    dataset: str,
    checkpoint: str,
    iteration: int,
    steps: int,
    episodes: int,
) -> Iterator[dict[str, Any]]:
    moved = np.array(MOVED.get(model["variant"], (0.01, 0.02, 0.1, 0.1, 0.4))) * steps / 10
    moved = moved * (1.4 if dataset != model["dataset"] else 1)
    noise = _stream("cka", tuple(model.items()), dataset, checkpoint, iteration, steps)
    for layer, distance in zip(LAYERS, moved, strict=True):
        for estimator, factor in (("biased", 0.4), ("debiased", 1.0)):
            spread = noise.normal(0, 0.3 * distance * factor + 1e-9, episodes)
            values = 1 - factor * distance + spread
            if model["variant"] == "untrained" and layer == "conv4":
                values[:3] = np.nan
            constant = _measured(
                model, dataset, checkpoint=checkpoint, iteration=iteration, steps=steps
            )
            constant |= {"layer": layer, "estimator": estimator}
            yield _block(constant, episode=np.arange(episodes), similarity=values)


def _inner_steps(description: Mapping[str, Any], episodes: int) -> Iterator[dict[str, Any]]:
    """Each step moves as much; prototypes gain and lose what `CHANGED` says by the last."""
    for model in description["models"]:
        moved = MOVED.get(model["variant"], (0.01, 0.02, 0.1, 0.1, 0.4))
        on, off = CHANGED.get(model["variant"], (0.0, 0.0))
        noise = _stream("inner steps", tuple(model.items()))
        task = noise.normal(0.48, 0.08, episodes)
        for steps in range(model["test_steps"] + 1):
            done = steps / model["test_steps"]
            kinds = [("accuracy", "", task + 0.3 * done), ("on_task", "", task + on * done)]
            kinds += [("off_task", "", task + off * done)]
            for layer, distance in zip(LAYERS, moved, strict=True):
                kinds += [("cka", layer, 1 - distance * done + 0 * task)]
                kinds += [("turn", layer, 0.1 * distance * (steps > 0) + 0 * task)]
            for quantity, layer, values in kinds:
                constant = _measured(model, model["dataset"], steps=steps, quantity=quantity)
                yield _block(constant | {"layer": layer}, episode=np.arange(episodes), value=values)


def _interventions(description: Mapping[str, Any], episodes: int) -> Iterator[dict[str, Any]]:
    """What is lost by freezing a layer grows with how far adaptation moves it."""
    for model in description["models"]:
        sizes = "parameter" if model["variant"] in LEARNED else False
        asked = interventions("default", LAYERS, moving={"head"}, learned=sizes)
        moved = dict(zip(LAYERS, MOVED.get(model["variant"], (0.01,) * 5), strict=True))
        places = [
            (dataset, "last", model["iterations"], asked)
            for dataset in _datasets(description, model)
        ]
        if model["dataset"] == description["roles"]["mini_imagenet"]:
            named = (0, model["iterations"] // 2, model["iterations"])
            places += [(model["dataset"], "named", one, FOLLOWED) for one in sorted({*named})]
        for dataset, checkpoint, iteration, wanted in places:
            task = _stream("task", dataset, "test").normal(0.5, 0.08, episodes)
            noise = _stream("interventions", tuple(model.items()), dataset, iteration)
            constant = _measured(model, dataset, checkpoint=checkpoint, iteration=iteration)
            for intervention, layer in wanted:
                lost = {"nothing": sum(moved.values()), "only": sum(moved.values()) / 2}
                lost |= {"frozen": moved.get(layer, 0)}
                values = task - 0.2 * lost.get(intervention, 0) + noise.normal(0, 0.02, episodes)
                constant |= {"intervention": intervention, "layer": layer}
                yield _block(constant, episode=np.arange(episodes), accuracy=values)


def _other_settings(description: Mapping[str, Any], episodes: int) -> Iterator[dict[str, Any]]:
    """With five images of a class, tasks are easier whatever a model was trained in."""
    for model in description["models"]:
        noise = _stream("other settings", tuple(model.items()))
        for shot, mean in OTHER_SETTINGS.items():
            tested = {"tested_setting": f"5w{shot}s", "tested_way": 5, "tested_shot": shot}
            constant = _measured(model, model["dataset"], checkpoint="best", **tested)
            values = noise.normal(mean, 0.05, episodes)
            yield _block(constant, episode=np.arange(episodes), accuracy=values, loss=1 - values)


def _own_change(description: Mapping[str, Any], episodes: int) -> Iterator[dict[str, Any]]:
    """A fifth of a layer's change is its own, and all of it is inherited."""
    for model in description["models"]:
        moved = MOVED.get(model["variant"], (0.01, 0.02, 0.1, 0.1, 0.4))
        kinds = product(
            sorted({5, model["test_steps"]}),
            zip(LAYERS, moved, strict=True),
            (("own", 0.2), ("inherited", 1.0)),
            (("biased", 0.4), ("debiased", 1.0)),
        )
        noise = _stream("own change", tuple(model.items()))
        for steps, (layer, distance), (change, share), (estimator, factor) in kinds:
            size = distance * share * factor * steps / model["test_steps"]
            constant = _measured(model, model["dataset"], layer=layer, change=change, steps=steps)
            values = 1 - size + noise.normal(0, 0.1 * size + 1e-9, episodes)
            constant |= {"estimator": estimator}
            yield _block(constant, episode=np.arange(episodes), similarity=values)


def _other_similarities(description: Mapping[str, Any], episodes: int) -> Iterator[dict[str, Any]]:
    """Both measures see what moves; shuffled images are alike by chance, most by Procrustes."""
    for model in description["models"]:
        moved = MOVED.get(model["variant"], (0.01, 0.02, 0.1, 0.1, 0.4))
        noise = _stream("similarities", tuple(model.items()))
        for layer, distance in zip(LAYERS, moved, strict=True):
            for (measure, count), pairing in product(
                (("procrustes", 0), ("neighbours", 10)), ("same", "shuffled")
            ):
                chance = {"procrustes": 0.6, "neighbours": 0.07}[measure]
                constant = _measured(
                    model, model["dataset"], layer=layer, measure=measure, neighbours=count,
                    pairing=pairing,
                )  # fmt: skip
                mean = chance if pairing == "shuffled" else 1 - distance * (1 - chance)
                values = mean - np.abs(noise.normal(0, 0.01, episodes))
                yield _block(constant, episode=np.arange(episodes), similarity=values)
            if model["seed"]:  # two trainings are half alike
                for measure, count in (("cka", 0), ("procrustes", 0), ("neighbours", 10)):
                    constant = _measured(
                        model, model["dataset"], layer=layer, measure=measure, neighbours=count,
                        pairing="two_trainings", steps=0,
                    )  # fmt: skip
                    values = 0.5 + noise.normal(0, 0.01, episodes)
                    yield _block(constant, episode=np.arange(episodes), similarity=values)


def _protonet(description: Mapping[str, Any], episodes: int) -> Iterator[dict[str, Any]]:
    for model in description["models"]:
        if model["protocol"] != "p2":
            continue
        for split in ("val", "test"):
            task = {
                where: _stream("protonet", where, split).normal(0.48, 0.08, episodes * 20)
                for where in ("on", "off")
            }
            on, off = CHANGED.get(model["variant"], (0.0, 0.0))
            noise = _stream("protonet", tuple(model.items()), split)
            for condition, where, change in (
                ("pre_adaptation", "on", 0),
                ("on_task", "on", on),
                ("pre_adaptation_off_task", "off", 0),
                ("off_task", "off", off),
            ):
                values = task[where] + change + noise.normal(0, 0.02, episodes * 20)
                constant = _measured(model, model["dataset"], split=split, condition=condition)
                yield _block(constant, episode=np.arange(episodes * 20), accuracy=values)


def _weight_norm(description: Mapping[str, Any], episodes: int) -> Iterator[dict[str, Any]]:
    start = {"conv1": 2.4, "conv2": 8.0, "conv3": 8.0, "conv4": 8.0, "head": 1.2}
    for model in description["models"]:
        iterations = np.arange(0, model["iterations"] + 1, 20)
        speed = 3 if model["variant"] == "scaled_lr" else 1
        for layer in LAYERS:
            grown = start[layer] + speed * np.log1p(iterations / 50) * start[layer] / 8
            unit = model["variant"] == "unit_norm" and layer != "head"
            norm = np.ones_like(grown) if unit else grown
            scaled = model["variant"] == "scaled_lr" or layer == "head"
            still = {"anil": layer != "head", "boil": layer == "head"}.get(model["variant"], False)
            yield _block(
                _identity(model) | {"layer": layer},
                iteration=iterations,
                norm=norm,
                effective_step_size=(not still)
                * np.mean(model["step_size"])
                / (norm ** (2 - 2 * scaled)),
            )


def _outer_step(description: Mapping[str, Any], episodes: int) -> Iterator[dict[str, Any]]:
    for model in description["models"]:
        iterations = np.arange(20, model["iterations"] + 1, 20)
        for layer in LAYERS:
            along = 1e-3 if layer == "head" else 0.0
            yield _block(
                _identity(model) | {"layer": layer},
                iteration=iterations,
                gradient_cosine=np.full(len(iterations), -along),
                radial_growth=along / iterations,
                tangential_growth=1e-3 / iterations,
            )


def _step_size(description: Mapping[str, Any], episodes: int) -> Iterator[dict[str, Any]]:
    for model in description["models"]:
        if model["variant"] not in LEARNED:
            continue
        iterations = np.arange(0, model["iterations"] + 1, 20)
        done = iterations / model["iterations"]
        for layer, (mean, sd, count) in STEP_SIZES.items():
            for parameter in ("weight", "bias", "gamma", "beta")[: 2 if layer == "head" else 4]:
                # a bias before BatchNorm gets no gradient, nor does its step size
                moved = done * (parameter != "bias" or layer == "head")
                yield _block(
                    _identity(model) | {"layer": layer, "parameter": parameter},
                    iteration=iterations,
                    count=count if parameter == "weight" else 32,
                    mean=0.01 + moved * (mean - 0.01),
                    sd=moved * sd,
                    share_negative=moved * (0.7 if mean < 0 else 0.25),
                )


def _step_size_value(description: Mapping[str, Any], episodes: int) -> Iterator[dict[str, Any]]:
    for model in description["models"]:
        if model["variant"] not in LEARNED:
            continue
        for layer, (mean, sd, count) in STEP_SIZES.items():
            steps = np.zeros(count, int)
            if model.get("learn_step_size") == "step_and_layer":
                steps = np.arange(1, model["train_steps"] + 1)
            values = _stream("alpha", tuple(model.items()), layer).normal(mean, sd, len(steps))
            constant = {"layer": layer, "parameter": "weight", "iteration": model["iterations"]}
            later = np.maximum(steps - 1, 0)  # each step's is larger by 1
            yield _block(_identity(model) | constant, step=steps, value=values + later)


def _scale_invariance(description: Mapping[str, Any], episodes: int) -> Iterator[dict[str, Any]]:
    for model in description["models"]:
        noise = _stream("scale", tuple(model.items()))
        for layer in LAYERS:
            size = 0.5 if layer == "head" else 1e-6
            yield _block(
                _identity(model) | {"layer": layer, "iteration": model["iterations"]},
                scale=[0.5, 2.0, 10.0],
                output_change=size * noise.uniform(0.5, 2, 3),
                gradient_cosine=size * noise.uniform(-1, 1, 3) / 2,
            )


def _toy(description: Mapping[str, Any], episodes: int) -> Iterator[dict[str, Any]]:
    epochs = np.arange(0, 7)
    for arm in ("unit_norm", "scaled_lr"):
        for step_size in (0.001, 0.01, 0.1):
            for seed in range(2):
                for split in ("train", "test"):
                    noise = _stream("toy", arm, step_size, seed, split)
                    top = 0.98 - 0.02 * (split == "test")
                    values = top - (top - 0.1) * np.exp(-epochs * step_size * 60)
                    yield _block(
                        {
                            "arm": arm,
                            "dataset": description["roles"]["cifar10"],
                            "store": "32",
                            "step_size": step_size,
                            "seed": seed,
                            "split": split,
                            "images": 450,
                        },
                        epoch=epochs,
                        accuracy=np.clip(values + noise.normal(0, 0.01, 7), 0, 1),
                        loss=2.3 * (1 - values) + 0.02,
                    )


def _probe(description: Mapping[str, Any], episodes: int) -> Iterator[dict[str, Any]]:
    for model in description["models"]:
        for layer in ("conv4", ""):
            noise = _stream("probe", tuple(model.items()), layer)
            constant = _measured(model, model["dataset"], layer=layer, metric="sharpness")
            yield _block(constant, episode=np.arange(episodes), value=noise.normal(3, 1, episodes))


BUILDERS = {
    "accuracy": _accuracy,
    "training": _training,
    "cka": _cka,
    "inner_steps": _inner_steps,
    "interventions": _interventions,
    "other_settings": _other_settings,
    "other_similarities": _other_similarities,
    "own_change": _own_change,
    "protonet": _protonet,
    "weight_norm": _weight_norm,
    "outer_step": _outer_step,
    "step_size": _step_size,
    "step_size_value": _step_size_value,
    "scale_invariance": _scale_invariance,
    "toy": _toy,
}

_REAL = {name: name for name in ROLES}
_NO_P2 = ("training", "protonet", "step_size", "step_size_value", "toy")

#: Studies of several shapes: a description, and the options it is written with.
STUDIES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "full": (describe(), {"probe": "sharpness"}),
    "two_methods": (
        describe(("maml", "scaled_lr"), (), settings=("5w1s",), others=()),
        {"omit": _NO_P2},
    ),
    "users_method": (
        describe(
            ("maml", "anil", "my_decay", "untrained"), ("maml", "my_sgd", "meta_sgd"), seeds=3
        ),
        {},
    ),
    "other_settings": (
        describe(("maml", "boil"), ("maml",), settings=("3w2s",), roles=_REAL, others=()),
        {},
    ),
    "no_tables": (describe(), {"omit": tuple(BUILDERS)}),
}


class Memory(Evidence):
    """Evidence whose tables are frames."""

    def __init__(self, frames, description):
        super().__init__({}, description)
        self.frames = frames

    def rows(self, name, **equal):
        frame = self.frames.get(name)
        if frame is None:
            return super().rows(name)
        for column, value in equal.items():
            frame = frame[frame[column].isin(value if isinstance(value, list) else [value])]
        return frame


def measured(variant, accuracy, seed=0, **other):
    """Rows of the table `accuracy` of one variant."""
    return pd.DataFrame(
        {
            "protocol": "p1",
            "variant": variant,
            "train_dataset": "mini_imagenet",
            "setting": "5w1s",
            "way": 5,
            "shot": 1,
            "seed": seed,
            "eval_dataset": "mini_imagenet",
            "split": "test",
            "checkpoint": "best",
            "steps": 10,
            "queries": 15,
            "batch_norm": "batch",
            "episode": np.arange(len(accuracy)),
            "accuracy": accuracy,
            **other,
        }
    )
