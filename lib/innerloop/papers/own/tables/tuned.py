"""Every method at its best: chosen on validation classes, reported on test classes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from innerloop.measurements.described_study import DescribedStudy, Sweep
from innerloop.measurements.evidence import Evidence
from innerloop.measurements.selection import validated
from innerloop.render import captions
from innerloop.render.accuracy import accuracies
from innerloop.render.tabulation import Tabulation, not_measured, plus_minus, rules_between
from innerloop.specs.setting import setting_label

TITLE = "Methods at their best"
READS = ("sweeps", "accuracy", "training")

KEYS = ["train_dataset", "way", "shot"]
HEADER = ["Protocol", "Trained on", "Setting", "Tested on", "Method", "As printed", "Tuned"]
HEADER += ["Chosen", "Points"]


def tabulate(evidence: Evidence) -> Tabulation:
    """One row per method and place: its accuracy with the protocol's choices, and at its best."""
    names = ["protocol", "variant", "train_dataset", "eval_dataset"]
    summary = accuracies(evidence, split="test").astype(dict.fromkeys(names, str))
    best_first = validated(evidence.rows("training", split="val"))
    rows = [
        row
        for sweep in evidence.study.sweeps
        if sweep.choose
        for row in _rows(sweep, summary, best_first)
    ]
    if not rows:
        return not_measured("points of grids that validation accuracy chooses", HEADER)
    frame = pd.DataFrame(rows)
    order = ["protocol", *KEYS, "eval_dataset"]
    frame = frame.sort_values(order, kind="stable").reset_index(drop=True)
    study = evidence.study
    printed = [_printed(row, study) for row in frame.to_dict("records")]
    display = pd.DataFrame(printed, columns=HEADER)
    return Tabulation(
        frame,
        display,
        captions.join(
            "Each method at the point of its grid with the highest accuracy on validation tasks, "
            "averaged over seeds, at the checkpoint that these tasks choose; all methods of a "
            "protocol have grids of the same size. Accuracy is on test tasks, whose classes played "
            "no part in any choice, in percent: mean ± half-width of the "
            f"{captions.percent(study.statistics.level)} interval over tasks "
            f"({captions.recipe(study.statistics)}). As printed: the variant named after the "
            "method, as its protocol has it.",
            captions.counted(summary[summary["variant"].isin({*frame["variant"]})]),
            captions.stand_ins(study, frame),
        ),
        rules_between(frame[order].itertuples(index=False)),
        finding=_finding(display),
    )


def _finding(display: pd.DataFrame) -> str:
    """The finding: the accuracy at the best point of each method in the first place."""
    place = ["Protocol", "Trained on", "Setting"]
    home = display[display["Trained on"] == display["Tested on"]]
    if home.empty:
        return ""
    first = home.iloc[0]
    here = home[(home[place] == first[place]).all(axis=1)].to_dict("records")
    said = (f"{row['Method']} {row['Tuned']} % ({row['Chosen']})" for row in here)
    return (
        f"Each method's test accuracy on {first['Trained on']}, {first['Setting']}, at the point "
        f"of its grid that validation tasks choose: {', '.join(said)}."
    )


def _rows(
    sweep: Sweep, summary: pd.DataFrame, best_first: pd.DataFrame
) -> Iterator[dict[str, Any]]:
    own = best_first["variant"].isin([*sweep.points])
    points = best_first[(best_first["protocol"] == sweep.protocol) & own]
    tested = summary[summary["protocol"] == sweep.protocol]
    for place, here in points.groupby(KEYS, sort=False):
        chosen = here.iloc[0]
        at = tested[(tested[KEYS] == list(place)).all(axis=1)]
        printed = at[at["variant"] == sweep.method].set_index("eval_dataset")
        for row in at[at["variant"] == chosen["variant"]].to_dict("records"):
            plain = printed[printed.index == row["eval_dataset"]]
            yield {
                **{name: row[name] for name in ("protocol", *KEYS, "eval_dataset", "variant")},
                "sweep": sweep.name,
                "points": len(here),
                "validation": 100 * chosen["validation"],
                "tuned": row["mean"],
                "tuned_half_width": row["half_width"],
                "as_printed": plain["mean"].mean(),
                "as_printed_half_width": plain["half_width"].mean(),
                "seeds": row["seeds"],
                **sweep.points[chosen["variant"]],
            }


def _printed(row: Mapping[Any, Any], study: DescribedStudy) -> list[str]:
    places = ((sweep.protocol, sweep.name) for sweep in study.sweeps)
    sweep = dict(zip(places, study.sweeps, strict=True))[row["protocol"], row["sweep"]]
    return [
        study.protocol_label(row["protocol"]),
        study.dataset_label(row["train_dataset"]),
        setting_label(row["way"], row["shot"]),
        study.dataset_label(row["eval_dataset"]),
        study.sweep_label(sweep),
        plus_minus(row["as_printed"], row["as_printed_half_width"]),
        plus_minus(row["tuned"], row["tuned_half_width"]),
        sweep.in_words(row["variant"]),
        str(row["points"]),
    ]
