"""P2, Figure 6: the distribution of learned inner step sizes in each layer."""

from __future__ import annotations

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes

from innerloop.measurements.evidence import Evidence
from innerloop.measurements.layers import layers_in_order
from innerloop.measurements.selection import at_end
from innerloop.papers.p2 import step_sizes
from innerloop.render import captions
from innerloop.render.drawing import Drawing, not_measured
from innerloop.render.style import Look, chunks, layer_looks, panels, taller, theme, titles_of

TITLE = "Figure 6: learned step sizes"
FULLER = "Figure 6, every method"
READS = ("step_size_value",)

PROTOCOL = "p2"
BINS = 60
VARIANTS_PER_ROW = 2
#: Font size of the numbers over each panel, in points.
NUMBERS = 8
#: Step sizes beyond these quantiles of all layers are left out of the drawing, not of the numbers.
SHOWN = [0.001, 0.999]
#: If a variant has fewer step sizes, such as one per layer, all are drawn.
MANY = 1000


@theme()
def draw(evidence: Evidence) -> Drawing:
    """Histograms of the conv and head weights' step sizes after training, a panel per layer."""
    study = evidence.study
    rows = evidence.trained("step_size_value", PROTOCOL)
    rows = rows[(rows["parameter"] == "weight")]
    if rows.empty:
        return not_measured("values of learned step sizes")
    rows = at_end(rows)
    looks = layer_looks(layers_in_order(rows["layer"]))
    variants = [v for v in study.variants(PROTOCOL) if (rows["variant"] == v.name).any()]
    edges = np.linspace(*_ends(rows), BINS)
    blocks = chunks(variants, VARIANTS_PER_ROW)
    width = 5.5 if len(variants) == 1 else 3.4
    shape = len(looks) * len(blocks), len(blocks[0])
    figure, axes = panels(*shape, (width, 1.1), sharex=True, sharey=True)
    titles = titles_of(
        figure, {variant.name: variant.label for variant in variants}, width - 0.8, len(blocks)
    )
    taller(figure, len(blocks))
    for number, block in enumerate(blocks):
        rows_of_block = axes[number * len(looks) : (number + 1) * len(looks)]
        for row, (layer, look) in zip(rows_of_block, looks.items(), strict=True):
            for panel in row[len(block) :]:
                panel.set_axis_off()
            for panel, variant in zip(row, block, strict=False):
                own = rows[(rows["variant"] == variant.name) & (rows["layer"] == layer)]
                if own.empty:  # another variant's network has this layer
                    panel.set_axis_off()
                else:
                    _histogram(panel, own["value"], look, edges)
        for panel, variant in zip(rows_of_block[0], block, strict=False):
            numbers = panel.get_title("left")
            panel.set_title(f"{titles[variant.name]}\n{numbers}", loc="left", fontsize=NUMBERS)
        for panel in rows_of_block[-1][: len(block)]:
            panel.set_xlabel("learned inner step size α")
            panel.tick_params(labelbottom=True)
        rows_of_block[len(looks) // 2][0].set_ylabel("step sizes (% per bin)")
    return Drawing(
        figure,
        captions.join(
            "Distribution of the learned inner step sizes of the weights of each layer, after "
            f"{step_sizes.iterations(study, PROTOCOL, rows)} "
            f"({study.shown(PROTOCOL)}). Grey line: zero; dashed line: mean of the layer. "
            "Left of the grey line, inner steps are gradient ascent.",
            step_sizes.learned(study, PROTOCOL, rows),
            captions.seeds(rows, "Values of {} seeds together."),
            f"Histograms show {_shown(rows)}; mean and share are those of all values.",
            captions.stand_ins(study, rows),
        ),
        "Histograms of learned step sizes, one row per layer from conv1 to head, with the mean and "
        "the share of negative values of each layer.",
    )


def _few(rows: pd.DataFrame) -> pd.Series[bool]:
    """Whether all step sizes of a row's variant are drawn."""
    return rows.groupby("variant", observed=True)["value"].transform("size") < MANY


def _ends(rows: pd.DataFrame) -> tuple[float, float]:
    """The range of step sizes that is drawn."""
    values, few = rows["value"], _few(rows)
    ends = pd.concat([values[few], values[~few].quantile(SHOWN)]).dropna()
    return float(ends.min()), float(ends.max())


def _shown(rows: pd.DataFrame) -> str:
    few = _few(rows)
    if few.all():
        return "all"
    return "the middle 99.8 %" + (f" of variants with {MANY:,} or more" if few.any() else "")


def _histogram(axes: Axes, values: pd.Series[float], look: Look, edges: np.ndarray) -> None:
    sns.histplot(
        x=values, bins=edges, stat="percent", element="step", color=look.colour, alpha=0.45, ax=axes
    )
    axes.axvline(0, color="0.5", lw=0.9, zorder=0)
    axes.axvline(values.mean(), color=look.colour, lw=1.2, ls="--")
    axes.set_ylabel("")
    negative = f"{100 * (values < 0).mean():.0f} % negative"
    spread = f", sd {values.std():.3f}" if len(values) > 1 else ""
    numbers = f"mean {values.mean():+.3f}{spread}, {negative}"
    axes.set_title(f"{look.label}: {numbers.replace('-', '−')}", loc="left", fontsize=NUMBERS)
