"""How adaptation changes nearest-prototype accuracy: P2's probe (Section 5.3) and its t-test.

The paper prints p = 0.00044 for "a t-test comparing the relative changes between on-task and
off-task performance" and no recipe. Here every change is paired: the accuracy after adaptation
minus the accuracy before it, on the very same task.
"""

from __future__ import annotations

import pandas as pd

from innerloop.stats.t_tests import TTest, paired_difference, welch

#: The name of each change -> the two conditions whose accuracies are subtracted.
CHANGES = {
    "on_task": ("on_task", "pre_adaptation"),
    "off_task": ("off_task", "pre_adaptation_off_task"),
}


def changes(protonet: pd.DataFrame) -> pd.DataFrame:
    """Changes in accuracy by adaptation, one row per episode.

    Args:
        protonet: rows of the table `protonet` of one variant, measured under one protocol. With
            several seeds the accuracies of an episode are averaged over them first.

    Returns:
        Indexed by episode: `on_task` (on - pre, on the task adapted to), `off_task` (off - pre, on
        another task) and `relative` (off_task - on_task, P2's d). Fractions, NaN where a condition
        is missing, or one seed's accuracy.
    """
    grouped = protonet.groupby(["episode", "condition"], observed=True)["accuracy"]
    # if a seed has no number, neither has the mean: it would be about other models
    mean = grouped.mean().where(grouped.count() == grouped.size())
    accuracy = mean.unstack("condition").reindex(  # noqa: PD010
        columns=[condition for pair in CHANGES.values() for condition in pair]
    )
    result = pd.DataFrame(
        {name: accuracy[after] - accuracy[before] for name, (after, before) in CHANGES.items()}
    )
    result["relative"] = result["off_task"] - result["on_task"]
    return result


def changes_by_training(protonet: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Each of `changes` by episode and training, [N, S]; empty if there are no rows."""
    of_trainings = {seed: changes(rows) for seed, rows in protonet.groupby("seed", observed=True)}
    return {
        change: pd.DataFrame({seed: changed[change] for seed, changed in of_trainings.items()})
        for change in (*CHANGES, "relative")
    }


def between_models(a: pd.DataFrame, b: pd.DataFrame, level: float = 0.95) -> dict[str, TTest]:
    """Tests of the relative change of model a minus that of model b.

    Returns:
        `paired`: Student's t on the episodes both were measured on; `welch`: as if the episodes
        were independent, which is perhaps what P2 did.
    """
    return {
        "paired": paired_difference(a["relative"], b["relative"], level),
        "welch": welch(a["relative"], b["relative"], level),
    }
