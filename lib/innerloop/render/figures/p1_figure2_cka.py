"""P1, Figure 2: which layers adaptation changes, for each method."""

from __future__ import annotations

from innerloop.measurements.evidence import Evidence
from innerloop.render import captions, cka
from innerloop.render.drawing import Drawing, not_measured
from innerloop.render.style import theme


@theme()
def draw(evidence: Evidence) -> Drawing:
    """CKA per layer on test tasks of the data set the models were trained on."""
    study = evidence.study
    dataset = study.in_role("mini_imagenet")
    made = cka.methods_figure(evidence, dataset)
    if made is None:
        return not_measured("CKA of P1's models")
    figure, drawn = made
    shown = f"{study.dataset_label(dataset)}, {study.main_setting(cka.PROTOCOL)}"
    return Drawing(
        figure,
        captions.join(
            f"Similarity of each layer before and after adaptation ({shown}).",
            "A low value means that the inner loop changed the layer; feature reuse is a line that "
            "stays at 1 and falls at the head only.",
            cka.method_sentences(evidence, drawn, "Last checkpoint, test tasks"),
            captions.stand_ins(study, drawn[0]),
        ),
        f"Line plots of CKA against the layers, conv1 to head, one line a method, {shown}; left "
        "biased, right debiased.",
    )
