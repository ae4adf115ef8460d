"""Accuracy of every model of the study, with the choices in which its variants differ."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from innerloop.measurements.described_study import DescribedStudy
from innerloop.measurements.evidence import Evidence
from innerloop.render import captions
from innerloop.render.accuracy import accuracies, accuracy_table
from innerloop.render.tabulation import Tabulation, not_measured, plus_minus
from innerloop.specs.setting import setting_label

TITLE = "Accuracy of every model"
READS = ("accuracy",)

#: Columns that say where a model was trained and tested; constant ones move to the caption.
PLACES = {"Protocol": "protocol", "Trained on": "train_dataset", "Tested on": "eval_dataset"}


def tabulate(evidence: Evidence) -> Tabulation:
    """One row per variant and place, one column per setting, and one per choice that differs."""
    study = evidence.study
    found = accuracies(evidence, split="test", protocol=[*study.protocols])
    if found.empty:
        return not_measured("accuracy on test tasks", ["Method"])
    summary = found.astype(dict.fromkeys(PLACES.values(), str))
    summary["Protocol"] = [*map(study.protocol_label, summary["protocol"])]
    for column in ("Trained on", "Tested on"):
        summary[column] = [study.dataset_label(name) for name in summary[PLACES[column]]]
    summary = _in_order(summary.rename(columns={"method": "Method"}), evidence)
    same = [name for name in PLACES if len(summary[name].unique()) == 1]
    blocks = [name for name in PLACES if name not in same]
    everywhere = ", ".join(f"{name.lower()} {summary[name].iloc[0]}" for name in same)
    columns = {}
    for key, values in study.told_apart().items():
        name = key.replace("_", " ").capitalize()
        pairs = zip(summary["protocol"], summary["variant"].astype(str), strict=True)
        columns[name] = [values.get(pair, "–") for pair in pairs]
    summary = summary.assign(**columns)
    table = accuracy_table(
        summary,
        study,
        [*blocks, "Method", *columns],
        "Accuracy of every model on test tasks.",
        f"In all rows: {everywhere}." if same else "",
        captions.stand_ins(study, summary),
        blocks=blocks,
    )
    return replace(table, finding=_finding(summary, study))


def _in_order(summary: pd.DataFrame, evidence: Evidence) -> pd.DataFrame:
    """Sort by protocol and data sets, in the study's order."""
    study = evidence.study
    trained = [*dict.fromkeys(model.dataset for model in study.models)]
    elsewhere = study.in_paper_order(set(summary["eval_dataset"]) - set(trained))
    order = {
        "protocol": study.protocols,
        "train_dataset": trained,
        "eval_dataset": [*trained, *elsewhere],
    }
    ranks = {
        f"rank {name}": summary[name].map({value: rank for rank, value in enumerate(values)})
        for name, values in order.items()
    }
    ranked = summary.assign(**ranks).sort_values([*ranks], kind="stable")
    return ranked.drop(columns=[*ranks])


def _finding(summary: pd.DataFrame, study: DescribedStudy) -> str:
    """The finding: the best and worst variant of the first place, on their training data set."""
    home = summary["train_dataset"] == summary["eval_dataset"]
    rows = summary[home & ~summary["baseline"]]
    if rows.empty:
        return ""
    place = ["protocol", "train_dataset", "way", "shot"]
    rows = rows[(rows[place] == rows[place].iloc[0]).all(axis=1)]
    ranked = rows.sort_values("mean", ascending=False, kind="stable")
    best, worst = ranked.iloc[0], ranked.iloc[-1]
    where = f"{best['Tested on']}, {setting_label(best['way'], best['shot'])}"
    if len(study.protocols) > 1:
        where += f", under protocol {best['Protocol']}"
    if len(ranked) == 1:
        shown = f"{best['Method']} {plus_minus(best['mean'], best['half_width'])} %"
        return f"Test accuracy on {where}: {shown}."
    told = "the highest differs" if best["best"] else "no method is shown to differ"
    told = f"{told} from all others as a method"
    if ranked["seeds"].max() == 1:
        told = "one training of each cannot rank methods"
    low = f"{plus_minus(worst['mean'], worst['half_width'])} % ({worst['Method']})"
    high = f"{plus_minus(best['mean'], best['half_width'])} % ({best['Method']})"
    return (
        f"On {where}, the test accuracy of {len(ranked)} trained variants ranges from {low} to "
        f"{high}, with {captions.percent(study.statistics.level)} intervals over "
        f"{captions.span(ranked['n'])} tasks; {told}."
    )
