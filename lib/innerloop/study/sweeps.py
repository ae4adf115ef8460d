"""Sweeps: a variant with a grid is expanded to one variant per combination of its values."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import replace
from itertools import product
from typing import Any

from innerloop.measurements.described_study import Sweep
from innerloop.runtime.errors import ConfigError
from innerloop.runtime.faults import Faults
from innerloop.study.keys import Choosing, Models, Protocol, StudyKeys, Variant

#: Longest name of a variant: schedulers put a model's whole name into a file name, which may have
#: 255 characters.
_LONGEST = 200
#: Most points of a grid, and most models of a study: more are likely a mistake and slow to plan.
MOST = 10_000


def expanded(keys: StudyKeys, faults: Faults) -> tuple[StudyKeys, tuple[Sweep, ...]]:
    """A study's keys with every combination of a grid as a variant, and the sweeps.

    In lists of variants, the name of a variant with a grid is replaced by all its combinations.

    Args:
        keys: as the study file has them.
        faults: where it is noted that two variants would have one name, that a grid contradicts
            its variant, or that methods that are compared at their best have grids of unequal size.
    """
    protocols, sweeps = {}, []
    for name, protocol in keys.protocols.items():
        variants: dict[str, Variant] = {}
        for variant, said in protocol.variants.items():
            made = {variant: said}
            with faults.noted():
                if said.grid or said.choose:
                    sweep = _sweep(name, variant, said)
                    sweeps.append(sweep)
                    made = {point: _point(said, sweep, point) for point in sweep.points}
                if taken := variants.keys() & made.keys() or made.keys() & (
                    protocol.variants.keys() - {variant}
                ):
                    raise _refused(name, variant, f"two variants would be called '{min(taken)}'")
            variants |= made
        protocols[name] = replace(protocol, variants=variants)
        chosen = [sweep for sweep in sweeps if sweep.protocol == name and sweep.choose]
        with faults.noted():
            _check_budget(name, chosen)
    models = {name: _with_points(entry, protocols, sweeps) for name, entry in keys.models.items()}
    return replace(keys, protocols=protocols, models=models), tuple(sweeps)


def _sweep(protocol: str, variant: str, said: Variant) -> Sweep:
    if not said.grid:
        raise _refused(protocol, variant, "choose is for a variant with a grid")
    places: dict[str, Choosing] = {"the variant": said, **said.by_setting}
    for where, choices in places.items():
        if twice := said.grid.keys() & choices.choices.keys():
            raise _refused(
                protocol, variant, f"{min(twice)} is swept by the grid and said in {where} too"
            )
    if (count := math.prod(map(len, said.grid.values()))) > MOST:
        raise _refused(
            protocol, variant, f"the grid has {count:,} points, expected at most {MOST:,}"
        )
    points: dict[str, Mapping[str, Any]] = {}
    for values in product(*said.grid.values()):
        point = dict(zip(said.grid, values, strict=True))
        name = "_".join([variant, *(f"{key}_{in_a_name(value)}" for key, value in point.items())])
        if name in points:
            raise _refused(protocol, variant, f"two variants would be called '{name}'")
        if len(name) > _LONGEST:
            raise _refused(
                protocol,
                variant,
                f"the grid makes a variant's name of {len(name)} letters, and paths hold "
                f"{_LONGEST}; sweep fewer keys, or write its points as variants of other names",
            )
        points[name] = point
    return Sweep(
        protocol, variant, said.learner or said.method or variant, points, said.choose or ""
    )


def _point(said: Variant, sweep: Sweep, name: str) -> Variant:
    choices = {**said.choices, **sweep.points[name]}
    method = None if said.learner else sweep.method
    return replace(said, method=method, grid={}, choose=None, choices=choices)


def _with_points(entry: Models, protocols: Mapping[str, Protocol], sweeps: list[Sweep]) -> Models:
    if entry.variants == "all" or entry.protocol not in protocols:
        return entry
    swept = {sweep.name: sweep.points for sweep in sweeps if sweep.protocol == entry.protocol}
    names = [name for variant in entry.variants for name in swept.get(variant, (variant,))]
    return replace(entry, variants=tuple(dict.fromkeys(names)))


def _check_budget(protocol: str, chosen: list[Sweep]) -> None:
    """Refuse `choose` if methods have grids of different sizes: more points give a better best."""
    sizes = {sweep.name: len(sweep.points) for sweep in chosen}
    if len({*sizes.values()}) > 1:
        shown = ", ".join(f"{name} {size}" for name, size in sizes.items())
        raise ConfigError(
            f"study file: protocols.{protocol}: choose: methods are compared at equal budget, but "
            f"their grids have unequal numbers of points: {shown}"
        )


def in_a_name(value: Any) -> str:
    """A value as part of a variant's name: -0.01 becomes minus0p01."""
    if isinstance(value, Mapping):
        return "_".join(f"{key}_{in_a_name(inner)}" for key, inner in value.items())
    if isinstance(value, list | tuple):
        return "_to_".join(map(in_a_name, value))
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"{value:g}".replace("-", "minus").replace(".", "p").replace("+", "")
    return re.sub(r"[^a-z0-9]+", "_", str(value).lower()).strip("_")


def _refused(protocol: str, variant: str, why: str) -> ConfigError:
    return ConfigError(f"study file: protocols.{protocol}.variants.{variant}: {why}")
