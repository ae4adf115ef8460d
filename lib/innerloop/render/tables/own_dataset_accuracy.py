"""Accuracy of all models that Tables 1 and 2 of P1 leave out, on the data they were trained on."""

from __future__ import annotations

import pandas as pd

from innerloop.render.accuracy import Accuracies, accuracies
from innerloop.render.tabulation import Tabulation, not_measured
from innerloop.tables.evidence import Evidence

KEYS = ["Protocol", "Trained and tested on", "Split", "Method"]


def tabulate(evidence: Evidence) -> Tabulation:
    """P1's models of other data sets, then the models of every other protocol."""
    study = evidence.study
    summary = accuracies(evidence, split=["val", "test"]).summary.astype(
        {"protocol": str, "train_dataset": str, "eval_dataset": str, "split": str}
    )
    home = study.in_role("mini_imagenet")
    own = summary["train_dataset"] == summary["eval_dataset"]
    in_table1 = (summary["protocol"] == "p1") & (summary["train_dataset"] == home)
    hidden_validation = (summary["protocol"] == "p1") & (summary["split"] == "val")
    summary = summary[own & ~in_table1 & ~hidden_validation]
    if summary.empty:
        return not_measured("accuracy of models beyond P1's Tables 1 and 2", KEYS)
    blocks = [
        summary[
            (summary["protocol"] == protocol)
            & (summary["train_dataset"] == dataset)
            & (summary["split"] == split)
        ]
        for protocol in study.protocols
        for dataset in study.in_paper_order(summary["train_dataset"])
        for split in ("val", "test")
    ]
    summary = pd.concat(blocks).rename(columns={"method": "Method"})
    summary["Protocol"] = [name.upper() for name in summary["protocol"]]
    summary["Trained and tested on"] = [study.dataset_label(d) for d in summary["eval_dataset"]]
    summary["Split"] = summary["split"].map({"val": "validation", "test": "test"})
    return Accuracies(summary, study).table(
        KEYS,
        "Accuracy of the remaining models, each on tasks of the data set it was trained on.",
        study.stand_ins("mini_imagenet", "cub", "fc100"),
    )
