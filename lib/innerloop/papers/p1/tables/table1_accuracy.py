"""P1, Table 1: accuracy on the data set the models were trained on."""

from __future__ import annotations

from innerloop.measurements.evidence import Evidence
from innerloop.render import captions
from innerloop.render.accuracy import accuracies, accuracy_table, with_raw_pixels
from innerloop.render.tabulation import Tabulation, not_measured

TITLE = "Table 1: accuracy"
READS = ("accuracy",)

PROTOCOL = "p1"


def tabulate(evidence: Evidence) -> Tabulation:
    """Methods by settings, baselines under a rule."""
    study = evidence.study
    home = study.home(PROTOCOL)
    trained = accuracies(
        evidence, protocol=PROTOCOL, train_dataset=home, eval_dataset=home, split="test"
    )
    if trained.empty:
        return not_measured("accuracy of P1's models", ["Method"])
    together = with_raw_pixels(trained, evidence)
    return accuracy_table(
        together.rename(columns={"method": "Method"}),
        study,
        ["Method"],
        f"Accuracy on {study.dataset_label(home)}, trained and tested on it.",
        "Below the rule: baselines without meta-learning.",
        captions.stand_ins(study, together),
    )
