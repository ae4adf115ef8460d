"""Validation accuracy of every model during training."""

from __future__ import annotations

from innerloop.measurements.described_study import DescribedStudy
from innerloop.measurements.evidence import Evidence
from innerloop.render import captions, curves
from innerloop.render.drawing import Drawing, not_measured
from innerloop.render.style import (
    Look,
    legend_below,
    looks_shown,
    theme,
    titled_panels,
    variant_looks,
)

TITLE = "Learning curves"
READS = ("training",)

#: Columns that identify a panel: models trained on the same tasks under the same protocol.
PLACE = ["protocol", "train_dataset", "setting"]
PANELS_PER_ROW = 3


@theme()
def draw(evidence: Evidence) -> Drawing:
    """Accuracy on validation tasks against outer iterations, one curve per variant."""
    study = evidence.study
    rows = evidence.rows("training", split="val")
    rows = rows[rows["accuracy"].notna()].astype(dict.fromkeys(PLACE, str))
    if rows.empty:
        return not_measured("validation accuracy during training")
    rows = rows.assign(percent=100 * rows["accuracy"])
    places = [*dict.fromkeys((m.protocol, m.dataset, m.setting) for m in study.models)]
    by_place = dict(iter(rows.groupby(PLACE)))
    shown = [place for place in places if place in by_place]
    titles = {place: _title(study, place) for place in shown}
    figure, axes, by_title = titled_panels(titles, PANELS_PER_ROW, (2.6, 2.2), 2.2, sharey=True)
    drawn: dict[Look, None] = {}
    for row in axes:
        row[0].set_ylabel("validation accuracy (%)")
    for place, panel in by_title.items():
        here = by_place[place]
        variants = looks_shown(variant_looks(study, place[0]), here)
        drawn |= dict.fromkeys(variants.values())
        for order, (name, look) in enumerate(variants.items()):
            own = here[here["variant"] == name]
            curves.draw_seeds(panel, own, "percent", look, order=order)
        curves.iteration_axis(panel)
    for panel in axes[-1]:
        panel.set_xlabel("outer iteration")
    legend_below(figure, [*drawn])
    tasks = captions.span(rows["tasks"])
    return Drawing(
        figure,
        captions.join(
            f"Accuracy on {tasks} fixed validation tasks during training. They choose the best "
            "checkpoint; the tables give accuracy on test tasks.",
            curves.seeds(rows),
            captions.stand_ins(study, rows),
        ),
        "Line plots of validation accuracy against training iterations, one panel per protocol, "
        "data set and setting, one line per variant.",
    )


def _title(study: DescribedStudy, place: tuple[str, str, str]) -> str:
    protocol, dataset, setting = place
    named = f"{study.protocol_label(protocol)}, " if len(study.protocols) > 1 else ""
    return f"{named}{study.place(dataset, setting)}"
