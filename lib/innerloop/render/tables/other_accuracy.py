"""Accuracy of all models that Tables 1 and 2 of P1 leave out, wherever they were measured."""

from __future__ import annotations

import pandas as pd

from innerloop.measurements.evidence import Evidence
from innerloop.render import captions
from innerloop.render.accuracy import Accuracies, accuracies
from innerloop.render.tabulation import Tabulation, not_measured

KEYS = ["Protocol", "Trained on", "Tested on", "Split", "Method"]


def tabulate(evidence: Evidence) -> Tabulation:
    """P1's models of other data sets, then the models of every other protocol."""
    study = evidence.study
    summary = accuracies(evidence, split=["val", "test"]).summary.astype(
        {"protocol": str, "train_dataset": str, "eval_dataset": str, "split": str}
    )
    home = study.in_role("mini_imagenet")
    in_tables = (summary["protocol"] == "p1") & (summary["train_dataset"] == home)
    hidden_validation = (summary["protocol"] == "p1") & (summary["split"] == "val")
    summary = summary[~in_tables & ~hidden_validation]
    blocks = [
        summary[
            (summary["protocol"] == protocol)
            & (summary["train_dataset"] == trained)
            & (summary["eval_dataset"] == tested)
            & (summary["split"] == split)
        ]
        for protocol in study.protocols
        for trained in study.in_paper_order(summary["train_dataset"])
        for tested in study.in_paper_order(summary["eval_dataset"])
        for split in ("val", "test")
    ]
    summary = pd.concat([summary.iloc[:0], *blocks]).rename(columns={"method": "Method"})
    if summary.empty:
        return not_measured("accuracy of models beyond P1's Tables 1 and 2", KEYS)
    summary["Protocol"] = [name.upper() for name in summary["protocol"]]
    for column, role in (("Trained on", "train_dataset"), ("Tested on", "eval_dataset")):
        summary[column] = [study.dataset_label(name) for name in summary[role]]
    summary["Split"] = summary["split"].map({"val": "validation", "test": "test"})
    return Accuracies(summary, study).table(
        KEYS,
        "Accuracy of the remaining models, on every data set that they were tested on.",
        captions.stand_ins(study, summary),
    )
