"""P1, Figure 7: unit norm and scaled LR in ordinary supervised training (Appendix A.2)."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
from matplotlib.axes import Axes

from innerloop.measurements.evidence import Evidence
from innerloop.measurements.selection import at_end
from innerloop.render import captions
from innerloop.render.drawing import Drawing, not_measured
from innerloop.render.style import DASHED, SOLID, Look, built_in_look, legend_below, panels, theme

TITLE = "Figure 7: the two methods without meta-learning"
READS = ("toy",)

ARMS = {"unit_norm": "Unit norm", "scaled_lr": "Scaled LR"}
SPLITS = {"train": ("training images", DASHED), "test": ("test images", SOLID)}
QUANTITIES = {"accuracy": ("accuracy (%)", 100), "loss": ("cross-entropy (nats)", 1)}


@theme()
def draw(evidence: Evidence) -> Drawing:
    """Accuracy and loss against epochs, a column per step size, a colour per arm."""
    rows = evidence.rows("toy")
    if rows.empty:
        return not_measured("the supervised toy experiment")
    step_sizes = sorted(rows["step_size"].unique())
    figure, axes = panels(2, len(step_sizes), (2.5, 1.9), sharex=True, sharey="row")
    looks: dict[str, Look] = {}
    for row, (quantity, (title, factor)) in zip(axes, QUANTITIES.items(), strict=True):
        row[0].set_ylabel(title)
        for panel, step_size in zip(row, step_sizes, strict=True):
            here = rows[rows["step_size"] == step_size]
            for arm, label in ARMS.items():
                for split, (images, dashes) in SPLITS.items():
                    own = here[(here["arm"] == arm) & (here["split"] == split)]
                    if own.empty:
                        continue
                    look = replace(built_in_look(arm, f"{label}, {images}"), dashes=dashes)
                    looks[look.label] = look
                    _curve(panel, own, quantity, factor, look)
    for panel, step_size in zip(axes[0], step_sizes, strict=True):
        panel.set_title(f"step size {step_size:g}")
    for panel in axes[-1]:
        panel.set_xlabel("epoch")
    legend_below(figure, [*looks.values()])
    study = evidence.study
    dataset = study.dataset_label(str(rows["dataset"].iloc[0]))
    images = captions.span(rows.loc[rows["split"] == "test", "images"])
    return Drawing(
        figure,
        captions.join(
            f"The two ways to counteract BatchNorm's decay in supervised training on {dataset}: "
            "plain SGD, both from the same unit-norm start. Where the curves coincide, the two do "
            "the same without meta-learning, as P1 finds.",
            captions.seeds(rows, "Mean of {} seeds; thin lines: single seeds."),
            f"n = {images} test images.",
            captions.diverged(_diverged(rows), "trainings"),
            captions.stand_ins(study, rows),
        ),
        "Line plots of accuracy and loss against epochs, one column per step size; unit norm and "
        "scaled LR in two colours, training images dashed, test images solid.",
    )


def _diverged(rows: pd.DataFrame) -> dict[str, tuple[int, int]]:
    """Label of each arm -> how many of its trainings diverged, of how many."""
    last = at_end(rows[rows["split"] == "test"])
    return {
        label: (int(own["accuracy"].isna().sum()), len(own))
        for arm, label in ARMS.items()
        for own in [last[last["arm"] == arm]]
    }


def _curve(axes: Axes, rows: pd.DataFrame, quantity: str, factor: float, look: Look) -> None:
    # no mean from the epoch on at which a seed diverged
    grouped = rows.groupby("epoch")[quantity]
    mean = grouped.mean().where(grouped.count() == grouped.size()) * factor
    if len(rows["seed"].unique()) > 1:
        for _, seed in rows.sort_values("epoch").groupby("seed"):
            axes.plot(
                seed["epoch"],
                seed[quantity] * factor,
                color=look.colour,
                lw=0.4,
                alpha=0.5,
                gid=look.curve,
            )
    axes.plot(mean.index, mean, markevery=max(1, len(mean) // 6), **look.line())
