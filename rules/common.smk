# The study, and functions that the rules share; no rules. lib/innerloop/study interprets the study.

import json
import math
import os
import shlex
import signal
import subprocess
import sys
from contextlib import suppress
from itertools import chain
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger

from innerloop.display.announced import announce_jobs, announce_study, failures
from innerloop.runtime.disk_error import disk_error
from innerloop.runtime.earlier_jobs import require_none
from innerloop.runtime.errors import InnerloopError
from innerloop.runtime.failure import reason
from innerloop.runtime.files import (
    canonical_json,
    content_file,
    read_json,
    short_digest,
    write_json,
)
from innerloop.runtime.partitions import longest_minutes
from innerloop.runtime.run_lock import note_owner, note_who_begins, remove_dead_lock
from innerloop.runtime.stale import choose_stale_too
from innerloop.runtime.typed_json import as_json
from innerloop.study import paths
from innerloop.study.declared import declare
from innerloop.study.description import describe
from innerloop.study.jobs import Jobs
from innerloop.study.keys import ACCESS
from innerloop.study.measurements import Measurements
from innerloop.study.model_key import ModelKey, model_key
from innerloop.study.overlays import name_of_its_own
from innerloop.study.sizing import Sizes
from innerloop.study.study import Study


def training_options(wildcards):
    """The command-line options of a training that do not change its result."""
    compute, options = STUDY.compute, []
    if compute.keep_activations:
        options.append("--keep-activations")
    if compute.tensorboard:
        options.append(f"--events {paths.EVENTS.format(**wildcards)}")
    return " ".join([f"--save-every {compute.save_every}", *options])


# the workflow's own folder, also where another Snakefile includes this one or uses it as a module
RULES = workflow.current_basedir
BASE = os.path.dirname(RULES)
SCRIPTS = os.path.relpath(os.path.join(BASE, "workflow_scripts"))

try:
    # read again, since Snakemake silently keeps the last of duplicate keys; but not if another
    # workflow uses Innerloop as a module and passes only a part of its config
    whole = config == workflow.modifier_stack[0].globals["config"]
    # files of --configfile come first in Snakemake's list, but override those of a Snakefile
    given = workflow.overwrite_configfiles
    files = [*workflow.configfiles[len(given) :], *given] if whole else []
    own_name = name_of_its_own(files, workflow.config_settings.config) if files else {}
    STUDY = Study({**config, **own_name}, files=files)
    JOBS = Jobs(STUDY, SCRIPTS)
    MEASUREMENTS = Measurements(JOBS)
    SIZES = Sizes(STUDY)
except InnerloopError as error:
    raise WorkflowError(str(error)) from None
# the command that repeats this run needs no more than --configfile
by_files = whole and workflow.config_settings.config.keys() <= {*ACCESS}
announce_study(STUDY, list(map(os.path.relpath, given)) if by_files else None)

if workflow.is_main_process:
    if remove_dead_lock(Path.cwd()):
        logger.info("The last run in this folder was killed: its lock is removed.")
    note_who_begins(Path.cwd())
    choose_stale_too(workflow, RULES, logger.info)

# for the command line of scripts that read the user's own registry
REGISTRY = (
    f"--registry {shlex.quote(config['registry'])}" if config.get("registry") else ""
)

# a job that computes on a GPU takes one; on one machine several may share it (in hundredths)
JOBS_PER_GPU = STUDY.compute.jobs_per_gpu
GPUS = 0 if STUDY.compute.device == "cpu" else 1
GPU_SHARE = GPUS * max(1, 100 // JOBS_PER_GPU)

# jobs run in the environment that Snakemake runs in, activated or not; Snakemake formats the prefix,
# which replaces its own
BIN = shlex.quote(os.path.dirname(sys.executable)).replace("{", "{{").replace("}", "}}")
shell.prefix(
    "set -euo pipefail; "
    f"export PATH={BIN}:$PATH INNERLOOP_JOBS_PER_GPU={JOBS_PER_GPU}; "
)

# a model in the rules' messages
MODEL = "{wildcards.variant} ({wildcards.protocol})"
TRAINED_ON = "{wildcards.dataset}, {wildcards.setting}, seed {wildcards.seed}"


wildcard_constraints:
    **paths.WILDCARDS,
    study=STUDY.name,


def look_for_jobs_when_one_ends():
    """Remove Snakemake's default limit of 100 jobs per second.

    To enforce it, Snakemake 9 looks at all ready jobs again a second after a job has ended, and
    keeps doing so for every ended job: after 200 of 600 jobs, this takes a third of a core.
    """
    limit = workflow.scheduler.job_rate_limiter
    if limit and (limit.max_jobs, limit.timespan) == (100, 1):
        workflow.scheduler.job_rate_limiter = None


def hold_folder():
    """Record who holds the folder's lock, so that the next run can tell if this one was killed."""
    note_owner(Path.cwd())
    # a lost connection ends a run as cleanly as SIGTERM does, unless nohup ignores SIGHUP
    if signal.getsignal(signal.SIGHUP) == signal.SIG_DFL:
        signal.signal(signal.SIGHUP, signal.getsignal(signal.SIGTERM))


def refuse_while_earlier_jobs_run():
    """Stop if jobs of a killed Snakemake are still running, since they would run twice."""
    try:
        # a run on this machine alone does not need SLURM's answer
        require_none(Path.cwd(), slurm=not workflow.local_exec)
    except InnerloopError as error:
        raise WorkflowError(str(error)) from None


def refuse_unaccepted_licences():
    """Stop if the study uses data sets whose terms have not been accepted."""
    try:
        STUDY.datasets.require_licences()
    except InnerloopError as error:
        raise WorkflowError(str(error)) from None


def rehearse_users_code():
    """Try the user's own code before any job starts, each version once: on random images, or, for a
    source of images, its catalogue and one image.
    """
    asked = [(job.rule.name, job.wildcards_dict) for job in workflow.dag.needrun_jobs()]
    training = [model_key(which) for rule, which in asked if rule == "train_model"]
    probing = [
        (model_key(which), which["probe"])
        for rule, which in asked
        if rule == "measure_probe"
    ]
    left, sources = {}, []
    for each in JOBS.rehearsals(training, probing):
        spec = content_file(
            ".snakemake/innerloop/rehearse", canonical_json(as_json(each))
        )
        wanted = STUDY.compute.rehearse or not each.of_users_code
        if wanted and not Path(spec).with_suffix(".passed").exists():
            left[spec] = each
    needing = {"build_images", "train_model"} & {rule for rule, which in asked}
    if needing and STUDY.compute.rehearse:
        trials = (canonical_json(as_json(each)) for each in JOBS.source_trials())
        sources = [
            spec
            for spec in (content_file(".snakemake/innerloop/source", t) for t in trials)
            if not Path(spec).with_suffix(".passed").exists()
        ]
    if not left and not sources:
        return
    trying = sources or any(each.of_users_code for each in left.values())
    logger.info(
        "Trying your own code" if trying else "Counting the networks' operations"
    )
    log = Path([*left, *sources][0]).with_suffix(".log")
    with log.open("w", encoding="utf-8") as said:
        done = subprocess.run(
            [sys.executable, f"{SCRIPTS}/rehearse.py", *left, "--sources", *sources],
            stdout=said,
            stderr=said,
        )
    if done.returncode:
        killed = f"killed by signal {-done.returncode}: " if done.returncode < 0 else ""
        raise WorkflowError(
            f"{killed}{reason(log)}\nLog: {log}\n\nTried before any work: nothing was started. "
            "(compute.rehearse: false skips this trial.)"
        )


def record_claims():
    """Record which claims the user has declared before the measurements that decide them exist."""
    try:
        declare(STUDY, MEASUREMENTS)
    except InnerloopError as error:
        raise WorkflowError(str(error)) from None


def keep_what_is_replaced():
    """Move results that will be made anew to a folder that keeps them: Snakemake deletes them."""
    # imported here, since pyarrow and rich are slow to import and a dry run needs neither
    from innerloop.runtime.progress import duration
    from innerloop.runtime.replaced import keep

    if workflow.touch:
        return
    folder, trainings, seconds = Path(in_study(paths.REPLACED)), 0, 0.0
    for job in workflow.dag.needrun_jobs():
        if "replaced" not in job.rule.params.keys():  # reuses no replaced results
            continue
        forced = workflow.dag.reason(job).forced
        try:
            kept = keep(
                [Path(file) for file in job.output],
                folder,
                anew=job.params.spec if forced else "",
            )
        except OSError as error:
            raise WorkflowError(str(disk_error(folder, error))) from None
        if kept and job.rule.name == "train_model":
            trainings += 1
            with suppress(InnerloopError, LookupError):
                seconds += read_json(kept / "run.json")["wall_seconds"]
    if seconds > 3600:
        logger.info(
            f"Replaced, and kept under {folder}/: {trainings} model{'s'[: trainings - 1]}, "
            f"{duration(seconds)} of training."
        )


def show_terms():
    """Show the terms of the files that will be fetched, and how to cite them."""
    fetched = {
        job.wildcards_dict.get("collection") for job in workflow.dag.needrun_jobs()
    }
    if said := STUDY.datasets.terms(fetched):
        logger.info(said)


def report_what_is_there():
    """After a failure, write a report on the models and measurements that exist.

    Paths need no prefix: Snakemake does not call this handler if the workflow is a module.
    """
    failed = failures(workflow, but=in_study(paths.PDF))
    if not failed:
        return
    out = Path(paths.PARTIAL_REPORT.format(study=STUDY.name))
    listed, log = (
        out.parent / "logs" / f"report-partial.{kind}" for kind in ("json", "log")
    )
    write_json(listed, failed)
    # the same file as for write_report
    study = content_file(".snakemake/innerloop/write_report", json.dumps(STUDY.config))
    with log.open("w", encoding="utf-8") as said:
        options = {
            "--study": study,
            "--failed": listed,
            "--out": out,
        }
        program = [sys.executable, f"{SCRIPTS}/write_partial_report.py"]
        done = subprocess.run(
            [*program, *chain.from_iterable(options.items())],
            stdout=said,
            stderr=said,
        )
    if done.returncode:
        logger.error(f"A partial report could not be written: {reason(log)}")
    elif out.is_file():
        logger.info(f"A report on the results so far: {out.resolve()}")
    else:
        logger.info(
            "No partial report: nothing has been measured yet for the study as it now is."
        )


def job(name, script, text):
    """The params that every job has.

    `spec` decides whether the job runs again; `file`, which its command reads, has that content.
    """
    return {
        "spec": text,
        "file": lambda wildcards, output: content_file(
            f".snakemake/innerloop/{name}", text(wildcards)
        ),
        "script": untracked(f"{SCRIPTS}/{script}"),
    }


def code_of(script):
    """A digest of the code that a script reaches, as a param."""
    return lambda wildcards: JOBS.code(script)


def digest_of(*params):
    """A digest of the params and inputs that decide whether a job runs again, as a param.

    The job's first file contains it.
    """
    return lambda wildcards, input: short_digest(
        canonical_json([*(param(wildcards) for param in params), sorted(input)])
    )


def signed_job(name, script, text, **others):
    """The same for a job whose first file contains such a digest instead of the spec.

    `others` are further params that decide whether the job runs again.
    """
    made_by = digest_of(text, *others.values())
    return {**job(name, script, text), **others, "made_by": made_by}


def untracked(value):
    """A param that does not decide whether a job runs again, such as the path of its script.

    Snakemake does not compare params that are functions of a job's outputs.
    """
    return lambda wildcards, output: value


def undeclared(pattern, made):
    """A path in the study's folder that no rule declares, as a param of the rule that makes `made`.

    It is derived from the output: if the workflow is a module, only Snakemake knows its prefix.
    """

    def place(wildcards, output):
        folder = str(Path(output[0]).parents[made.count("/") - 2])
        inside = pattern.removeprefix("results/{study}").format(**wildcards)
        return f"{folder}{inside}"

    return place


def kept_log(wildcards, output):
    """A training's log beside its checkpoints: Snakemake deletes the declared one at each start."""
    folder = undeclared(paths.CHECKPOINTS, paths.MODEL)(wildcards, output)
    spec = canonical_json(JOBS.train(key_of(wildcards)))
    return f"{folder}-{short_digest(spec)}.log"


def log_of(pattern):
    """The log of a job: its output's path below results/<study>/logs."""
    return f"{beside('logs', pattern)}.log"


def benchmark_of(pattern):
    """The benchmark of a job: its output's path below results/<study>/benchmarks."""
    return f"{beside('benchmarks', pattern)}.tsv"


def beside(folder, pattern):
    """The same path in another folder of the study, without suffix."""
    stem = os.path.splitext(pattern)[0]
    return stem.replace("results/{study}/", f"results/{{study}}/{folder}/")


def key_of(wildcards):
    """The model that wildcards name."""
    w = wildcards
    return ModelKey(w.protocol, w.dataset, w.variant, w.setting, int(w.seed))


def size_of(rule, wildcards, allowed=math.inf):
    """The resources that a job requests, within the allowed time limit."""
    key = key_of(wildcards) if "variant" in wildcards.keys() else None
    return SIZES.of(rule, key, wildcards.get("probe"), allowed)


def mem_mb_of(rule):
    """The memory of a rule's jobs."""
    return lambda wildcards, attempt: size_of(rule, wildcards).mem_mb(attempt)


def runtime_of(rule, gpus=0):
    """The time limit of a rule's jobs, in minutes."""

    def runtime(wildcards, attempt):
        return size_of(rule, wildcards, allowed_minutes(gpus)).runtime(attempt)

    return runtime


def allowed_minutes(gpus):
    """The cluster's longest time limit for jobs on so many GPUs; infinite without a cluster."""
    file = getattr(workflow.executor_settings, "partition_config", None)
    return longest_minutes(file, gpus) if file else math.inf


def in_study(pattern, **wildcards):
    """A path pattern in this study."""
    return paths.fill(pattern, study=STUDY.name, **wildcards)


def images_of(dataset, size):
    """The manifest that represents a data set's images."""
    return paths.fill(paths.IMAGES, dataset=dataset, store=JOBS.store(dataset, size))


def raw_files(wildcards):
    """The record of the files that images are built from, if they are built from any."""
    collection = JOBS.collection(wildcards.dataset, wildcards.store)
    return paths.fill(paths.RAW, collection=collection) if collection else []


def model_images(wildcards):
    """The images that a model is trained on."""
    return images_of(
        wildcards.dataset, STUDY.models[key_of(wildcards)].choices["image_size"]
    )


def measured_images(wildcards, datasets):
    """The images that a model is measured on."""
    size = STUDY.models[key_of(wildcards)].choices["image_size"]
    return [images_of(dataset, size) for dataset in datasets]


def seen_beside(wildcards):
    """The model that a probe compares the measured one with; most probes have none."""
    other = JOBS.beside(wildcards.probe, key_of(wildcards))
    return other.fill(paths.MODEL, study=STUDY.name) if other else []


def splits_of(datasets):
    """The splits of some data sets."""
    return [in_study(paths.SPLITS, dataset=dataset) for dataset in datasets]


def evaluated_datasets(wildcards):
    """The data sets that a model's accuracy is measured on."""
    return STUDY.models[key_of(wildcards)].evaluate_on


def used_datasets():
    """The data sets that anything is trained or measured on."""
    return sorted({dataset for dataset, size in JOBS.image_stores()})


def probed_datasets(wildcards):
    """The data sets that a probe measures a model on."""
    options = STUDY.config["probes"][wildcards.probe]
    return STUDY.models[key_of(wildcards)].measured_on(options)


def named(datasets, files):
    """Command-line arguments `dataset=path`."""
    return [f"{dataset}={path}" for dataset, path in zip(datasets, files)]


def logged_files():
    """Every file that trainings log."""
    return sorted(
        {path for table in paths.LOGGED for path in MEASUREMENTS.files(table)}
    )
