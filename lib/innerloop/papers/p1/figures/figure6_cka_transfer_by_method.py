"""P1, Figure 6: which layers each method changes on three evaluation data sets."""

from __future__ import annotations

from innerloop.measurements.evidence import Evidence
from innerloop.papers.p1 import cka
from innerloop.render import captions
from innerloop.render.drawing import Drawing, not_measured
from innerloop.render.style import dataset_looks, theme

TITLE = "Figure 6: CKA on new data, by method"
FULLER = "Figure 6, every method"
READS = ("cka",)


@theme()
def draw(evidence: Evidence) -> Drawing:
    """CKA per layer of miniImageNet's models: a panel per method, a curve per evaluation set."""
    study = evidence.study
    home = study.home(cka.PROTOCOL)
    means = cka.similarity(evidence, train_dataset=home, checkpoint="last")
    if not means:
        return not_measured("CKA of P1's models")
    summary, *_ = means.values()
    names = study.in_paper_order(summary["eval_dataset"])
    methods = {name: study.label(name, cka.PROTOCOL) for name in summary["variant"].unique()}
    figure = cka.profile_grid(
        means, "variant", methods, "eval_dataset", dataset_looks(study, names)
    )
    return Drawing(
        figure,
        captions.join(
            "Similarity of each layer before and after adaptation, one panel per method, one curve "
            f"per evaluation data set; all models trained on "
            f"{study.shown(cka.PROTOCOL)}.",
            cka.method_sentences(evidence, [*means.values()], "Last checkpoint"),
            captions.stand_ins(study, summary),
        ),
        f"Line plots of CKA against layers, one panel per method ({', '.join(methods.values())}), "
        "one line per evaluation data set; biased above, debiased below.",
    )
