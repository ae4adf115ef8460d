"""P1, Figure 2: which layers adaptation changes, for each method."""

from __future__ import annotations

import pandas as pd

from innerloop.measurements.described_study import DescribedStudy
from innerloop.measurements.evidence import Evidence
from innerloop.papers.claims import DECIDES
from innerloop.papers.p1 import cka
from innerloop.render import captions
from innerloop.render.drawing import Drawing, not_measured
from innerloop.render.style import theme
from innerloop.render.tabulation import number

TITLE = "Figure 2: CKA per layer"
FULLER = "Figure 2, every method"
READS = ("cka",)

METHODS = ("maml", "scaled_lr", "unit_norm")

#: Also used by the other figures.
CKA = (
    "Linear CKA between the activations of slow and fast weights (end of each block; logits for "
    "the head) on the query images of one task; 1 means that adaptation changed nothing. The "
    "debiased estimator (U-statistic) is free of the bias that the paper's has on few images."
)


@theme()
def draw(evidence: Evidence) -> Drawing:
    """CKA per layer on test tasks of the data set the models were trained on."""
    study = evidence.study
    dataset = study.home(cka.PROTOCOL)
    made = cka.methods_figure(evidence, dataset)
    if made is None:
        return not_measured("CKA of P1's models")
    figure, drawn = made
    shown = study.shown(cka.PROTOCOL)
    return Drawing(
        figure,
        captions.join(
            f"Similarity of each layer before and after adaptation ({shown}).",
            "A low value means that the inner loop changed the layer; feature reuse is a line that "
            "stays at 1 and falls only at the head.",
            CKA,
            cka.method_sentences(evidence, drawn, "Last checkpoint, test tasks"),
            captions.stand_ins(study, drawn[0]),
        ),
        f"Line plots of CKA against the layers, conv1 to head, one line per method, {shown}; left "
        "biased, right debiased.",
        finding=_finding(drawn[0], study),
    )


def _finding(summary: pd.DataFrame, study: DescribedStudy) -> str:
    """Which layer adaptation changes most, under MAML and under P1's own two methods."""
    rows = summary[summary["estimator"] == DECIDES].dropna(subset="mean")
    said = []
    for name in METHODS:
        means = rows[rows["variant"] == name].set_index("layer")["mean"]
        if not means.empty:
            lowest = number(means.min(), 2)
            said.append((str(means.idxmin()), study.label(name, cka.PROTOCOL), lowest))
    if not said:
        return ""
    return (
        "The layer that adaptation changes most, by the similarity of its output before and after "
        f"(debiased CKA; 1: unchanged): {captions.by_layer(said)}."
    )
