"""The longest time limit of a site's partitions."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from innerloop.runtime.partitions import longest_minutes

ROOT = Path(__file__).resolve().parents[2]


def write(folder: Path, *partitions: str) -> Path:
    file = folder / "partitions.yaml"
    file.write_text(
        "partitions:\n" + "".join(f"  {each}\n" for each in partitions), encoding="utf-8"
    )
    return file


def test_only_partitions_with_gpus_count_for_a_job_on_one(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        "cpu: {max_runtime: 4d}",
        "short: {max_runtime: 60, max_gpu: 1}",
        "gpu: {max_runtime: 480, max_gpu: 1}",
    )
    assert longest_minutes(file, 0) == 4 * 24 * 60
    assert longest_minutes(file, 1) == 480


@pytest.mark.parametrize("partitions", [("gpu: {max_gpu: 1}",), ("cpu: {max_runtime: 60}",)])
def test_what_no_partition_limits_has_no_limit(tmp_path: Path, partitions: tuple[str]) -> None:
    assert longest_minutes(write(tmp_path, *partitions), 1) == math.inf


def test_the_profile_s_partitions_take_every_job() -> None:
    file = ROOT / "profiles/slurm/partitions.yaml"
    assert [longest_minutes(file, gpus) for gpus in (0, 1)] == [1440, 1440]
