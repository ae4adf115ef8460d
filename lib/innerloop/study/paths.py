"""Where everything lies: the path scheme in one place, as patterns with Snakemake wildcards."""

from __future__ import annotations

RAW = "resources/raw/{collection}/fetched.json"
IMAGES = "resources/images/{dataset}/{store}/manifest.json"
SAMPLES = "resources/images/{dataset}/{store}/samples.png"

_STUDY = "results/{study}"
_MODEL = "{protocol}/{dataset}/{variant}/{setting}/seed{seed}"

DESCRIPTION = f"{_STUDY}/study.json"
SPLITS = f"{_STUDY}/data/{{dataset}}/splits.parquet"
EPISODES = f"{_STUDY}/episodes/{{dataset}}/{{setting}}.parquet"
MODEL = f"{_STUDY}/models/{_MODEL}/model.json"
LOG = f"{_STUDY}/models/{_MODEL}/{{file}}"
CURVE = f"{_STUDY}/logs/models/{_MODEL}/training.csv"
CHECKPOINTS = f"{_STUDY}/.checkpoints/{_MODEL}"
ACCURACY = f"{_STUDY}/measurements/accuracy/{_MODEL}.parquet"
BASELINE = f"{_STUDY}/measurements/accuracy/baseline/raw_pixels/{{dataset}}/{{setting}}.parquet"
PROBE = f"{_STUDY}/measurements/{{probe}}/{_MODEL}.parquet"
TOY = f"{_STUDY}/measurements/toy/{{dataset}}/{{arm}}/seed{{seed}}.parquet"
AGGREGATE = f"{_STUDY}/aggregates/{{table}}.parquet"
FIGURE = f"{_STUDY}/figures/{{figure}}"
TABLE = f"{_STUDY}/tables/{{table}}"
REPORT = f"{_STUDY}/report.html"
PARTIAL_REPORT = f"{_STUDY}/report-partial.html"
PDF = f"{_STUDY}/report.pdf"
BENCHMARKS = f"{_STUDY}/benchmarks"

#: Tables that training itself logs, and the file of a model's folder that each comes from.
LOGGED = {
    "training": "training.parquet",
    "weight_norm": "dynamics.parquet",
    "step_size": "dynamics.parquet",
    "step_size_value": "step_sizes.parquet",
}
