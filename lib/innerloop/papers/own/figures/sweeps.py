"""Test accuracy over the choices that a grid of the study sweeps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TypeAlias

import pandas as pd
from matplotlib.image import AxesImage

from innerloop.measurements.described_study import Sweep, in_words
from innerloop.measurements.evidence import Evidence
from innerloop.render import captions, sweeps
from innerloop.render.accuracy import accuracies
from innerloop.render.drawing import Drawing, not_measured
from innerloop.render.style import Look, legend_below, looks_of, theme, titled_panels
from innerloop.specs.setting import setting_label

TITLE = "Accuracy over the study's grids"
READS = ("sweeps", "accuracy")

PLACE = ["protocol", "train_dataset", "way", "shot"]
PANELS_PER_ROW = 3

#: A sweep, the one or two choices that a panel shows, and the rows there.
Part: TypeAlias = tuple[Sweep, tuple[str, ...], pd.DataFrame]


@theme()
def draw(evidence: Evidence) -> Drawing:
    """Curves of methods over one swept choice, or a heat map per method over two."""
    study = evidence.study
    rows = _home(evidence)
    parts = [part for sweep in study.sweeps for part in _parts(sweep, rows)]
    if not parts:
        return not_measured("accuracy of the grid's points")
    # curves of methods that sweep one and the same choice share a panel; heat maps do not
    by_panel: dict[tuple[str, ...], list[Part]] = {}
    for part in parts:
        by_panel.setdefault(_panel(part), []).append(part)
    shared = [*by_panel.values()]
    titles = {number: _title(evidence, group) for number, group in enumerate(shared)}
    figure, axes, by_title = titled_panels(titles, PANELS_PER_ROW, (2.7, 2.3), 2.3)
    looks = looks_of({sweep.name: sweep.name for sweep in study.sweeps})
    shades = [mean for _, keys, own in parts if len(keys) > 1 for mean in own["mean"]]
    image: AxesImage | None = None
    drawn: dict[Look, None] = {}
    for group, panel in zip(shared, by_title.values(), strict=True):
        keys = group[0][1]
        values = [_values(group, key) for key in keys]
        for order, (sweep, _, own) in enumerate(group):
            panel.set_xlabel(keys[0].replace("_", " "))
            if len(keys) == 1:
                panel.set_ylabel("test accuracy (%)")
                shift = 0.06 * (order - (len(group) - 1) / 2)
                one = own.assign(value=own[keys[0]])
                look = replace(looks[sweep.name], label=study.sweep_label(sweep))
                sweeps.draw_line(panel, one, values[0], look, shift)
                drawn[look] = None
            else:
                panel.set_ylabel(keys[1].replace("_", " "))
                both = own.assign(across=own[keys[0]], down=own[keys[1]])
                span = min(shades), max(shades)
                image = sweeps.draw_heat_map(panel, both, values[0], values[1], span)
    if image is not None:
        figure.colorbar(image, ax=[panel for line in axes for panel in line], label="accuracy (%)")
    if drawn:
        legend_below(figure, [*drawn])
    return Drawing(
        figure,
        captions.join(
            "Test accuracy at every point of the study's grids, on the data set trained on, at the "
            "checkpoint that is best on validation tasks. Values are drawn at equal distances.",
            f"Curves: {captions.interval(study.statistics)}; dots are single seeds."
            if drawn
            else "",
            captions.counted(rows),
            captions.THESE_MODELS,
            captions.stand_ins(study, rows),
        ),
        "Accuracy over the values of swept choices: a curve per method over one choice, or a heat "
        "map per method over two.",
    )


def _home(evidence: Evidence) -> pd.DataFrame:
    """Accuracy of every variant on test tasks of the data set that it was trained on."""
    summary = accuracies(evidence, split="test")
    names = ["protocol", "variant", "train_dataset", "eval_dataset"]
    summary = summary.astype(dict.fromkeys(names, str))
    home = summary[summary["train_dataset"] == summary["eval_dataset"]]
    rows = evidence.rows("accuracy", split="test", checkpoint="best")
    seeds = rows.groupby([*names, "way", "shot", "seed"], observed=True)["accuracy"].mean()
    by_seed = (100 * seeds).groupby([*names, "way", "shot"]).agg(list).rename("by_seed")
    joined = home.merge(by_seed.reset_index(), on=[*names, "way", "shot"], how="left")
    known = joined["by_seed"].map(lambda seeds: seeds if isinstance(seeds, list) else [])
    return joined.assign(by_seed=known)


def _parts(sweep: Sweep, rows: pd.DataFrame) -> Iterator[Part]:
    """What each panel shows of a sweep: at most two choices vary, the others are fixed."""
    points = pd.DataFrame(
        [
            {"variant": name, **{key: in_words(value) for key, value in point.items()}}
            for name, point in sweep.points.items()
        ]
    )
    own = rows[rows["protocol"] == sweep.protocol].merge(points, on="variant")
    varying = [key for key in sweep.keys if len({*points[key]}) > 1] or [*sweep.keys][:1]
    fixed = [*PLACE, *(key for key in sweep.keys if key not in varying[:2])]
    for _, part in own.groupby(fixed, sort=False):
        yield sweep, tuple(varying[:2]), part


def _panel(part: Part) -> tuple[str, ...]:
    sweep, keys, own = part
    place = [str(own[column].iloc[0]) for column in PLACE]
    others = [own[key].iloc[0] for key in sweep.keys if key not in keys]
    return (*place, *keys, *others, *([] if len(keys) == 1 else [sweep.name]))


def _values(group: list[Part], key: str) -> list[str]:
    """All values of a choice in the sweeps of a panel, numbers in ascending order."""
    values = [point[key] for sweep, _, _ in group for point in sweep.points.values()]
    if all(isinstance(value, int | float) for value in values):
        values.sort()
    return [*dict.fromkeys(map(in_words, values))]


def _title(evidence: Evidence, group: list[Part]) -> str:
    study, (sweep, keys, own) = evidence.study, group[0]
    first = own.iloc[0]
    where = f"{study.dataset_label(first['train_dataset'])}, "
    where += setting_label(first["way"], first["shot"])
    named = f"{study.sweep_label(sweep)}, " if len(keys) > 1 else ""
    fixed = [f", {key.replace('_', ' ')} {first[key]}" for key in sweep.keys if key not in keys]
    several = f"{study.protocol_label(sweep.protocol)}, " if len(study.protocols) > 1 else ""
    return f"{several}{named}{where}{''.join(fixed)}"
