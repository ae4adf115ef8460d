"""Which of the logged step sizes were learned."""

from __future__ import annotations

import pandas as pd

from innerloop.measurements.layers import layers_in_order
from innerloop.measurements.schemas import MODEL

_KEY = [*(field.name for field in MODEL), "layer", "parameter"]
_LOGGED = ("mean", "sd")


def learned(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of the table `step_size` whose step sizes changed during training.

    Parameters that do not adapt use no step size, and that of a conv bias gets no gradient, since
    BatchNorm cancels the bias: their initial values are not results. Step sizes that were logged
    only once are kept.
    """
    return rows[_moved(rows)]


def unmoved(rows: pd.DataFrame) -> str:
    """A sentence that names the step sizes `learned` leaves out; empty if it leaves out none."""
    still = rows[~_moved(rows)]
    groups = still.groupby(still["parameter"].astype(str), sort=False)["layer"]
    named = [f"{name} of {', '.join(layers_in_order(layers))}" for name, layers in groups]
    return f"Left out, since training never moved them: {'; '.join(named)}." if named else ""


def _moved(rows: pd.DataFrame) -> pd.Series[bool]:
    groups = rows.groupby(_KEY, observed=True)
    changed = [groups[name].transform("max") != groups[name].transform("min") for name in _LOGGED]
    return changed[0] | changed[1] | (groups["iteration"].transform("nunique") == 1)
