"""The memory and time that a job requests from a scheduler: estimated, or set in the study file.

Locally they have no effect unless Snakemake is given a limit, such as `--resources mem_mb=16000`.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import Any

from innerloop.study import workload
from innerloop.study.keys import Resources
from innerloop.study.model_key import ModelKey
from innerloop.study.speeds import Speeds
from innerloop.study.study import Study

#: MB of a job that computes nothing: libraries, and the two Snakemake processes of a cluster job.
BASE_MB = 1200
#: Additional MB on a GPU: the driver's share and pinned copies; activations are on the device.
GPU_MB = 3000
#: On a CPU, estimates of tensors are multiplied by this: freed memory is fragmented.
MEMORY_MARGIN = 1.3
#: Estimated seconds are multiplied by this, and this many minutes added.
TIME_MARGIN, EXTRA_MINUTES = 3.0, 10
#: The longest time limit requested by default, in minutes; less if partitions allow less.
LONGEST = 24 * 60


@dataclass(frozen=True)
class Size:
    """The memory and time that a job requests.

    Attributes:
        first_mb: memory of the first attempt, in MB.
        minutes: time limit of the first attempt.
        resumes: whether another attempt continues the work, and so needs no longer limit.
        longest: the longest time limit that another attempt may request, in minutes.
    """

    first_mb: int
    minutes: int
    resumes: bool = False
    longest: int = LONGEST

    def mem_mb(self, attempt: int) -> int:
        """Memory of an attempt, in MB: 1.5 times as much at the second, twice from the third on."""
        return math.ceil(self.first_mb * min(1 + attempt, 4) / 2)

    def runtime(self, attempt: int) -> int:
        """Time limit of an attempt, in minutes: longer each time for jobs that start over."""
        if self.resumes:
            return self.minutes
        return min(self.minutes * attempt, max(self.minutes, self.longest))


#: Rules whose work depends on the images; building may decode sixty thousand photographs.
UNCOUNTED = {"build_images": Size(4000, 120), "measure_raw_pixels": Size(1500, 30)}
#: Rules whose jobs for the same model run one after the other in one allocation of a cluster.
TOGETHER = ("measure_accuracy", "measure_probe")


class Sizes:
    """The memory and time that a study's jobs request.

    Args:
        study: the study.
        speeds: how fast jobs compute; by default, those shipped with Innerloop.
    """

    def __init__(self, study: Study, speeds: Speeds | None = None) -> None:
        self._study, self._speeds = study, speeds or Speeds.shipped()

    def of(
        self,
        rule: str,
        key: ModelKey | None = None,
        probe: str | None = None,
        allowed: float = math.inf,
    ) -> Size:
        """What a job requests: the study file's compute.resources, or else the estimate.

        Args:
            rule: the job's rule.
            key: its model, if it has one.
            probe: its probe, if it has one.
            allowed: the longest time limit allowed where it runs, in minutes.
        """
        longest = int(min(LONGEST, allowed))
        estimate = self._estimate(rule, key, probe, longest)
        asked = getattr(self._study.compute.resources, rule, None) or Resources()
        return replace(
            estimate,
            first_mb=asked.mem_mb or estimate.first_mb,
            minutes=asked.runtime or estimate.minutes,
        )

    def _estimate(self, rule: str, key: ModelKey | None, probe: str | None, longest: int) -> Size:
        if rule in UNCOUNTED:
            size = UNCOUNTED[rule]
            return replace(size, minutes=min(size.minutes, longest), longest=longest)
        work = workload.of(self._study, rule, _wildcards(key, probe))
        on_cpu = self._study.compute.device == "cpu"
        tensors = MEMORY_MARGIN * work.peak_mb if on_cpu else GPU_MB
        memory = BASE_MB + work.stored_mb + tensors
        minutes = self._minutes(rule, key, probe)
        if key and rule in TOGETHER:
            longest = max(1, longest * minutes // self._minutes_together(key))
        return Size(_rounded(memory), min(minutes, longest), rule == "train_model", longest)

    def _minutes(self, rule: str, key: ModelKey | None, probe: str | None = None) -> int:
        """The time limit that a job needs, even if it is more than allowed."""
        work = workload.of(self._study, rule, _wildcards(key, probe))
        seconds = self._speeds.seconds(self._study, work)
        return math.ceil(seconds * TIME_MARGIN / 60 + EXTRA_MINUTES)

    def _minutes_together(self, key: ModelKey) -> int:
        """The time limit that all measurements of a model need together, in one allocation."""
        probes = self._study.models[key].probes
        return self._minutes("measure_accuracy", key) + sum(
            self._minutes("measure_probe", key, probe) for probe in probes
        )


def _wildcards(key: ModelKey | None, probe: str | None) -> dict[str, Any]:
    return {**(asdict(key) if key else {}), "probe": probe}


def _rounded(memory: float) -> int:
    """Rounded up to a multiple of 100 MB, since estimates are not more precise."""
    return math.ceil(memory / 100) * 100
