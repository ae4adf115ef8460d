"""Accuracy of models in other settings than they were trained in."""

from __future__ import annotations

from innerloop.measurements.evidence import Evidence
from innerloop.render import captions
from innerloop.render.tabulation import (
    MISSING,
    MODEL_COLUMNS,
    Tabulation,
    models_shown,
    not_measured,
    plus_minus,
)
from innerloop.specs.setting import setting_label
from innerloop.stats.summaries import summarise

TITLE = "Accuracy in other settings than trained in"
READS = ("other_settings",)

#: Columns that identify a row (a model on a data set), and a column (a setting tested in).
ROW, COLUMN = [*MODEL_COLUMNS], ["tested_way", "tested_shot"]


def tabulate(evidence: Evidence) -> Tabulation:
    """One row per variant, setting trained in and data set, one column per setting tested in."""
    study, rows = evidence.study, evidence.rows("other_settings", split="test")
    if rows.empty:
        return not_measured("accuracy in other settings", [*MODEL_COLUMNS.values()])
    rows = rows.astype(dict.fromkeys(rows.select_dtypes("category").columns, str))
    summary = summarise(rows, [*ROW, *COLUMN], "accuracy", study.statistics)
    summary[["mean", "low", "high", "half_width", "seed_sd", "seed_half_width"]] *= 100
    models, same = models_shown(summary.drop_duplicates(ROW), study, setting="Trained in")
    cells = {
        (*row, way, shot): plus_minus(mean, half)
        for *row, way, shot, mean, half in summary[
            [*ROW, *COLUMN, "mean", "half_width"]
        ].itertuples(index=False, name=None)
    }
    places = [*summary.drop_duplicates(ROW)[ROW].itertuples(index=False, name=None)]
    tested = {
        setting_label(way, shot): [cells.get((*place, way, shot), MISSING) for place in places]
        for way, shot in sorted({*zip(summary["tested_way"], summary["tested_shot"], strict=True)})
    }
    return Tabulation(
        summary,
        models.assign(**tested),
        captions.join(
            "Accuracy on the query images after adaptation, in percent, by the setting of the test "
            f"tasks: {captions.interval(study.statistics)}, for these models, at the checkpoint "
            "that is best on validation tasks of the setting that a model was trained in. Tasks "
            "with the same number have the same classes in all settings with as many ways.",
            captions.counted(summary),
            same,
            captions.stand_ins(study, summary),
        ),
    )
