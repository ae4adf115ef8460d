"""What is each layer's change worth? Freezing at test time, under the CKA of the same layers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from innerloop.measurements.evidence import Evidence
from innerloop.measurements.layers import HEAD, layers_in_order
from innerloop.measurements.selection import after_steps
from innerloop.papers import interventions as changed
from innerloop.render import captions
from innerloop.render.drawing import Drawing, not_measured
from innerloop.render.means import draw_means, trainings_drawn
from innerloop.render.style import (
    DOTTED,
    Look,
    legend_below,
    looks_in,
    looks_shown,
    panels,
    say_not_measured,
    theme,
    titles_of,
    variant_looks,
)
from innerloop.render.tabulation import number
from innerloop.stats.summaries import summarise

TITLE = "What each layer's change is worth"
READS = ("interventions", "cka", "own_change")

#: How a layer's own change is drawn, beside its whole change.
OWN = {"linestyle": DOTTED, "markerfacecolor": "white", "linewidth": 0.9}
#: Parts shown beside the single layers -> the intervention that freezes each.
TOGETHER = {"body": ("only", HEAD), "all": ("nothing", "")}
#: Methods that the report's abstract names.
_NAMED = 4


@theme()
def draw(evidence: Evidence) -> Drawing:
    """CKA of each layer above, points lost by freezing it below; a column for each protocol."""
    study = evidence.study
    measured = changed.worth_by_protocol(evidence, "last")
    if not measured:
        return not_measured("interventions on adaptation")
    every = pd.concat(measured.values(), ignore_index=True)
    layers = layers_in_order(every.loc[every["intervention"] == "frozen", "layer"])
    figure, axes = panels(2, len(measured), (3.9, 2.5), sharex=True, sharey="row")
    titles = titles_of(figure, {name: study.protocol_title(name) for name in measured}, 3.4, 1)
    for above, below, (protocol, summary) in zip(*axes, measured.items(), strict=True):
        above.set_title(titles[protocol])
        similar = _similarities(evidence, protocol, summary)
        looks = variant_looks(study, protocol)
        places = [*layers, *TOGETHER]
        own = _own_changes(evidence, protocol)
        _draw(above, similar, places, looks)
        _draw(above, own, places, looks, **OWN)
        _draw(below, _frozen(summary), places, looks)
        if similar.empty and own.empty:
            say_not_measured(above)
        below.axhline(0, color="0.6", linewidth=0.8, zorder=0)
        below.axvline(len(layers) - 0.5, color="0.8", linewidth=0.8, zorder=0)
        below.set_xticks(range(len(places)), places)
        below.set_xlim(-0.5, len(places) - 0.5)
        below.set_xlabel("frozen")
    axes[0][0].set_ylabel("debiased CKA")
    axes[1][0].set_ylabel("points that its change is worth")
    legend_below(figure, looks_in(study, measured))
    return Drawing(
        figure,
        captions.join(
            f"What each layer's change is worth ({study.shown(*measured)}). Above: how similar the "
            "layer's output is before and after adaptation (1: unchanged); dotted, where measured: "
            "by its own change alone, with its input as before adaptation. Below: accuracy when "
            "everything adapts minus accuracy when the named layer is frozen and the others adapt, "
            "in percentage points; body: only the head adapts; all: nothing adapts. A layer may "
            "hardly change and still be worth much, and the output of the head also changes "
            "through the layers before it.",
            changed.method_sentences(evidence, every),
            trainings_drawn(study, every),
        ),
        "Two rows of plots on one axis of layers: above the CKA of each layer before and after "
        "adaptation, below the percentage points lost when it is frozen; one line per method.",
        finding=_finding(*next(iter(measured.items())), evidence),
    )


def _finding(protocol: str, summary: pd.DataFrame, evidence: Evidence) -> str:
    """The finding: for the protocol's first models, the layer that costs most if frozen."""
    frozen = summary[summary["intervention"] == "frozen"].dropna(subset="mean")
    said = []
    for name in [*looks_shown(variant_looks(evidence.study, protocol), frozen)][:_NAMED]:
        points = frozen[frozen["variant"] == name].set_index("layer")["mean"]
        lost = number(points.max(), 1)
        said.append((str(points.idxmax()), evidence.study.label(name, protocol), lost))
    return (
        "The layer whose adaptation is worth most, by the points of accuracy lost without it: "
        f"{captions.by_layer(said)}."
    )


def _frozen(summary: pd.DataFrame) -> pd.DataFrame:
    """The rows in which something is frozen, with the name of the frozen part."""
    frozen = summary[summary["intervention"] == "frozen"].assign(place=lambda rows: rows["layer"])
    together = [
        summary[(summary["intervention"] == name) & (summary["layer"] == layer)].assign(place=place)
        for place, (name, layer) in TOGETHER.items()
    ]
    return pd.concat([frozen.astype({"place": str}), *together])


def _similarities(evidence: Evidence, protocol: str, summary: pd.DataFrame) -> pd.DataFrame:
    """Debiased CKA of the same models on the same data set, after the same steps."""
    rows = _debiased(evidence, "cka", protocol)
    same = summary[["variant", "steps"]].drop_duplicates().astype({"variant": str})
    rows = rows.astype({"variant": str}).merge(same, on=["variant", "steps"])
    return _by_layer(evidence, rows)


def _own_changes(evidence: Evidence, protocol: str) -> pd.DataFrame:
    """The same with that layer alone adapted."""
    rows = _debiased(evidence, "own_change", protocol, change="own")
    return _by_layer(evidence, after_steps(rows, evidence.study))


def _debiased(evidence: Evidence, table: str, protocol: str, **equal: object) -> pd.DataFrame:
    study = evidence.study
    home = study.home(protocol)
    return evidence.rows(
        table, protocol=protocol, setting=study.main_setting(protocol), train_dataset=home,
        eval_dataset=home, checkpoint="last", estimator="debiased", **equal,
    )  # fmt: skip


def _by_layer(evidence: Evidence, rows: pd.DataFrame) -> pd.DataFrame:
    by = ["variant", "layer"]
    found = summarise(rows, by, "similarity", evidence.study.statistics, single=True)
    return found.assign(place=found["layer"].astype(str))


def _draw(
    axes: Axes, rows: pd.DataFrame, places: list[str], looks: Mapping[str, Look], **style: Any
) -> None:
    """One line for each variant, side by side so that none is hidden."""
    shown = looks_shown(looks, rows)
    width = min(0.22, 0.04 * (len(shown) - 1))
    offsets = np.linspace(-width, width, len(shown))
    for offset, (name, look) in zip(offsets, shown.items(), strict=True):
        curve = rows[rows["variant"] == name].set_index("place").reindex(places)
        # layers frozen together are not part of the curve over layers
        alone = curve.index.isin([*TOGETHER])
        for part, joined in ((~alone, {}), (alone, {"linestyle": "none"})):
            at = np.flatnonzero(part) + offset
            draw_means(axes, at, curve[part], look, **{**style, **joined})
