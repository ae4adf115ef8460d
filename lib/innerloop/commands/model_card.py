"""The card of a trained model: what it is, what it was trained on and under which terms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from innerloop.render.results import Results
from innerloop.study.model import Model

_LOAD = """```python
import innerloop

model = innerloop.load("model.safetensors")
probabilities = model.predict(support_images, support_labels, query_images)
```"""
_TOGETHER = (
    "BatchNorm normalises the query images by their own statistics, so the prediction for one "
    "depends on the others: pass images of all classes together, as in evaluation."
)


def model_card(
    model: Model, manifest: Mapping[str, Any], images: Mapping[str, Any], results: Results
) -> str:
    """The card as Markdown.

    Args:
        model: the model.
        manifest: its model.json.
        images: the manifest of the images that it was trained on.
        results: the study's results.
    """
    key, chosen = model.key, model.choices
    dataset = results.evidence.study.dataset_label(key.dataset)
    licence = images.get("licence") or {}
    best = manifest["best_validation"]
    network = manifest["spec"]["network"]
    lines = [
        f"# {model.learner.label or model.learner.name}, {key.setting}, trained on {dataset}",
        "",
        f"A few-shot classifier of {model.way} classes: `{network['network']}`, trained in "
        f"{chosen['iterations']} outer iterations under protocol `{key.protocol}` of study "
        f"`{results.evidence.study.name}`, variant `{key.variant}`, seed {key.seed}. It adapts to "
        f"{model.shot} labelled image{'s'[: model.shot - 1]} per class of {chosen['image_size']} x "
        f"{chosen['image_size']} pixels.",
        "",
        _LOAD,
        "",
        "Tensors are named `<outer iteration>/<part>/<name>`; the iteration with the best "
        f"validation accuracy, {100 * best['accuracy']:.1f} %, is {best['iteration']}.",
    ]
    if network["network_options"].get("normalisation", network["batch_norm"]) == "batch":
        lines += ["", _TOGETHER]
    lines += ["", "## Accuracy", "", *_accuracy(model, results)]
    lines += ["", "## Data and terms", "", *_terms(dataset, licence)]
    versions = ", ".join(f"{name} {number}" for name, number in manifest["versions"].items())
    lines += ["", "## Provenance", "", f"Digest `{manifest['digest']}`; {versions}.", ""]
    return "\n".join(lines)


def _accuracy(model: Model, results: Results) -> list[str]:
    key, rows = model.key, results.accuracy
    mine = (
        (rows["protocol"] == key.protocol) & (rows["variant"] == key.variant)
        & (rows["train_dataset"] == key.dataset)
        & (rows["way"] == model.way) & (rows["shot"] == model.shot)
    )  # fmt: skip
    label = results.evidence.study.dataset_label
    return [
        "In percent, ± half of the interval over test tasks of classes it has not seen"
        + (
            ", averaged over the seeds of this variant:" if (rows[mine]["seeds"] > 1).any() else ":"
        ),
        "",
        "| tested on | split | accuracy |",
        "|---|---|---|",
        *(
            f"| {label(row['eval_dataset'])} | {row['split']} "
            f"| {row['mean']:.1f} ± {row['half_width']:.1f} |"
            for row in rows[mine].to_dict("records")
        ),
    ]


def _terms(dataset: str, licence: Mapping[str, Any]) -> list[str]:
    trained = f"Trained on {dataset}, whose images come under: {licence.get('name', 'not stated')}"
    commerce = ", not for commercial use" if licence.get("non_commercial") else ""
    lines = [f"{trained}{commerce}. The images are not part of this model, and whether their terms "
             "extend to it is for you to judge."]  # fmt: skip
    if licence.get("attribution"):
        lines += ["", f"Please name or cite: {licence['attribution']}"]
    if licence.get("url"):
        lines += ["", f"Terms: <{licence['url']}>"]
    return lines
