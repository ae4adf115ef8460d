"""P1, Figure 3: CKA of every layer while the models are trained."""

from __future__ import annotations

from innerloop.measurements.evidence import Evidence
from innerloop.measurements.layers import layers_in_order
from innerloop.papers.p1 import cka
from innerloop.render import captions
from innerloop.render.curves import checkpoint_axis
from innerloop.render.drawing import Drawing, not_measured
from innerloop.render.means import draw_means
from innerloop.render.style import layer_looks, legend_below, theme

TITLE = "Figure 3: CKA over training"
FULLER = "Figure 3, every method"
READS = ("cka",)


@theme()
def draw(evidence: Evidence) -> Drawing:
    """CKA against outer iterations, a panel per method, a curve per layer."""
    study = evidence.study
    home = study.home(cka.PROTOCOL)
    means = cka.similarity(evidence, train_dataset=home, eval_dataset=home, checkpoint="named")
    if not means:
        return not_measured("CKA during training")
    summary, *_ = means.values()
    looks = layer_looks(layers_in_order(summary["layer"]))
    methods = {
        variant.name: variant.label
        for variant in study.variants(cka.PROTOCOL, baselines=False)
        if (summary["variant"] == variant.name).any()
    }
    figure, panels = cka.grid(means, "variant", methods, "outer iteration")
    for panel in panels:
        for layer, look in looks.items():
            curve = panel.rows[panel.rows["layer"] == layer].sort_values("iteration")
            draw_means(panel.axes, curve["iteration"], curve, look)
        checkpoint_axis(panel.axes, summary["iteration"])
    legend_below(figure, [*looks.values()])
    return Drawing(
        figure,
        captions.join(
            "Similarity of each layer before and after adaptation, at checkpoints of training "
            f"({study.shown(cka.PROTOCOL)}; outer iterations "
            "are logarithmic after the first checkpoint). Flat curves mean that training does not "
            "change how much a layer adapts.",
            cka.method_sentences(evidence, [*means.values()], "Test tasks"),
            captions.stand_ins(study, summary),
        ),
        "Line plots of CKA against training iterations, one panel per method, one line per layer; "
        "biased above, debiased below.",
    )
