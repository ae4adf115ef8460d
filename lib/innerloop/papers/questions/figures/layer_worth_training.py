"""What the changes of head, body and both are worth while models are trained.

The causal twin of P1's Figure 3: that shows how similar layers stay, this what their change does.
"""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from innerloop.measurements.evidence import Evidence
from innerloop.measurements.layers import HEAD
from innerloop.papers import interventions as changed
from innerloop.render import captions
from innerloop.render.curves import checkpoint_axis
from innerloop.render.drawing import Drawing, not_measured
from innerloop.render.fonts import wrapped
from innerloop.render.means import draw_means, trainings_drawn
from innerloop.render.style import TITLE as TITLE_SIZE
from innerloop.render.style import Look, legend_below, looks_in, panels, theme, variant_looks

TITLE = "What changes are worth over training"
READS = ("interventions",)

#: Title of each panel -> the intervention whose loss it shows.
PANELS = {
    "head: frozen": ("frozen", HEAD),
    "body: only the head adapts": ("only", HEAD),
    "all: nothing adapts": ("nothing", ""),
}


@theme()
def draw(evidence: Evidence) -> Drawing:
    """Points lost at every kept checkpoint: a row for each protocol, a curve for each method."""
    study = evidence.study
    measured = changed.worth_by_protocol(evidence, "named")
    if not measured:
        return not_measured("interventions during training")
    every = pd.concat(measured.values(), ignore_index=True)
    figure, axes = panels(len(measured), 3, (2.5, 2.3), sharex="row", sharey=True)
    for row, (protocol, summary) in zip(axes, measured.items(), strict=True):
        title = wrapped(study.protocol_title(protocol), 1.9, TITLE_SIZE)
        row[0].set_ylabel(f"{title}\n\npoints")
        for panel, (title, (name, layer)) in zip(row, PANELS.items(), strict=True):
            which = (summary["intervention"] == name) & (summary["layer"] == layer)
            _draw(panel, summary[which], variant_looks(study, protocol))
            panel.set_title(title if row is axes[0] else "")
            checkpoint_axis(panel, summary["iteration"])
            panel.set_xlabel("outer iteration")
    legend_below(figure, looks_in(study, measured))
    return Drawing(
        figure,
        captions.join(
            "What the change of the head, of the body and of both is worth at checkpoints of "
            f"training ({study.shown(*measured)}; outer iterations are logarithmic after the first "
            "checkpoint): accuracy when everything adapts minus accuracy when that part is frozen, "
            "in percentage points.",
            changed.method_sentences(evidence, every),
            trainings_drawn(study, every),
        ),
        "Three line plots against training iterations: percentage points lost when the head, the "
        "body or both are frozen at test time; one line per method.",
    )


def _draw(axes: Axes, rows: pd.DataFrame, looks: dict[str, Look]) -> None:
    axes.axhline(0, color="0.6", linewidth=0.8, zorder=0)
    for name, look in looks.items():
        curve = rows[rows["variant"] == name].sort_values("iteration")
        if not curve.empty:
            draw_means(axes, curve["iteration"], curve, look)
