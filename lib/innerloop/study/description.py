"""A study's description: what figures, tables and the report must know besides measurements."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from innerloop.learners.method import Method
from innerloop.learners.named import NamedLearner
from innerloop.study import choices
from innerloop.study.model import Model
from innerloop.study.study import Study


def describe(study: Study) -> dict[str, Any]:
    """What figures, tables and the report must know of a study besides its measurements."""
    config = study.config
    return {
        "study": study.name,
        "seed": study.keys.seed,
        "statistics": config.get("statistics", {}),
        "roles": config.get("roles", {}),
        "datasets": {
            name: _described_data(study, name, value) for name, value in config["datasets"].items()
        },
        "protocols": {
            name: {
                "title": protocol.title or name,
                "variants": list(protocol.variants),
                "labels": {variant: study.label(name, variant) for variant in protocol.variants},
            }
            for name, protocol in study.keys.protocols.items()
        },
        "models": [_described(model) for model in study.models.values()],
    }


def _described_data(study: Study, name: str, chosen: Mapping[str, Any]) -> dict[str, Any]:
    variant = study.variant(name)
    return {
        "label": chosen.get("label", name),
        "source": chosen["source"],
        "variant": variant.name if variant else "",
        "splits": chosen.get("splits", ""),
    }


def _described(model: Model) -> dict[str, Any]:
    method = model.method
    of_methods = () if isinstance(method, Method) else (*choices.of(Method), "test_step_size")
    chosen = [name for name in choices.NAMES if name not in of_methods]
    return {
        **asdict(model.key),
        "method": method.name,
        "label": method.label,
        "way": model.way,
        "shot": model.shot,
        **choices.pick(model.choices, chosen),
        **_described_method(method),
        "baseline": model.baseline,
    }


def _described_method(method: Method | NamedLearner) -> dict[str, Any]:
    if isinstance(method, NamedLearner):
        return {"learner": method.entry, "learner_options": dict(method.options)}
    return {
        "step_size_multiplier": method.step_size_multiplier,
        "learn_step_size": method.learn_step_size,
        "step_size_lower_bound": method.step_size_lower_bound,
    }
