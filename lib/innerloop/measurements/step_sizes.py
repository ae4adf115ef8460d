"""Which of the logged step sizes were learned at all."""

from __future__ import annotations

import pandas as pd

from innerloop.measurements.layers import layers_in_order
from innerloop.measurements.schemas import MODEL

_WHOSE = [*(field.name for field in MODEL), "layer", "parameter"]
_LOGGED = ("mean", "sd")


def learned(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of the table `step_size` whose step sizes training moved.

    A parameter that does not adapt has none to move, and no gradient reaches that of a conv bias,
    which BatchNorm takes out again: where they started is no result. What was logged only once is
    kept.
    """
    return rows[_moved(rows)]


def unmoved(rows: pd.DataFrame) -> str:
    """A sentence on what `learned` leaves out; empty if that is nothing."""
    still = rows[~_moved(rows)]
    layers = still.groupby(still["parameter"].astype(str), sort=False)["layer"]
    named = [f"{name} of {', '.join(layers_in_order(found))}" for name, found in layers]
    return f"Left out, since training never moved them: {'; '.join(named)}." if named else ""


def _moved(rows: pd.DataFrame) -> pd.Series[bool]:
    groups = rows.groupby(_WHOSE, observed=True)
    changed = [groups[name].transform("max") != groups[name].transform("min") for name in _LOGGED]
    return changed[0] | changed[1] | (groups["iteration"].transform("nunique") == 1)
