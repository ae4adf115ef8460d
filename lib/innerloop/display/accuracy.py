"""Accuracies in the terminal: one model's as soon as it is measured, the study's at the end.

python -m innerloop.display.accuracy results/demo
"""

from __future__ import annotations

import json
import math
import statistics
import sys
from collections.abc import Mapping
from pathlib import Path

#: Checkpoints in order of preference, as in every table.
_CHECKPOINTS = ("best", "none", "last")
_SIGMAS = 1.96


def measured(file: str, labels: Mapping[str, str]) -> str:
    """Mean accuracy of one model on each data set, with the 95 % interval over tasks.

    Args:
        file: measurements of accuracy.
        labels: name of a data set -> its label.

    Returns:
        Text such as `Symbols 49.8 ± 1.2 %, People 40.1 ± 1.3 %`; empty if the file cannot be read.
    """
    import pyarrow.parquet as pq

    try:
        rows = pq.read_table(
            file, columns=["eval_dataset", "split", "checkpoint", "accuracy"]
        ).to_pylist()
    except (OSError, ValueError, KeyError):
        return ""
    places = dict.fromkeys((row["eval_dataset"], row["split"]) for row in rows)
    found = []
    for dataset, split in places:
        here = [row for row in rows if (row["eval_dataset"], row["split"]) == (dataset, split)]
        kept = {row["checkpoint"] for row in here}
        checkpoint = next((name for name in _CHECKPOINTS if name in kept), None)
        values = [100 * row["accuracy"] for row in here if row["checkpoint"] == checkpoint]
        values = [value for value in values if math.isfinite(value)]
        if len(values) > 1:
            half = _SIGMAS * statistics.stdev(values) / math.sqrt(len(values))
            label = labels.get(dataset, dataset)
            name = label if split == "test" else f"{label} ({split})"
            found.append(f"{name} {statistics.mean(values):.1f} ± {half:.1f} %")
    return ", ".join(found)


def main(argv: list[str] | None = None) -> None:
    """Print a study's accuracies: one row per variant and place, one column per setting."""
    from rich.console import Console
    from rich.table import Table

    from innerloop.measurements.evidence import Evidence
    from innerloop.render.accuracy import accuracies
    from innerloop.specs.setting import setting_label

    folder = Path((sys.argv[1:] if argv is None else argv)[0])
    study = json.loads((folder / "study.json").read_text(encoding="utf-8"))
    evidence = Evidence({"accuracy": folder / "aggregates" / "accuracy.parquet"}, study)
    summary = accuracies(evidence, split="test")
    label, protocol_label = evidence.study.dataset_label, evidence.study.protocol_label
    settings = sorted(set(zip(summary["way"], summary["shot"], strict=True)))
    cells: dict[tuple[str, str, str], dict[tuple[int, int], str]] = {}
    for row in summary.to_dict("records"):
        trained, tested = row["train_dataset"], row["eval_dataset"]
        place = label(tested)
        if trained not in (tested, "none"):
            place = f"{label(trained)} -> {place}"
        key = (protocol_label(row["protocol"]), place, row["method"])
        cell = f"{row['mean']:.1f} ± {row['half_width']:.1f}"
        cells.setdefault(key, {})[row["way"], row["shot"]] = cell
    table = Table(box=None, pad_edge=False)
    for name in ("Protocol", "Data set", "Method"):
        table.add_column(name)
    for way, shot in settings:
        table.add_column(setting_label(way, shot), justify="right")
    last: tuple[str, str] = ("", "")
    places = [key[:2] for key in cells]
    for key, found in sorted(cells.items(), key=lambda item: places.index(item[0][:2])):
        protocol, place, method = key
        head = ("", "") if (protocol, place) == last else (protocol, place)
        last = (protocol, place)
        table.add_row(*head, method, *(found.get(setting, "") for setting in settings))
    level = f"{evidence.study.statistics.level:.0%}"
    print(f"Accuracy in percent, ± half of the {level} interval over tasks")
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
