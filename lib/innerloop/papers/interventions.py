"""What interventions cost: paired differences on the same tasks, and their caption sentences."""

from __future__ import annotations

import pandas as pd

from innerloop.measurements.described_study import DescribedStudy
from innerloop.measurements.evidence import Evidence
from innerloop.render import captions
from innerloop.stats.summaries import summarise

#: Columns that say which model was measured on what, except for its seed.
MODEL = ["protocol", "variant", "train_dataset", "setting", "eval_dataset", "iteration", "steps"]
GROUP = [*MODEL, "intervention", "layer"]
#: Columns that identify an adaptation, to which several interventions are applied.
PAIR = [*MODEL, "checkpoint", "seed", "episode"]

#: Labels of interventions; {} is the layer.
WORDS = {
    "everything": "everything adapts",
    "nothing": "nothing adapts",
    "frozen": "{} frozen",
    "only": "only {} adapts",
    "frozen_up_to": "frozen up to {}",
    "only_weight": "only the weight of {} adapts",
    "norm_frozen": "gamma and beta frozen",
    "prototypes": "nearest class mean instead of the head",
    "prototypes_of_slow": "nearest class mean, nothing adapts",
    "step_sizes_halved": "step sizes × 1/2",
    "step_sizes_doubled": "step sizes × 2",
    "step_sizes_tripled": "step sizes × 3",
    "step_sizes_clamped": "negative step sizes at 0",
    "step_sizes_absolute": "step sizes without their sign",
    "step_sizes_flipped": "step sizes with the other sign",
    "step_sizes_shuffled": "step sizes shuffled within tensors",
    "step_sizes_mean": "step sizes at their tensor's mean",
    "step_sizes_at_start": "step sizes as before training",
    "step_sizes_swapped": "means of last body layer and head swapped",
    "another_task": "adapted to another task",
    "another_task_of_same_classes": "adapted to other images of the classes",
    "another_task_of_other_classes": "adapted to other classes",
    "labels_permuted": "mean over orders of the classes",
}


def in_words(intervention: str, layer: str) -> str:
    """An intervention in words, as `conv4 frozen`."""
    return WORDS[intervention].format(layer)


def differences(evidence: Evidence, **equal: object) -> pd.DataFrame:
    """Rows of the table `interventions`, each with the accuracy that it loses.

    Args:
        evidence: the study's measurements.
        equal: columns and the values they must have, for example `checkpoint`.

    Returns:
        The rows with a column `worth`: accuracy of the same model on the same task where everything
        adapts, minus that of the row; a fraction, NaN where one of the two diverged.
    """
    rows = evidence.rows("interventions", **equal)
    whole = rows.loc[rows["intervention"] == "everything", [*PAIR, "accuracy"]]
    paired = rows.merge(whole, on=PAIR, suffixes=("", "_of_everything"), validate="many_to_one")
    return paired.assign(worth=paired["accuracy_of_everything"] - paired["accuracy"])


def worth_by_protocol(evidence: Evidence, checkpoint: str) -> dict[str, pd.DataFrame]:
    """Mean worth with intervals over tasks, of each protocol's models on their own data set.

    Returns:
        One row per combination of `GROUP`, with the columns of `summarise`, in points; only for
        protocols that have any.
    """
    found = {name: _worth(evidence, name, checkpoint) for name in evidence.study.protocols}
    return {name: summary for name, summary in found.items() if not summary.empty}


def _worth(evidence: Evidence, protocol: str, checkpoint: str) -> pd.DataFrame:
    study = evidence.study
    home = study.home(protocol)
    rows = differences(
        evidence, protocol=protocol, checkpoint=checkpoint, setting=study.main_setting(protocol),
        train_dataset=home, eval_dataset=home,
    )  # fmt: skip
    points = rows.assign(worth=100 * rows["worth"])
    return summarise(points, GROUP, "worth", study.statistics, single=True)


def method_sentences(evidence: Evidence, summary: pd.DataFrame) -> str:
    """Caption sentences on how the values were measured: counts, population, missing values."""
    study: DescribedStudy = evidence.study
    whole = summary[summary["intervention"] == "everything"].set_index(MODEL)["missing"]
    # tasks on which full adaptation diverges have no difference at all, and are reported once
    more = summary["missing"].to_numpy() > whole.reindex(summary.set_index(MODEL).index).to_numpy()
    said = summary[more | (summary["intervention"] == "everything")]
    labels = said.assign(
        variant=[*map(study.label, said["variant"], said["protocol"])],
        adaptation=[*map(in_words, said["intervention"], said["layer"])],
    )
    return captions.join(
        "Paired differences on the same test tasks;",
        captions.over_tasks(study.statistics, summary),
        "Other trainings or other classes may differ by more than these intervals.",
        captions.missing_values(labels, "adaptation", "because adaptation diverged"),
        captions.stand_ins(study, summary),
    )
