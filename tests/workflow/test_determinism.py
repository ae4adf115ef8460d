"""The same seed gives the same values, whatever `--cores` says; another run from scratch too."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from study_run import SHARED, Checkout, shared_study

pytestmark = pytest.mark.workflow

#: Everything that is made of one model: trained, logged, measured.
MADE = [
    "models/p1/stripes/relative_step/5w1s/seed0/training.parquet",
    "models/p1/stripes/relative_step/5w1s/seed0/dynamics.parquet",
    "measurements/accuracy/p1/stripes/relative_step/5w1s/seed0.parquet",
    "measurements/distance/p1/stripes/relative_step/5w1s/seed0.parquet",
]


def test_cores_and_a_second_run_change_nothing(finished: Checkout, tmp_path: Path) -> None:
    again = shared_study(tmp_path / "innerloop")
    again.run(*(f"results/smoke/{file}" for file in MADE), *SHARED, cores=1)
    for file in MADE:
        first, second = (
            pd.read_parquet(checkout.folder / "results/smoke" / file)
            for checkout in (finished, again)
        )
        pd.testing.assert_frame_equal(first, second, check_exact=True)
