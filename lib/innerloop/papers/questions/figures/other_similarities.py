"""Whether other measures of similarity see the same layers change as CKA does."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
from matplotlib.axes import Axes

from innerloop.measurements.evidence import Evidence
from innerloop.measurements.layers import layers_in_order
from innerloop.measurements.selection import after_steps
from innerloop.papers.p1.cka import draw_profile
from innerloop.render import captions
from innerloop.render.drawing import Drawing, not_measured
from innerloop.render.means import trainings_drawn
from innerloop.render.style import (
    DASH_DOTTED,
    DASHED,
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

#: Measure -> title of its panels.
MEASURES = {"cka": "debiased CKA", "procrustes": "Procrustes", "neighbours": "shared neighbours"}
GROUP = ["protocol", "variant", "layer", "measure", "pairing"]
#: References to compare a change with -> how their lines are drawn.
BANDS = {"two trainings": DASHED, "one inner step": DASH_DOTTED}


@theme()
def draw(evidence: Evidence) -> Drawing:
    """Similarity before and after adaptation: a row per protocol, a column per measure."""
    study = evidence.study
    found = {protocol: _summary(evidence, protocol) for protocol in study.protocols}
    measured = {protocol: summary for protocol, summary in found.items() if not summary.empty}
    if not measured:
        return not_measured("similarities other than CKA")
    every = pd.concat(measured.values(), ignore_index=True)
    bands = {protocol: _bands(evidence, protocol) for protocol in measured}
    figure, axes = panels(len(measured), len(MEASURES), (2.6, 2.3), sharex="row", sharey=True)
    for row, (protocol, summary) in zip(axes, measured.items(), strict=True):
        named = f"{study.protocol_label(protocol)}\n" if len(measured) > 1 else ""
        row[0].set_ylabel(f"{named}similarity")
        for panel, (measure, title) in zip(row, MEASURES.items(), strict=True):
            panel.set_title(title if row is axes[0] else "")
            _draw(panel, summary[summary["measure"] == measure], evidence, protocol)
            _draw_bands(panel, bands[protocol], measure)
    legend_below(figure, looks_in(study, measured))
    shuffled = every[(every["pairing"] == "shuffled") & (every["measure"] == "procrustes")]
    return Drawing(
        figure,
        captions.join(
            "Similarity of each layer's output before and after adaptation, on the query images of "
            f"one task, by three measures ({study.shown(*measured)}; 1: unchanged). Debiased CKA; "
            "Procrustes: how well a rotation and a scaling map one onto the other; shared "
            f"neighbours: Jaccard index of each image's {_counts(evidence)} nearest images. All "
            "three ignore rotation, scale and shift. Dotted: chance level, with the images of one "
            "side shuffled. It is about 0 for debiased CKA, but for Procrustes it is up to "
            f"{shuffled['mean'].max():.2f} here, and only values above it say "
            "anything.",
            _bands_in_words(pd.concat(bands.values())),
            _agreement(every),
            captions.over_tasks(study.statistics, every[every["measure"] != "cka"]),
            trainings_drawn(study, every),
            captions.stand_ins(study, evidence.rows("other_similarities")),
        ),
        "Line plots of similarity against the layers, conv1 to head, one line per method: debiased "
        "CKA, Procrustes and shared neighbours side by side; dotted lines for chance.",
    )


def _summary(evidence: Evidence, protocol: str) -> pd.DataFrame:
    """Means of each measure after each variant's own steps; empty without measures besides CKA."""
    rows = _rows(evidence, protocol)
    if rows.empty:
        return rows
    own = after_steps(rows[rows["pairing"] != "two_trainings"], evidence.study)
    return summarise(own, GROUP, "similarity", evidence.study.statistics, single=True)


def _bands(evidence: Evidence, protocol: str) -> pd.DataFrame:
    """Means over all models by measure and layer: of two trainings, and after one inner step."""
    rows = _rows(evidence, protocol)
    kept = {
        "two trainings": rows[rows["pairing"] == "two_trainings"],
        "one inner step": rows[(rows["pairing"] == "same") & (rows["steps"] == 1)],
    }
    found = pd.concat([part.assign(band=name) for name, part in kept.items()], ignore_index=True)
    means = found.groupby(["band", "measure", "layer"])["similarity"].mean()
    return means.rename("mean").reset_index()


def _rows(evidence: Evidence, protocol: str) -> pd.DataFrame:
    """The probe's rows, with those of debiased CKA if the probe has any."""
    others, cka = (evidence.trained(table, protocol) for table in READS)
    if others.empty:
        return others
    cka = cka[cka["estimator"] == "debiased"].assign(measure="cka", pairing="same")
    text = dict.fromkeys(GROUP, str)
    rows = pd.concat([others.astype(text), cka.astype(text)], ignore_index=True)
    return rows[rows["checkpoint"].astype(str) == "last"]


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


def _draw_bands(panel: Axes, bands: pd.DataFrame, measure: str) -> None:
    for name, dashes in BANDS.items():
        band = bands[(bands["band"] == name) & (bands["measure"] == measure)]
        if not band.empty:
            means = band.set_index("layer")["mean"]
            layers = layers_in_order(means.index)
            panel.plot(range(len(layers)), means[layers], color="0.5", linestyle=dashes, zorder=1)


def _bands_in_words(bands: pd.DataFrame) -> str:
    how = {
        "two trainings": "Grey, dashed: another training of the method beside its first one, "
        "before either adapts: how alike two networks are that were trained in the same way.",
        "one inner step": "Grey, dash-dotted: after one inner step.",
    }
    return captions.join(*(text for name, text in how.items() if name in set(bands["band"])))


def _counts(evidence: Evidence) -> str:
    counts = evidence.rows("other_similarities", measure="neighbours")["neighbours"].unique()
    return " or ".join(map(str, sorted(counts)))


def _agreement(every: pd.DataFrame) -> str:
    """A sentence on in how many models the measures agree on the most changed layer."""
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
