"""The time limits of a cluster's partitions, as given in the profile's partitions.yaml.

Snakemake's SLURM executor sends a job that fits none of them to the cluster's default partition,
whatever that is. So no job may ask for more than they allow.
"""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path


@cache
def longest_minutes(file: Path, gpus: int) -> float:
    """The longest time limit, in minutes, of the partitions that take a job with this many GPUs.

    Infinite if one of these states no limit, or if there are none.
    """
    # the executor's own reader, which is installed wherever such a file is used
    from snakemake_executor_plugin_slurm.partitions import read_partition_file

    limits = [each.limits for each in read_partition_file(file)]
    allowed = (float(each.max_runtime) for each in limits if each.max_gpu >= gpus)
    return max(allowed, default=math.inf)
