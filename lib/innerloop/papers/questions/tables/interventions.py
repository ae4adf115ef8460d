"""What each intervention on adaptation costs, in percentage points."""

from __future__ import annotations

from innerloop.measurements.evidence import Evidence
from innerloop.measurements.layers import layers_in_order
from innerloop.papers import interventions as changed
from innerloop.render import captions
from innerloop.render.tabulation import (
    MODEL_COLUMNS,
    Tabulation,
    models_shown,
    not_measured,
    plus_minus,
    rules_between,
)
from innerloop.stats.summaries import summarise

TITLE = "What each change is worth"
READS = ("interventions",)

HEADER = [*MODEL_COLUMNS.values(), "Adaptation", "Accuracy", "Points", "Tasks"]


def tabulate(evidence: Evidence) -> Tabulation:
    """Accuracy under each intervention, and its difference to that where everything adapts."""
    study = evidence.study
    rows = changed.differences(evidence, checkpoint="last")
    if rows.empty:
        return not_measured("interventions on adaptation", HEADER)
    text = dict.fromkeys(["intervention", "layer", *set(MODEL_COLUMNS) - {"steps"}], str)
    rows = rows.assign(points=-100 * rows["worth"], percent=100 * rows["accuracy"]).astype(text)
    points, percent = (
        summarise(rows, changed.GROUP, value, study.statistics) for value in ("points", "percent")
    )
    points = points.assign(accuracy=percent["mean"], accuracy_half_width=percent["half_width"])
    ranked = points.assign(
        kind=points["intervention"].map([*changed.WORDS].index),
        place=points["layer"].map(layers_in_order(rows["layer"]).index),
        model=points.groupby([*MODEL_COLUMNS], sort=False).ngroup(),
    ).sort_values(["model", "kind", "place"], kind="stable")
    points = ranked.drop(columns=["kind", "place", "model"])
    models, everywhere = models_shown(points, study)
    printed = models.assign(
        **{
            "Adaptation": [
                changed.in_words(name, layer)
                for name, layer in zip(points["intervention"], points["layer"], strict=True)
            ],
            "Accuracy": [
                plus_minus(mean, half)
                for mean, half in zip(
                    points["accuracy"], points["accuracy_half_width"], strict=True
                )
            ],
            "Points": [
                plus_minus(mean, half, sign=True) if name != "everything" else ""
                for mean, half, name in zip(
                    points["mean"], points["half_width"], points["intervention"], strict=True
                )
            ],
            "Tasks": [f"{n:,}" for n in points["n"]],
        }
    )
    return Tabulation(
        points,
        printed,
        captions.join(
            "Accuracy in percent when adaptation is changed at test time, and the difference in "
            "percentage points from the same model on the same tasks when everything adapts. A "
            "frozen layer keeps its slow weights while the others adapt.",
            everywhere,
            changed.method_sentences(evidence, points),
        ),
        rules_between(ranked["model"]),
    )
