"""A study's description: what figures, tables and the report need besides measurements."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from innerloop.learners.gradient_based.method import Method
from innerloop.learners.options import LearnerOptions
from innerloop.measurements.described_study import Chosen
from innerloop.runtime.typed_json import as_json
from innerloop.study import choices
from innerloop.study.model import Model
from innerloop.study.products import Products
from innerloop.study.study import Study


def describe(study: Study) -> dict[str, Any]:
    """What figures, tables and the report need of a study besides its measurements."""
    config = study.config
    return {
        "study": study.name,
        "seed": study.keys.seed,
        "statistics": config.get("statistics", {}),
        "roles": config.get("roles", {}),
        "papers": _papers(study),
        "disjoint_off_tasks": bool(
            config.get("probes", {}).get("protonet", {}).get("disjoint_classes", False)
        ),
        "datasets": {
            name: _described_data(study, name, value) for name, value in config["datasets"].items()
        },
        "protocols": {
            name: {
                "title": protocol.title or name,
                "variants": list(protocol.variants),
                "labels": {
                    variant: study.variants.label(name, variant) for variant in protocol.variants
                },
            }
            for name, protocol in study.keys.protocols.items()
        },
        **({"sweeps": as_json(study.sweeps)} if study.sweeps else {}),
        "models": [_described(model) for model in study.models.values()],
    }


#: Keys that are added to a data set's description once its splits are made.
COUNTED = ("classes", "equal_images")


def with_counts(description: Mapping[str, Any], splits: Mapping[str, Path | str]) -> dict[str, Any]:
    """A study's description with the number of classes of each split, and of equal images.

    Args:
        description: the result of `describe`.
        splits: data set -> its splits.parquet.
    """
    import pyarrow.parquet as pq  # not at the top, which Snakemake imports while parsing

    from innerloop.runtime.provenance import read_provenance

    datasets = dict(description["datasets"])
    for name, path in splits.items():
        counts = Counter(pq.read_table(path, columns=["split"]).column("split").to_pylist())
        datasets[name] = {**datasets[name], "classes": dict(counts)}
        if equal := read_provenance(path).get("equal_images"):
            datasets[name]["equal_images"] = equal
    return {**description, "datasets": datasets}


def _papers(study: Study) -> list[dict[str, Any]]:
    products = Products(study)
    return [
        as_json(
            Chosen(
                name=paper.name,
                place=place,
                facts=paper.facts,
                measured=products.is_measured(paper),
                left_out=tuple(products.left_out(paper)),
            )
        )
        for place, paper in study.papers.items()
    ]


def _described_data(study: Study, name: str, chosen: Mapping[str, Any]) -> dict[str, Any]:
    variant = study.datasets.variant(name)
    return {
        "label": chosen.get("label", name),
        "source": chosen["source"],
        "variant": variant.name if variant else "",
        "splits": chosen.get("splits", ""),
    }


def _described(model: Model) -> dict[str, Any]:
    learner = model.learner
    of_methods = () if isinstance(learner, Method) else choices.OF_METHODS
    chosen = [name for name in choices.NAMES if name not in of_methods]
    return {
        **asdict(model.key),
        "method": learner.name,
        "label": learner.label,
        "way": model.way,
        "shot": model.shot,
        **choices.pick(model.choices, chosen),
        **_described_learner(learner),
        "baseline": model.baseline,
    }


def _described_learner(learner: Method | LearnerOptions) -> dict[str, Any]:
    if isinstance(learner, LearnerOptions):
        return {"learner": learner.entry, "learner_options": dict(learner.options)}
    return {
        "step_size_multiplier": learner.step_size_multiplier,
        "learn_step_size": learner.learn_step_size,
        "step_size_lower_bound": learner.step_size_lower_bound,
    }
