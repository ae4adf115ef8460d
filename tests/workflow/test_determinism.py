"""The same seed gives the same values, whatever `--cores` says; another run from scratch too."""

from __future__ import annotations

import pandas as pd
import pytest
from study_run import Checkout, small_study

pytestmark = pytest.mark.workflow


def test_cores_and_a_second_run_change_nothing(
    small: Checkout, tmp_path_factory: pytest.TempPathFactory
) -> None:
    again = Checkout(tmp_path_factory.mktemp("again") / "innerloop")
    again.write_study("small.yaml", small_study())
    tables = ("accuracy", "cka", "training", "weight_norm")
    targets = [f"results/small/aggregates/{table}.parquet" for table in tables]
    again.run(*targets, "--configfile", "small.yaml", cores=1)
    small.run(*targets, "--configfile", "small.yaml", cores=2)
    for table in tables:
        first, second = small.aggregate("small", table), again.aggregate("small", table)
        pd.testing.assert_frame_equal(first, second, check_exact=True)
