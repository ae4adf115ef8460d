"""P2, Section 5.1: accuracy on validation and test tasks."""

from __future__ import annotations

from innerloop.measurements.evidence import Evidence
from innerloop.render import captions
from innerloop.render.accuracy import accuracies, accuracy_table
from innerloop.render.tabulation import Tabulation, not_measured

TITLE = "Section 5.1: accuracy"
READS = ("accuracy",)

PROTOCOL = "p2"
SPLITS = {"val": "validation", "test": "test"}
KEYS = ["Split", "Method"]


def tabulate(evidence: Evidence) -> Tabulation:
    """Blocks of splits, methods by settings; the paper prints validation accuracy."""
    study = evidence.study
    home = study.home(PROTOCOL)
    summary = accuracies(
        evidence, protocol=PROTOCOL, train_dataset=home, eval_dataset=home, split=[*SPLITS]
    )
    if summary.empty:
        return not_measured("accuracy of P2's models", KEYS)
    ranked = summary.assign(rank=summary["split"].astype(str).map([*SPLITS].index))
    summary = ranked.sort_values("rank", kind="stable").drop(columns="rank")
    summary["Split"] = summary["split"].astype(str).map(SPLITS)
    return accuracy_table(
        summary.rename(columns={"method": "Method"}),
        study,
        KEYS,
        f"Accuracy on {study.dataset_label(home)}, trained and tested on it.",
        captions.stand_ins(study, summary),
    )
