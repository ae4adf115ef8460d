"""All that is wrong with a study file is told at once, by file and line; one thing as if alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from innerloop.runtime.errors import ConfigError
from innerloop.study.overlays import merged_study
from innerloop.study.study import Study
from mutants import TEXT


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def told(changes: dict[str, str], over: str = "") -> list[str]:
    """The lines about a study in which some texts are others, under another file."""
    text = TEXT
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    Path("study.yaml").write_text(text, encoding="utf-8")
    files = ["study.yaml"]
    if over:
        Path("over.yaml").write_text(over, encoding="utf-8")
        files.append("over.yaml")
    with pytest.raises(ConfigError) as refused:
        Study(merged_study(files), files=files)
    return str(refused.value).split("\n")


def lines_of(*texts: str) -> list[int]:
    lines = TEXT.split("\n")
    return [next(n for n, line in enumerate(lines, 1) if text in line) for text in texts]


def test_of_its_form() -> None:
    said = told(
        {"level: 0.9": "level: .nan", "meta_batch: 2": "meta_bacth: 2", "epochs: 1": "epochs: 1.5"},
        over="evaluation: {tasks: few}\nseed: -1\n",
    )
    level, meta_batch, epochs = lines_of("level: 0.9", "meta_batch: 2", "epochs: 1")
    assert [line.partition(": ")[0] for line in said] == [
        f"study.yaml, line {level}",
        f"study.yaml, line {meta_batch}",
        f"study.yaml, line {epochs}",
        "over.yaml, line 1",
        "over.yaml, line 2",
    ]
    assert "unknown key 'meta_bacth'" in said[1]


def test_keys_that_are_missing_are_told_by_section(folder: Path) -> None:
    said = told({}, over="probes:\n  own_change: {}\nmodels: {more: {protocol: p}}\n")
    assert said == [
        "over.yaml, line 2: missing: 'probes.own_change.tasks' (test tasks of each data set)",
        "over.yaml, line 3: missing: 'models.more.dataset' (data set to train on), "
        "'models.more.settings' (task sizes)",
    ]
    (folder / "mine.yaml").write_text("study: mine\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"^mine\.yaml: missing: 'datasets', 'protocols'"):
        Study(merged_study(["mine.yaml"]), files=["mine.yaml"])


def test_what_is_empty_is_refused_unless_an_earlier_file_has_it() -> None:
    over = "protocols: {p: {variants: {anill: }}}\nmethods:\n  mine:\nprobes: {cka: }\n"
    said = told({}, over=over)
    assert [line.partition(": it is empty")[0] for line in said] == [
        "over.yaml, line 1: protocols.p.variants.anill",
        "over.yaml, line 3: methods.mine",
    ]
    assert said[0].endswith("if nothing is to be said, write anill: {}")


def test_of_what_it_names() -> None:
    changes = {
        "source: digits}": "source: digits, splits: none.csv}",
        "source: symbols": "source: mine.py:source",
        "update_rule: sgd": "update_rule: sgdd",
        "learner: ridge": "learner: rigde",
        "grid: {step_size: [0.1, 0.2]}": "grid: {step_size: [0.1, 0.2]}, step_size: 1",
        "over_training: [symbols]": "over_training: [cub]",
        "probes: [cka]": "probes: [ckaa]",
        "mini_imagenet: symbols": "mini_imagenet: symbol",
        "variants: [maml,": "variants: [mlam,",
    }
    said = told(changes)
    assert len(said) == len(changes)
    names = ("none.csv", "mine.py", "sgdd", "rigde", "swept", "cub", "ckaa", "'symbol'", "mlam")
    assert all(any(name in line for line in said) for name in names)
    numbers = [int(line.split("line ")[1].split(":")[0]) for line in said]
    assert numbers == sorted(numbers)


def test_of_what_it_asks_for() -> None:
    said = told(
        {
            "settings: [3w1s]": "settings: [3w1s, 2w50s, 300w1s]",
            "queries: 5": "queries: 1",
            "over_training: [symbols]": "datasets: [digits], over_training: [symbols]",
        }
    )
    assert [line.split(": ")[1] for line in said] == [
        *["evaluation.queries"] * 2,
        *["models.all.settings"] * 2,  # once for all variants and jobs of each
        "probes.cka.over_training",
    ]
    assert ["2w50s" in said[2], "300w1s" in said[3]] == [True, True]


def test_what_variants_share_is_told_once() -> None:
    said = told({"filters: 4\n      step": "network: conv5\n      step"})
    assert len(said) == 1
    assert "protocols.p.variants.maml: 'conv5' is unknown" in said[0]


def test_what_is_refused_is_not_called_missing() -> None:
    assert len(told({"source: digits": "source: 2026-01-02"})) == 1
    said = told({"source: digits": "source: 2026-01-02", "title: A study": "titel: A study"})
    assert len(said) == 2


def test_a_mistyped_key_is_not_missing_too() -> None:
    said = told({"    dataset: symbols": "    datset: symbols", "epochs: 1": "epoch: 1"})
    assert ["unknown key" in line for line in said] == [True, True]


def test_twenty_are_enough() -> None:
    over = "".join(f"unknown_{n}: 1\n" for n in range(3))
    over += "datasets: {" + ", ".join(f"d{n}: {{source: none_{n}}}" for n in range(30)) + "}\n"
    said = told({}, over)
    assert len(said) == 1  # of its form
    said = told({}, over.partition("datasets")[2].join(["datasets", ""]))
    assert len(said) == 21
    assert said[-1] == "... and 10 more"
