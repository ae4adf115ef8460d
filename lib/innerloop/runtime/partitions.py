"""The time limits of a cluster's partitions, as the profile's partitions.yaml has them.

Snakemake's SLURM executor sends a job that fits none of them to the cluster's default partition,
whatever that is: so no job may ask for more than they allow.
"""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path


@cache
def longest_minutes(file: Path, gpus: int) -> float:
    """The longest time limit of the partitions that take a job on so many GPUs.

    Infinite where one of them states none, or where none takes such a job.
    """
    # the executor's own reader: it is there wherever such a file is used
    from snakemake_executor_plugin_slurm.partitions import read_partition_file

    limits = [each.limits for each in read_partition_file(file)]
    allowed = (float(each.max_runtime) for each in limits if each.max_gpu >= gpus)
    return max(allowed, default=math.inf)
