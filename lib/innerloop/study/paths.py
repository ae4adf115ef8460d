"""Every path of a study, as patterns with Snakemake wildcards."""

from __future__ import annotations

import re
from typing import Any

from innerloop.runtime.errors import ConfigError

RAW = "resources/raw/{collection}/fetched.json"
IMAGES = "resources/images/{dataset}/{store}/manifest.json"
STORE = "resources/images/{dataset}/{store}/{file}"
SAMPLES = "resources/images/{dataset}/{store}/samples.png"

_STUDY = "results/{study}"
_MODEL = "{protocol}/{dataset}/{variant}/{setting}/seed{seed}"

DESCRIPTION = f"{_STUDY}/study.json"
DECLARED = f"{_STUDY}/declared.json"
SPLITS = f"{_STUDY}/data/{{dataset}}/splits.parquet"
EPISODES = f"{_STUDY}/episodes/{{dataset}}/{{setting}}.parquet"
MODEL = f"{_STUDY}/models/{_MODEL}/model.json"
LOG = f"{_STUDY}/models/{_MODEL}/{{file}}"
CURVE = f"{_STUDY}/logs/models/{_MODEL}/training.csv"
EVENTS = f"{_STUDY}/logs/tensorboard/{_MODEL}"
CHECKPOINTS = f"{_STUDY}/.checkpoints/{_MODEL}"
ACCURACY = f"{_STUDY}/measurements/accuracy/{_MODEL}.parquet"
BASELINE = f"{_STUDY}/measurements/accuracy/baseline/raw_pixels/{{dataset}}/{{setting}}.parquet"
PROBE = f"{_STUDY}/measurements/{{probe}}/{_MODEL}.parquet"
TOY = f"{_STUDY}/measurements/toy/{{dataset}}/{{arm}}/seed{{seed}}.parquet"
AGGREGATE = f"{_STUDY}/aggregates/{{table}}.parquet"
FIGURE = f"{_STUDY}/figures/{{paper}}/{{figure}}"
TABLE = f"{_STUDY}/tables/{{paper}}/{{table}}"
REPORT = f"{_STUDY}/report.html"
PARTIAL_REPORT = f"{_STUDY}/report-partial.html"
PDF = f"{_STUDY}/report.pdf"
BENCHMARKS = f"{_STUDY}/benchmarks"
REPLACED = f"{_STUDY}/replaced"

#: Files of an image store besides its manifest, and of a model besides its own.
STORE_FILES = ("classes.parquet", "images.npy")
MODEL_FILES = (
    *("dynamics.parquet", "model.pt", "outer_steps.parquet", "run.json"),
    *("step_sizes.parquet", "training.parquet"),
)

#: Tables that trainings log -> the file in a model's folder that each comes from.
LOGGED = {
    "training": "training.parquet",
    "weight_norm": "dynamics.parquet",
    "outer_step": "outer_steps.parquet",
    "step_size": "dynamics.parquet",
    "step_size_value": "step_sizes.parquet",
}

_NAME = "[a-z][a-z0-9_]*"
#: The values that each wildcard of these patterns may have, as regular expressions.
WILDCARDS = {
    **dict.fromkeys(
        ("protocol", "dataset", "variant", "probe", "paper", "table", "figure", "arm"), _NAME
    ),
    "setting": "[0-9]+w[0-9]+s",
    "seed": "[0-9]+",
    "store": f"({_NAME}-)?[0-9]+",
    "collection": _NAME,
}
_NAME_IN_WORDS = "a name of lower-case letters, digits and _ that begins with a letter"
#: The same in words; wildcards that are not listed are names.
_IN_WORDS = {
    "setting": "ways and shots as in 5w1s",
    "seed": "a whole number, not negative",
    "store": "pixels a side, as 84, or a variant and these, as ilsvrc-84",
}


def fill(pattern: str, **values: Any) -> str:
    """A pattern filled in, as a path that some rule can make.

    This is checked, since Snakemake does not notice a path that no rule can make once the files
    made from it exist.

    Raises:
        ConfigError: a value is none that its wildcard may be.
    """
    for name, value in values.items():
        if name in WILDCARDS and not re.fullmatch(WILDCARDS[name], str(value)):
            raise ConfigError(
                f"study file: '{value}' is no {name} that a path of results can hold; expected "
                f"{_IN_WORDS.get(name, _NAME_IN_WORDS)}"
            )
    return pattern.format(**values)
