"""P1, Table 2: accuracy of miniImageNet's models on other data sets."""

from __future__ import annotations

import pandas as pd

from innerloop.measurements.evidence import Evidence
from innerloop.render import captions
from innerloop.render.accuracy import accuracies, accuracy_table, with_raw_pixels
from innerloop.render.tabulation import Tabulation, not_measured

TITLE = "Table 2: accuracy on new data sets"
READS = ("accuracy",)

PROTOCOL = "p1"
KEYS = ["Tested on", "Method"]


def tabulate(evidence: Evidence) -> Tabulation:
    """Blocks of evaluation data sets, methods by settings, baselines under a rule."""
    study = evidence.study
    home = study.home(PROTOCOL)
    trained = accuracies(evidence, protocol=PROTOCOL, train_dataset=home, split="test")
    trained = trained[trained["eval_dataset"] != home]
    if trained.empty:
        return not_measured("accuracy of P1's models on other data sets", KEYS)
    together = with_raw_pixels(trained, evidence)
    blocks = [
        together[together["eval_dataset"] == dataset]
        for dataset in study.in_paper_order(trained["eval_dataset"])
    ]
    summary = pd.concat(blocks).rename(columns={"method": "Method"})
    summary["Tested on"] = [study.dataset_label(name) for name in summary["eval_dataset"]]
    return accuracy_table(
        summary,
        study,
        KEYS,
        f"Accuracy on data sets that the models, trained on {study.dataset_label(home)}, have "
        "never seen.",
        "Baselines without meta-learning are below the rule of each block.",
        captions.stand_ins(study, summary),
    )
