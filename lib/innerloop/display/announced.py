"""What the Snakefile announces of a run: its study, the jobs it will do, those that have failed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from innerloop.runtime.failure import reason
from innerloop.runtime.files import atomic_path
from innerloop.runtime.last_run import NOTED
from innerloop.runtime.typed_json import as_json
from innerloop.study.forecast import own_name
from innerloop.study.study import Study


@dataclass
class Announced:
    """A job that this run will do.

    Attributes:
        number: Snakemake's number of the job.
        rule: its rule, without the prefix that a workflow with Innerloop in it gives.
        wildcards: name -> value.
        share: of the machine, or of a cluster's simultaneous jobs, that it takes; 0.5 lets two run.
        what: what it does, in words.
        log: the path of its log, if it has one.
        outputs: paths of its output files.
    """

    number: int
    rule: str
    wildcards: Mapping[str, Any]
    share: float = 1.0
    what: str = ""
    log: str = ""
    outputs: tuple[str, ...] = ()


@dataclass
class Announcement:
    """The study that Snakemake runs here, once the Snakefile is read; its jobs, once it starts.

    `files` are the study's files as `--configfile` names them; None if they alone do not give it.
    """

    study: Study | None = None
    jobs: list[Announced] = field(default_factory=list)
    files: Sequence[str] | None = None


#: One per process, since Snakemake has one workflow per process.
HERE = Announcement()


def announce_study(study: Study, files: Sequence[str] | None = None) -> None:
    """Record the Snakefile's study, and the files that give it."""
    HERE.study, HERE.files, HERE.jobs = study, files, []


def announce_jobs(workflow: Any) -> None:
    """Record the jobs that Snakemake is about to do, also in a file; called when it starts."""
    HERE.jobs = list(_jobs(workflow))
    if HERE.study is not None:
        noted = {"config": HERE.study.config, "files": HERE.files, "jobs": as_json(HERE.jobs)}
        with atomic_path(NOTED.format(study=HERE.study.name)) as temporary:  # keys in file order
            temporary.write_text(json.dumps(noted), encoding="utf-8")


def failures(workflow: Any, but: str = "") -> list[dict[str, str]]:
    """`what`, `reason` and `log` of each job that has failed for good.

    Empty if the run was stopped: what was running then has not failed.

    Args:
        workflow: Snakemake's workflow.
        but: an output; the job that makes it is left out.
    """
    if workflow.scheduler.running:
        return []
    jobs = [
        each
        for job in workflow.scheduler.failed
        for each in (job.jobs if job.is_group() else [job])
    ]
    found = []
    for job in sorted(jobs, key=lambda job: int(job.jobid)):
        if but in map(str, job.output):
            continue
        if not all(Path(output).exists() for output in job.output):  # of a group, some may be done
            log = str(job.log[0]) if job.log else ""
            what = str(job.message or job)
            found.append({"what": what, "reason": reason(log) if log else "", "log": log})
    return found


def _jobs(workflow: Any) -> Iterator[Announced]:
    known = {name: _number(value) for name, value in workflow.global_resources.items()}
    limits = {name: limit for name, limit in known.items() if limit}
    for job in workflow.dag.needrun_jobs():
        if workflow.local_exec or job.is_local:
            needs = {"_cores": float(job.threads)}
        else:
            needs = {"_nodes": 1.0}
        needs |= {
            name: _number(job.resources.get(name)) for name in limits if not name.startswith("_")
        }
        shares = [need / limits[name] for name, need in needs.items() if name in limits]
        share = min(1.0, max(shares, default=1.0))
        yield Announced(
            job.jobid,
            own_name(job.rule.name),
            dict(job.wildcards_dict),
            share,
            _in_words(job),
            str(job.log[0]) if job.log else "",
            tuple(map(str, job.output)),
        )


def _in_words(job: Any) -> str:
    """What a job does, by its rule's message."""
    try:
        # job.message evaluates all that a message may name; Innerloop's name only wildcards
        return str((job.rule.message or job.rule.name).format(wildcards=job.wildcards))
    except (LookupError, AttributeError, ValueError):  # other rules: {input}, {wildcards.sample:q}
        return str(job.message)


def _number(value: Any) -> float:
    """A resource as a number; 0 if it is text, or is decided later."""
    value = getattr(value, "value", value)
    return float(value) if isinstance(value, int | float) else 0.0
