"""P2, Table 1: mean and standard deviation of the learned step sizes of each layer."""

from __future__ import annotations

import pandas as pd

from innerloop.measurements.described_study import DescribedStudy
from innerloop.measurements.evidence import Evidence
from innerloop.measurements.layers import layers_in_order
from innerloop.measurements.selection import at_end
from innerloop.measurements.step_sizes import learned, unmoved
from innerloop.papers.p2 import step_sizes
from innerloop.render import captions
from innerloop.render.tabulation import Tabulation, not_measured, number, rules_between

TITLE = "Table 1: learned step sizes"
READS = ("step_size",)

PROTOCOL = "p2"
METHOD = "meta_sgd"
PARAMETERS = ("weight", "bias", "gamma", "beta")
HEADER = ["Method", "Layer", "Parameter", "Mean", "Std. dev.", "Negative (%)", "Step sizes"]


def tabulate(evidence: Evidence) -> Tabulation:
    """Weights first, as in the paper; below the rule γ, β and the head's bias."""
    study = evidence.study
    rows = evidence.trained("step_size", PROTOCOL)
    if rows.empty:
        return not_measured("learned step sizes of P2's models", HEADER)
    last = at_end(learned(rows))
    numbers = _over_seeds(last)
    several = bool((numbers["seeds"] > 1).any())
    printed = pd.DataFrame(
        {
            "Method": [study.label(name, PROTOCOL) for name in numbers["variant"]],
            "Layer": numbers["layer"],
            "Parameter": numbers["parameter"],
            "Mean": [number(value, 3) for value in numbers["mean"]],
            "Std. dev.": [number(value, 3) for value in numbers["sd"]],
            "Negative (%)": [number(100 * value, 1) for value in numbers["share_negative"]],
            "Step sizes": [f"{count:,}" for count in numbers["count"]],
        }
    )
    if several:
        printed.insert(4, "Mean, seed sd", [number(value, 3) for value in numbers["seed_sd"]])
    seeds = captions.span(numbers["seeds"])
    return Tabulation(
        numbers,
        printed,
        captions.join(
            f"Learned inner step sizes after {step_sizes.iterations(study, PROTOCOL, last)} "
            f"({study.shown(PROTOCOL)}). The paper's statistics are over the weights; its "
            "LOGITS is the head.",
            step_sizes.learned(study, PROTOCOL, last),
            step_sizes.start(study, PROTOCOL, last),
            unmoved(rows),
            f"Means over {seeds} seeds." if several else "One seed.",
            captions.stand_ins(study, rows),
        ),
        rules_between(numbers["parameter"] == "weight"),
        finding=_finding(numbers, study),
    )


def _finding(numbers: pd.DataFrame, study: DescribedStudy) -> str:
    """The finding: the share of negative step sizes, which P2 says are the majority."""
    rows = numbers[(numbers["variant"] == METHOD) & (numbers["parameter"] == "weight")]
    if rows.empty:
        return ""
    share = 100 * (rows["share_negative"] * rows["count"]).sum() / rows["count"].sum()
    method = study.label(METHOD, PROTOCOL)
    return (
        f"{number(share, 1)} % of {method}'s learned step sizes are negative at the end of "
        "training; P2 reports that most are."
    )


def _over_seeds(rows: pd.DataFrame) -> pd.DataFrame:
    keys = ["variant", "layer", "parameter"]
    grouped = rows.astype(dict.fromkeys(keys, str)).groupby(keys)
    numbers = grouped.agg(
        mean=("mean", "mean"),
        seed_sd=("mean", "std"),
        sd=("sd", "mean"),
        share_negative=("share_negative", "mean"),
        count=("count", "first"),
        seeds=("seed", "nunique"),
    )
    order = [
        (variant, layer, parameter)
        for variant in rows["variant"].unique()
        for weights in (True, False)
        for layer in layers_in_order(rows["layer"])
        for parameter in PARAMETERS
        if (parameter == "weight") == weights
    ]
    return numbers.reindex([key for key in order if key in numbers.index]).reset_index()
