"""Tasks that a data set cannot hold are refused while the study is read, where it is known."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from innerloop.runtime.errors import ConfigError
from innerloop.study.study import Study
from mutants import STUDY

INTERVENTIONS = {"tasks": 2, "which": "all"}
OFF_TASKS = {"tasks": 2, "disjoint_classes": True}


def study(*changes: tuple[str, Any], probes: dict[str, Any] | None = None) -> Study:
    """The study of mutants, of one variant, with other values and perhaps another probe."""
    content: dict[str, Any] = copy.deepcopy(STUDY)
    content["models"]["all"]["variants"] = ["maml"]
    if probes is not None:
        del content["models"]["all"]["probes"]
        content["probes"] = probes
    if probes:
        content["models"]["all"]["probes"] = [*probes]
    for place, value in changes:
        holder = content
        *into, key = place.split(".")
        for name in into:
            holder = holder[name]
        holder[key] = value
    return Study(content)


def setting(name: str) -> tuple[str, Any]:
    return "models.all.settings", [name]


@pytest.mark.parametrize(
    ("changes", "probes", "said"),
    [
        ([setting("65w1s")], None, "65w1s: training needs 65 classes, but 'symbols' has 64 in"),
        ([setting("17w1s")], None, "validation needs 17 classes, but 'symbols' has 16 in"),
        ([setting("3w39s")], None, "training needs 41 images of each class, support and query"),
        ([("evaluation.queries", 40)], None, "validation needs 41 images of each class"),
        ([("protocols.p.defaults.queries", 40)], None, "training needs 41 images of each class"),
        ([("models.all.dataset", "digits")], {}, "validation needs the split val, but 'digits'"),
        (
            [("models.all.evaluate_on", ["digits"]), ("models.all.splits", ["val"])],
            {},
            "evaluation needs the split val, but 'digits' has only train, test",
        ),
        ([setting("11w1s")], {"protonet": OFF_TASKS}, "probe protonet needs 22 classes"),
        ([setting("11w1s")], {"interventions": INTERVENTIONS}, "interventions needs 22 classes"),
        ([setting("3w18s")], {"interventions": INTERVENTIONS}, "interventions needs 41 images"),
        (
            [("protocols.p.variants.maml", {"learner": "prototypes"})],
            {"other_settings": {"settings": ["3w1s", "21w1s"], "tasks": 2}},
            "the probe other_settings needs 21 classes",
        ),
        (
            [("datasets.symbols.source", "mini_imagenet"), setting("3w600s")],
            None,
            "training needs 602 images of each class, support and query, but a class of 'symbols'",
        ),
    ],
)  # fmt: skip
def test_what_there_is_not_is_refused(
    changes: Sequence[tuple[str, Any]], probes: dict[str, Any] | None, said: str
) -> None:
    with pytest.raises(ConfigError, match=r"models\.all\.settings: ") as refused:
        study(*changes, probes=probes)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("changes", "probes"),
    [
        ([setting("16w1s"), ("evaluation.queries", 39)], None),
        ([setting("3w35s")], {"cka": {"tasks": 2}}),
        ([setting("10w1s")], {"protonet": OFF_TASKS, "interventions": INTERVENTIONS}),
        ([("models.all.evaluate_on", ["digits"])], {}),
        ([setting("3w36s"), ("protocols.p.variants.maml", {"learner": "pretrained"}),
          ("protocols.p.defaults.queries", 9), ("evaluation.queries", 4)], {}),
    ],
)  # fmt: skip
def test_what_there_is_is_accepted(
    changes: Sequence[tuple[str, Any]], probes: dict[str, Any] | None
) -> None:
    assert study(*changes, probes=probes).models


def test_a_split_file_says_how_many_classes_there_are(tmp_path: Path) -> None:
    splits = {"train": 97, "val": 2, "test": 1}
    lines = [f"{split}{k},{split}" for split, count in splits.items() for k in range(count)]
    file = tmp_path / "own.csv"
    file.write_text("\n".join(["class,split", *lines]), encoding="utf-8")
    with pytest.raises(ConfigError, match="validation needs 3 classes, but 'symbols' has 2 in"):
        study(("datasets.symbols.splits", str(file)))
    file.write_text("\n".join(["class,split", *lines[:97]]), encoding="utf-8")
    with pytest.raises(ConfigError, match="needs the split val, but 'symbols' has only train"):
        study(("datasets.symbols.splits", str(file)))


def test_what_two_entries_ask_of_one_model_is_put_together() -> None:
    one = {**STUDY["models"]["all"], "variants": ["maml"]}
    digits = {**one, "evaluate_on": ["symbols", "digits"]}
    on_val = {**one, "splits": ["val"]}
    assert study(("models", {"digits": digits}))
    assert study(("models", {"on_val": on_val}))
    with pytest.raises(ConfigError, match=r"on_val\.settings: 3w1s: evaluation needs the split"):
        study(("models", {"digits": digits, "on_val": on_val}))


def test_of_a_source_of_one_s_own_nothing_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text("flowers = list()\n", encoding="utf-8")
    assert study(("datasets.symbols.source", "mine.py:flowers"), setting("5000w1s")).models
