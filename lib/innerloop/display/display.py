"""Shows Snakemake's events to the user."""

from __future__ import annotations

import copy
import logging
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

from rich.console import Console
from snakemake.logging import ColorizingTextHandler, DefaultFilter, DefaultFormatter
from snakemake_interface_logger_plugins.common import LogEvent

from innerloop.display.accuracy import measured
from innerloop.display.announced import HERE, Announcement
from innerloop.display.run import Job, Run
from innerloop.display.screen import Lines, Screen, Terminal
from innerloop.runtime.failure import reason
from innerloop.runtime.progress import SAVED, duration
from innerloop.study import paths
from innerloop.study.forecast import own_name

#: Snakemake's messages about itself, and those that are replaced here.
_NOISE = re.compile(
    r"Building DAG of jobs|Using shell: |Select jobs to execute|Execute \d+ jobs|Assuming unrestr"
    r"|Removing output files of failed job|Shutting down, this might take some time|Complete log"
    r"|Exiting because a job execution failed|Elapsed time|Group jobs: inactive|Conda env"
    r"|Singularity containers|host: |Config file .* (extended|replaced) by|Trying to restart job"
    r"|None$|$"
)
_INTERRUPTED = "Terminating processes on user request"
#: Snakemake's errors that only say that a job failed.
_JOB_FAILED = re.compile(r"(RuleException:\s+)?(CalledProcessError|SpawnedJobError)")
#: An error for people that the Snakefile raises, between the places that Snakemake adds.
_OURS = re.compile(
    r'WorkflowError in file "[^"\n]*/rules/common\.smk", line \d+:\n(.*?)(?:\n  File "[^\n]*)*\s*',
    re.DOTALL,
)
_SAVED = re.compile(SAVED.format(r"(\d+)"))
#: Rules whose jobs start over if they have saved nothing; builds and downloads continue.
_ANEW = ("train_model", "train_toy")
#: Maximum number of paths, and of a reason's characters, that a dry run shows of a job.
_SHOWN_PATHS, _SHOWN_REASON = 6, 400


class Display:
    """Shows a run of Snakemake.

    Args:
        settings: Snakemake's output settings.
        announcement: what the Snakefile has announced; filled in later.
        stream: where to write; default: where Snakemake does.
        clock: a clock in seconds; default: the machine's.
    """

    def __init__(
        self,
        settings: Any,
        announcement: Announcement = HERE,
        stream: TextIO | None = None,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self._settings, self._announcement = settings, announcement
        self._stream: TextIO = stream or (sys.stdout if settings.stdout else sys.stderr)
        self._quiet = {str(getattr(kind, "value", kind)).lower() for kind in settings.quiet or ()}
        self._plain = _snakemakes_own(settings, self._stream)
        self._run = Run(announcement, clock) if clock else Run(announcement)
        self._screen: Screen | None = None
        self._planned: dict[str, float] = {}  # estimated seconds of a dry run's jobs, by rule
        self._interrupted: list[Job] | None = None
        self._reported = False
        self._stopped: set[int] = set()  # numbers of failed jobs that were told to stop, and saved

    def show(self, record: logging.LogRecord) -> None:
        """Show one event."""
        event = getattr(record, "event", None)
        if event == LogEvent.ERROR and (ours := _OURS.fullmatch(record.getMessage())):
            record = copy.copy(record)  # Snakemake's own log keeps the places
            record.msg = ours[1]
        if self._settings.dryrun:
            self._show_planned(event, record)
            return
        shown = {
            LogEvent.JOB_INFO: self._start,
            LogEvent.JOB_FINISHED: self._finish,
            LogEvent.JOB_ERROR: self._fail,
            LogEvent.PROGRESS: self._count,
            LogEvent.ERROR: self._error,
            None: self._words,
        }.get(event)
        if shown:
            with self.screen.lock:
                shown(record)
        elif event in (LogEvent.SHELLCMD, LogEvent.DEBUG_DAG):
            self._pass_on(record)

    @property
    def screen(self) -> Screen:
        """The screen, made when something is first shown."""
        if self._screen is None:
            jobs = not self._quiet & {"all", "rules"}
            live = self._stream.isatty() and os.environ.get("TERM") != "dumb"
            if live and not self._settings.verbose and not self._quiet & {"all", "progress"}:
                console = Console(
                    file=self._stream, no_color=self._settings.nocolor or None, soft_wrap=False
                )
                self._screen = Terminal(self._run, console, jobs=jobs)
            else:
                progress = not self._quiet & {"all", "progress"}
                self._screen = Lines(self._run, self._stream, jobs=jobs, progress=progress)
        return self._screen

    # ---- a run -----------------------------------------------------------------------------

    def _start(self, record: Any) -> None:
        if not self._run.running and not self._run.finished and not self._run.failed:
            self._begin()
        job = Job(
            record.jobid, own_name(record.rule_name), record.wildcards, what=_what(record),
            log=str(record.log[0]) if record.log else "", outputs=tuple(map(str, record.output)),
            started=self._run.clock(), queued=not record.local,
        )  # fmt: skip
        self._run.start(job)
        if record.output:  # a target such as `all` does nothing
            self.screen.started(job)

    def _begin(self) -> None:
        study, ahead = self._announcement.study, self._run.seconds_left
        if ahead is None or study is None or self._quiet & {"all", "progress"}:
            return
        work = duration(self._run.seconds_ahead)
        self.screen.say(
            f"{study.name}: {self._run.jobs} jobs, about {work} of work, {duration(ahead)} from now"
        )

    def _finish(self, record: Any) -> None:
        job = self._run.finish(record.job_id)
        if job is None or not job.outputs:
            return
        found = ""
        if job.rule == "measure_accuracy":
            study = self._announcement.study
            labels = {
                name: entry.get("label", name)
                for name, entry in (study.config["datasets"].items() if study else ())
            }
            found = measured(job.outputs[0], labels)
        self._reported |= job.rule == "write_report"
        self.screen.ended(job, self._run.clock() - job.started, found)

    def _fail(self, record: Any) -> None:
        if record.indent and all(Path(output).exists() for output in record.output):
            self._run.finish(record.jobid)  # another job of its group failed
            return
        if self._interrupted is not None:
            return  # reported at the end
        job = self._run.fail(record.jobid)
        after = f" after {duration(self._run.clock() - job.started)}" if job else ""
        what = job.what if job else record.rule_name
        why = reason(record.log[0]) if record.log else ""
        stopped = _SAVED.search(why.rpartition("\n")[2])
        if stopped:
            self._stopped.add(record.jobid)
            why = stopped[0]
        lines = [f"{'Stopped' if stopped else 'FAILED'}{after}: {what}"]
        if record.log:
            lines += [f"    {line}" for line in why.splitlines()]
            lines += [f"    Log: {log}" for log in record.log]
        elif record.rule_msg:
            lines.append(f"    {record.rule_msg}")
        self.screen.say("\n".join(lines), "yellow" if stopped else "red")

    def _count(self, record: Any) -> None:
        self._run.total = record.total

    def _error(self, record: Any) -> None:
        """Show an error of Snakemake's own; a job's has been shown already."""
        if _JOB_FAILED.match(record.getMessage()):
            return
        stopped = self._interrupted is not None or self._run.failed
        if not (stopped and "At least one job did not complete" in record.getMessage()):
            self._pass_on(record)

    def _words(self, record: Any) -> None:
        text = record.getMessage()
        if text.startswith(_INTERRUPTED):
            self._interrupted = list(self._run.running.values())
            self.screen.say("Stopping: trainings save their state ...", "yellow")
        elif text.startswith("Trying to restart job"):
            self.screen.say("Trying it once more.", "yellow")
        elif text.startswith("Nothing to be done"):
            self.screen.say(text)
            self._reported = True
        elif not _NOISE.match(text) or self._settings.verbose:
            self._pass_on(record)

    def _pass_on(self, record: logging.LogRecord) -> None:
        """Show a record as Snakemake does, above the live part if there is one."""
        if not self._plain.filter(record):
            return
        if isinstance(self._screen, Terminal):
            text = self._plain.format(record)
            if text and text != "None":
                self._screen.say(text, "red" if record.levelno >= logging.ERROR else "")
        else:
            self._plain.emit(record)

    def close(self) -> None:
        """End the display: say what was found, what failed, or where the run was stopped."""
        screen, self._screen = self._screen, None
        if screen is None:
            return
        screen.close()
        run, say = self._run, screen.say
        took = duration(run.clock() - run.began)
        if self._interrupted is not None:
            say("\n".join(["Stopped.", *map(_saved, self._interrupted)]), "yellow")
        elif run.failed:
            names = [
                f"    {job.what}" + f"\n        Log: {job.log}" * bool(job.log)
                for job in run.failed.values()
            ]
            undone = max(run.jobs - run.finished - len(names), 0)
            stopped = len(self._stopped & run.failed.keys())
            counts = {"failed": len(names) - stopped, "stopped": stopped}
            ended = ", ".join(f"{_jobs(count)} {how}" for how, count in counts.items() if count)
            say(
                f"{ended}, {undone} did not run, {run.finished} succeeded in "
                f"{took}. Run again to do the rest.\n" + "\n".join(names),
                "red",
            )
        elif run.finished and "all" not in self._quiet:
            say(f"{_jobs(run.finished)} done in {took}.", "green")
        if self._reported and not run.failed and self._announcement.study:
            self._conclude(self._announcement.study.name)

    def _conclude(self, study: str) -> None:
        """Print the accuracies, and where the report is."""
        report = Path(paths.REPORT.format(study=study))
        if not report.is_file() or "all" in self._quiet:
            return
        if self._run.finished:
            done = subprocess.run(
                [sys.executable, "-m", "innerloop.display.accuracy", report.parent],
                capture_output=True, text=True, check=False,
                env={**os.environ, "PYTHONIOENCODING": "utf-8"}, encoding="utf-8",
            )  # fmt: skip
            if done.returncode == 0:
                print(f"\n{done.stdout}", file=self._stream)
        print(f"The report: {report.resolve()}", file=self._stream, flush=True)

    # ---- a dry run -------------------------------------------------------------------------

    def _show_planned(self, event: LogEvent | None, record: Any) -> None:
        if event == LogEvent.JOB_INFO:
            rule = own_name(record.rule_name)
            seconds = self._run.estimate(rule, record.wildcards)
            self._planned[rule] = self._planned.get(rule, 0.0) + seconds
        if self._plain.filter(record):
            self._plain.emit(record)
        if event is None and record.getMessage().startswith("This was a dry-run") and self._planned:
            work = duration(sum(self._planned.values()))
            longest = sorted(self._planned.items(), key=lambda item: -item[1])[:3]
            most = ", ".join(f"{rule} {duration(seconds)}" for rule, seconds in longest if seconds)
            if most and "all" not in self._quiet:
                print(
                    f"Estimated work: {work}, most of it {most} (`innerloop plan` says more).",
                    file=self._stream,
                )


class _Formatter(DefaultFormatter):  # type: ignore[misc]
    """Snakemake's format, with every job's rule and wildcards whether or not it has a message."""

    def __init__(self, settings: Any) -> None:
        super().__init__(settings.quiet, settings.show_failed_logs)
        self._whole = settings.verbose

    def format_job_info(self, msg: dict[str, Any]) -> str:
        shown = dict(msg)
        if not self._whole:
            for kind in ("input", "output"):
                shown[kind] = _shortened(msg[kind])
            if len(msg["reason"]) > _SHOWN_REASON:
                shown["reason"] = f"{msg['reason'][:_SHOWN_REASON]} ... (--verbose)"
        lines = super().format_job_info({**shown, "rule_msg": None}).splitlines()
        if msg["rule_msg"]:
            lines.insert(2, f"    message: {msg['rule_msg']}")
        return "\n".join(lines)


def _snakemakes_own(settings: Any, stream: TextIO) -> ColorizingTextHandler:
    """The handler that Snakemake uses if no logger is requested."""
    own = ColorizingTextHandler(nocolor=settings.nocolor, stream=stream)
    own.setFormatter(_Formatter(settings))
    shown = (settings.quiet, settings.debug_dag, settings.verbose)
    own.addFilter(DefaultFilter(*shown, settings.dryrun, settings.printshellcmds))
    return own


def _shortened(names: list[str]) -> list[str]:
    more = len(names) - _SHOWN_PATHS
    return names if more <= 1 else [*names[:_SHOWN_PATHS], f"and {more} more (--verbose)"]


def _what(record: Any) -> str:
    """A job in words: its rule's message, or the rule and its wildcards."""
    wildcards = ", ".join(f"{name} {value}" for name, value in dict(record.wildcards).items())
    return str(record.rule_msg or f"{record.rule_name} {wildcards}".strip())


def _saved(job: Job) -> str:
    """How an interrupted job continues: from what it has saved, or from the beginning."""
    log = Path(job.log) if job.log else None
    text = log.read_text(encoding="utf-8", errors="replace") if log and log.is_file() else ""
    iterations = _SAVED.findall(text)
    if iterations:
        return f"    {job.what}: {SAVED.format(iterations[-1])}"
    anew = job.rule in _ANEW
    return f"    {job.what}: {'starts over when run again' if anew else 'run again to go on'}"


def _jobs(count: int) -> str:
    return f"{count} job" if count == 1 else f"{count} jobs"
