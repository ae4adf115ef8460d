"""Whether other measures of similarity see the same layers change as CKA does."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
from matplotlib.axes import Axes

from innerloop.measurements.evidence import Evidence
from innerloop.measurements.selection import after_steps
from innerloop.papers.p1.cka import draw_profile
from innerloop.render import captions
from innerloop.render.drawing import Drawing, not_measured
from innerloop.render.style import (
    DOTTED,
    legend_below,
    looks_in,
    panels,
    say_not_measured,
    theme,
    variant_looks,
)
from innerloop.stats.summaries import summarise

TITLE = "CKA beside other measures of similarity"
READS = ("other_similarities", "cka")

#: Each measure and what its panels are called.
MEASURES = {
    "cka": "debiased CKA",
    "procrustes": "Procrustes",
    "neighbours": "shared neighbours",
}
GROUP = ["protocol", "variant", "layer", "measure", "pairing"]


@theme()
def draw(evidence: Evidence) -> Drawing:
    """Similarity before and after adaptation: a row per protocol, a column per measure."""
    study = evidence.study
    found = {protocol: _summary(evidence, protocol) for protocol in study.protocols}
    measured = {protocol: summary for protocol, summary in found.items() if not summary.empty}
    if not measured:
        return not_measured("similarities other than CKA")
    every = pd.concat(measured.values(), ignore_index=True)
    figure, axes = panels(len(measured), len(MEASURES), (2.6, 2.3), sharex="row", sharey=True)
    for row, (protocol, summary) in zip(axes, measured.items(), strict=True):
        row[0].set_ylabel(f"{protocol.upper()}\nsimilarity" if len(measured) > 1 else "similarity")
        for panel, (measure, title) in zip(row, MEASURES.items(), strict=True):
            panel.set_title(title if row is axes[0] else "")
            _draw(panel, summary[summary["measure"] == measure], evidence, protocol)
    legend_below(figure, looks_in(study, measured))
    shuffled = every[(every["pairing"] == "shuffled") & (every["measure"] == "procrustes")]
    return Drawing(
        figure,
        captions.join(
            "Similarity of each layer's output before and after adaptation, on the query images of "
            f"one task, by three measures ({study.shown(*measured)}; 1: unchanged). Debiased CKA; "
            "Procrustes: how well a rotation and a scaling lay one onto the other; shared "
            f"neighbours: Jaccard index of each image's {_counts(evidence)} nearest images. All "
            "three are blind to rotation, scale and shift. Dotted: by chance, with the images of "
            "one side shuffled; CKA is debiased, so that of it this is about 0. Procrustes is not: "
            f"by chance it is up to {shuffled['mean'].max():.2f} here, above which alone it says "
            "anything.",
            _agreement(every),
            f"{captions.interval(study.statistics)};",
            captions.counted(every[every["measure"] != "cka"]),
            "They speak of these models on these test classes.",
            captions.stand_ins(study, evidence.rows("other_similarities")),
        ),
        "Line plots of similarity against the layers, conv1 to head, one line per method: debiased "
        "CKA, Procrustes and shared neighbours side by side; dotted lines for chance.",
    )


def _summary(evidence: Evidence, protocol: str) -> pd.DataFrame:
    """Means of each measure after each variant's own steps; nothing without the others of CKA."""
    others = _rows(evidence, "other_similarities", protocol)
    if others.empty:
        return others
    cka = _rows(evidence, "cka", protocol)
    cka = cka[cka["estimator"] == "debiased"].assign(measure="cka", pairing="same")
    text = dict.fromkeys(GROUP, str)
    rows = pd.concat([others.astype(text), cka.astype(text)], ignore_index=True)
    return summarise(rows, GROUP, "similarity", evidence.study.statistics)


def _rows(evidence: Evidence, table: str, protocol: str) -> pd.DataFrame:
    rows = evidence.trained(table, protocol)
    return after_steps(rows[rows["checkpoint"] == "last"], evidence.study)


def _draw(panel: Axes, rows: pd.DataFrame, evidence: Evidence, protocol: str) -> None:
    if rows.empty:
        say_not_measured(panel)
        return
    for name, look in variant_looks(evidence.study, protocol).items():
        for pairing, drawn in (("same", look), ("shuffled", replace(look, dashes=DOTTED))):
            curve = rows[(rows["variant"] == name) & (rows["pairing"] == pairing)]
            if not curve.empty:
                draw_profile(panel, [(drawn, curve)])
    panel.tick_params(axis="x", labelrotation=45)


def _counts(evidence: Evidence) -> str:
    counts = evidence.rows("other_similarities", measure="neighbours")["neighbours"].unique()
    return " or ".join(map(str, sorted(counts)))


def _agreement(every: pd.DataFrame) -> str:
    """In how many models the measures name the same layer as the most changed."""
    same = every[every["pairing"] == "same"].dropna(subset="mean")
    least = same.loc[same.groupby(["protocol", "variant", "measure"])["mean"].idxmin()]
    by_model = least.groupby(["protocol", "variant"])["layer"]
    named = by_model.agg(set)[by_model.size() == len(MEASURES)]
    agree = sum(len(layers) == 1 for layers in named)
    return (
        f"All three name the same layer as the most changed under {agree} of {len(named)} methods."
        if len(named)
        else ""
    )
