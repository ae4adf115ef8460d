"""P1, Figure 1: weight norms of every layer during training."""

from __future__ import annotations

from innerloop.measurements.evidence import Evidence
from innerloop.render import captions, curves
from innerloop.render.drawing import Drawing, not_measured
from innerloop.render.style import looks_in, theme, variant_looks

TITLE = "Figure 1: weight norms"
FULLER = "Figure 1, every method"
READS = ("weight_norm",)

PROTOCOL = "p1"
QUANTITIES = {"norm": "weight norm ‖w‖", "growth": "growth (%)"}


@theme()
def draw(evidence: Evidence) -> Drawing:
    """Frobenius norm of the slow weights against outer iterations, a panel per layer."""
    study = evidence.study
    rows = evidence.trained("weight_norm", PROTOCOL)
    if rows.empty:
        return not_measured("weight norms during training")
    rows = rows.sort_values("iteration")
    start = rows.groupby(["variant", "seed", "layer"], observed=True)["norm"].transform("first")
    rows = rows.assign(growth=100 * (rows["norm"] / start - 1))
    shown, looks = study.shown(PROTOCOL), variant_looks(study, PROTOCOL)
    lines = [curves.Line(label, rows, value, looks) for value, label in QUANTITIES.items()]
    return Drawing(
        curves.layer_panels(lines, looks_in(study, {PROTOCOL: rows})),
        captions.join(
            f"Norm of each layer's weights during training ({shown}); below, its growth since the "
            "start. The scales differ between panels. Growth means that BatchNorm lowers the "
            "effective step size of the conv layers (P1, equation 3); no BatchNorm follows the "
            "head.",
            "Frobenius norm of the weight tensor of the slow weights.",
            curves.seeds(rows),
            captions.stand_ins(study, rows),
        ),
        f"Line plots of the weight norm against training iterations, one panel per layer, one line "
        f"per method, {shown}.",
    )
