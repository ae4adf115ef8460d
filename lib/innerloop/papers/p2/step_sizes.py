"""Caption sentences on how step sizes were learned: iterations, initial values, granularity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from innerloop.measurements.described_study import DescribedStudy

START_MATTERS = "Where step sizes start biases the sign of their final mean."
_EACH = "one for each weight"
_LEARNED = {
    "parameter": _EACH,
    "layer": "one for each tensor of a layer",
    "step_and_layer": "one for each tensor of a layer and inner step",
}


def iterations(study: DescribedStudy, protocol: str, rows: pd.DataFrame) -> str:
    """The length of training, as `60,000 iterations`; each variant's if they differ."""
    ends = rows.groupby("variant", observed=True, sort=False)["iteration"].max()
    counts = {study.label(str(name), protocol): f"{count:,}" for name, count in ends.items()}
    return f"{_shared_or_each(counts)} iterations"


def start(study: DescribedStudy, protocol: str, rows: pd.DataFrame) -> str:
    """The initial step sizes of the variants in `rows`, and that they matter."""
    details = _details(study, protocol, rows)
    starts = {label: _start(each) for label, each in details.items() if "step_size" in each}
    return f"Start: {_shared_or_each(starts)}. {START_MATTERS}" if starts else START_MATTERS


def learned(study: DescribedStudy, protocol: str, rows: pd.DataFrame) -> str:
    """The granularity and bound of the variants' step sizes; empty if each weight has its own."""
    details = _details(study, protocol, rows)
    kinds = {label: _learned(each) for label, each in details.items()}
    return "" if {*kinds.values()} <= {_EACH} else f"Step sizes: {_shared_or_each(kinds)}."


def _details(
    study: DescribedStudy, protocol: str, rows: pd.DataFrame
) -> dict[str, Mapping[str, Any]]:
    """Label -> all resolved parameters, for each variant in `rows`."""
    home, setting = study.home(protocol), study.main_setting(protocol)
    present = {str(name) for name in rows["variant"].unique()}
    return {
        study.label(model.variant, protocol): model.details
        for model in study.models
        if (model.protocol, model.dataset, model.setting) == (protocol, home, setting)
        and model.variant in present
    }


def _learned(details: Mapping[str, Any]) -> str:
    bound = details.get("step_size_lower_bound")
    kind = _LEARNED[details.get("learn_step_size") or "parameter"]
    return kind if bound is None else f"{kind}, at least {bound:g}"


def _start(details: Mapping[str, Any]) -> str:
    step_size, factor = details["step_size"], details.get("step_size_multiplier", 1)
    if isinstance(step_size, Sequence):
        low, high = (factor * end for end in step_size)
        return f"drawn uniformly between {low:g} and {high:g}"
    return f"{factor * step_size:g} everywhere"


def _shared_or_each(values: Mapping[str, str]) -> str:
    """The value that all share, or `value (name)` for each."""
    if len(set(values.values())) == 1:
        return next(iter(values.values()))
    return ", ".join(f"{value} ({name})" for name, value in values.items())
