"""P1, Table 1: accuracy on the data set the models were trained on."""

from __future__ import annotations

import pandas as pd

from innerloop.render import captions
from innerloop.render.accuracy import accuracies, baseline_rules, counted, layout
from innerloop.render.evidence import Evidence
from innerloop.render.tabulation import Tabulation, not_measured


def tabulate(evidence: Evidence) -> Tabulation:
    """Methods by settings, baselines under a rule."""
    study = evidence.study
    home = study.in_role("mini_imagenet")
    trained = accuracies(
        evidence, protocol="p1", train_dataset=home, eval_dataset=home, split="test"
    )
    if trained.empty:
        return not_measured("accuracy of P1's models", ["Method"])
    raw = accuracies(evidence, protocol="baseline", eval_dataset=home, split="test")
    summary = pd.concat([trained, raw[raw["way"].isin(trained["way"])]]).rename(
        columns={"method": "Method"}
    )
    return Tabulation(
        summary,
        layout(summary, ["Method"]),
        captions.join(
            f"Accuracy on {study.dataset_label(home)}, trained and tested on it.",
            counted(summary),
            "Below the rule: baselines without meta-learning.",
            study.stand_ins("mini_imagenet"),
        ),
        baseline_rules(summary, ["Method"]),
    )
