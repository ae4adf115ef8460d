"""P1, Figure 4: which layers adaptation changes, for models of three data sets."""

from __future__ import annotations

from innerloop.measurements.evidence import Evidence
from innerloop.papers.p1 import cka
from innerloop.render import captions
from innerloop.render.drawing import Drawing, not_measured
from innerloop.render.style import theme, variant_looks
from innerloop.specs.setting import in_full

TITLE = "Figure 4: CKA on three data sets"
FULLER = "Figure 4, every method"
READS = ("cka",)

ROLES = ("cub", "fc100", "mini_imagenet")


@theme()
def draw(evidence: Evidence) -> Drawing:
    """CKA per layer, each model on test tasks of the data set it was trained on."""
    study = evidence.study
    means = cka.similarity(evidence, at_home=True, checkpoint="last")
    if not means:
        return not_measured("CKA of P1's models on their own data sets")
    summary, *_ = means.values()
    names = study.in_paper_order([*map(study.in_role, ROLES), *summary["eval_dataset"]])
    labels = {name: study.dataset_label(name) for name in names}
    looks = variant_looks(study, cka.PROTOCOL)
    figure = cka.profile_grid(means, "eval_dataset", labels, "variant", looks)
    return Drawing(
        figure,
        captions.join(
            "Similarity of each layer before and after adaptation, each model on test tasks of the "
            f"data set it was trained on ({in_full(study.main_setting(cka.PROTOCOL))}).",
            cka.method_sentences(evidence, [*means.values()], "Last checkpoint"),
            captions.stand_ins(study, summary),
        ),
        f"Line plots of CKA against layers, one panel per data set ({', '.join(labels.values())}), "
        "one line per method; biased above, debiased below.",
    )
