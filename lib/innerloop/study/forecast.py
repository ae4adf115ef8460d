"""How many seconds each job of a study will take, for plans and for the display of progress."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from innerloop.study import workload
from innerloop.study.speeds import Speeds
from innerloop.study.study import Study
from innerloop.study.workload import Job, jobs_of

#: Bytes per second of a download.
BYTES_PER_SECOND = 10e6
#: Seconds of the jobs whose work hardly depends on the study: most of it is importing libraries.
LOCAL = {
    "fetch_dataset": 2.0,
    "make_splits": 2.0,
    "draw_episodes": 2.5,
    "draw_samples": 3.0,
    "describe_study": 1.0,
    "gather_table": 3.0,
    "gather_logs": 4.0,
    "draw_figure": 6.0,
    "write_table": 4.0,
    "write_report": 6.0,
    "write_pdf": 20.0,
}


def own_name(rule: str) -> str:
    """A rule's name without the prefix that another workflow may give it, as in il_train_model."""
    return next((name for name in (*workload.OUTPUTS, *LOCAL) if rule.endswith(name)), rule)


class Forecast:
    """Estimated seconds of a study's jobs, within a factor of two or three on a known machine.

    Args:
        study: the study.
        speeds: how fast jobs compute; by default, from the study's own benchmarks if it has run,
            or else those shipped with Innerloop.

    Attributes:
        jobs: every job that computes, in the order of the stages.
    """

    def __init__(self, study: Study, speeds: Speeds | None = None) -> None:
        self._study = study
        self.speeds = speeds or Speeds.known(study)
        self.jobs: list[Job] = jobs_of(study)

    def seconds(self, rule: str, wildcards: Mapping[str, Any]) -> float:
        """Seconds of one job; 0 for a rule that does nothing itself (a target).

        Args:
            rule: the job's rule.
            wildcards: the job's wildcards, as Snakemake has them: all values may be text.
        """
        if rule in workload.OUTPUTS:
            return self.speeds.seconds(self._study, workload.of(self._study, rule, wildcards))
        seconds = LOCAL.get(rule, 0.0)
        if rule == "fetch_dataset":
            files = self._study.datasets.registry.collections[wildcards["collection"]].files
            seconds += sum(file.bytes for file in files) / BYTES_PER_SECOND
        return seconds
