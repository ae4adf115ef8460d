"""P1, Figure 5: which layers adaptation changes on another data set, for each method."""

from __future__ import annotations

from innerloop.measurements.evidence import Evidence
from innerloop.papers.p1 import cka
from innerloop.render import captions
from innerloop.render.drawing import Drawing, not_measured
from innerloop.render.style import theme
from innerloop.specs.setting import in_full

TITLE = "Figure 5: CKA on a new data set"
FULLER = "Figure 5, every method"
READS = ("cka",)


@theme()
def draw(evidence: Evidence) -> Drawing:
    """CKA per layer of miniImageNet's models on test tasks of FC-100."""
    study = evidence.study
    home, away = (study.dataset_label(study.in_role(role)) for role in ("mini_imagenet", "fc100"))
    made = cka.methods_figure(evidence, study.in_role("fc100"))
    if made is None:
        return not_measured("CKA of P1's models on the data set of FC-100's role")
    figure, drawn = made
    shown = f"{in_full(study.main_setting(cka.PROTOCOL))}, trained on {home}, tested on {away}"
    return Drawing(
        figure,
        captions.join(
            f"Similarity of each layer before and after adaptation to another data set ({shown}).",
            "Compare with Figure 2: lower lines here mean that a new domain makes the method adapt "
            "more.",
            cka.method_sentences(evidence, drawn, "Last checkpoint, test tasks"),
            captions.stand_ins(study, drawn[0]),
        ),
        f"Line plots of CKA against the layers, conv1 to head, one line per method, {shown}; left "
        "biased, right debiased.",
    )
