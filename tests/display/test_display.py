"""What one sees of a run, from Snakemake's events to the screen."""

from __future__ import annotations

import io
import json
import logging
import re
import threading
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from snakemake_interface_logger_plugins.common import LogEvent
from snakemake_interface_logger_plugins.registry import LoggerPluginRegistry

from innerloop.display.announced import Announced, Announcement
from innerloop.display.display import Display
from innerloop.display.run import Job, Run
from innerloop.display.screen import Lines, Terminal, state
from innerloop.runtime.progress import MEGABYTE, SAVED, ByteProgress, Progress
from synthetic import describe, write_tables

MAML = {"protocol": "p1", "dataset": "tiny", "variant": "maml", "setting": "5w1s", "seed": "0"}


@dataclass
class Settings:
    """Snakemake's output settings, as far as a display reads them."""

    dryrun: bool = False
    quiet: set[str] = field(default_factory=set)
    verbose: bool = False
    nocolor: bool = False
    stdout: bool = False
    debug_dag: bool = False
    printshellcmds: bool = False
    show_failed_logs: bool = True


class Clock:
    """Seconds that pass when they are told to."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


class Shown:
    """A display, what it wrote, and events to give it."""

    def __init__(self, announcement: Announcement | None = None, **settings: Any) -> None:
        self.stream, self.clock = io.StringIO(), Clock()
        self.display = Display(
            Settings(**settings), announcement or Announcement(), self.stream, self.clock
        )

    def tell(self, text: str | None, level: int = logging.INFO, **extra: Any) -> None:
        record = logging.LogRecord("snakemake", level, "", 0, text, None, None)
        record.__dict__.update(extra)
        self.display.show(record)

    def start(self, number: int, message: str | None, log: str = "", **more: Any) -> None:
        facts = {
            "jobid": number, "rule_msg": message, "rule_name": "train_model", "wildcards": MAML,
            "log": [log] if log else [], "output": ["results/x.json"], "input": [],
            "reason": "Missing output files", "local": True, "is_checkpoint": False,
            "resources": {}, "priority": 0, "threads": 1, "indent": False, "benchmark": None,
        }  # fmt: skip
        self.tell("job", event=LogEvent.JOB_INFO, **{**facts, **more})

    def finish(self, number: int) -> None:
        self.tell("finished", event=LogEvent.JOB_FINISHED, job_id=number)

    def fail(self, number: int, log: str) -> None:
        command = "python train.py --spec '{" + "x" * 900 + "}'"
        self.tell(
            "RuleException:\nCalledProcessError in file train.smk, line 3:\n"
            f"Command '{command}' returned non-zero exit status 1.", logging.ERROR,
            event=LogEvent.ERROR, exception="RuleException",
        )  # fmt: skip
        self.tell(
            "Error in rule", logging.ERROR, event=LogEvent.JOB_ERROR, jobid=number, indent=False,
            rule_name="train_model", rule_msg=None, log=[log], output=[], input=[], aux={},
            shellcmd=command, conda_env=None,
        )  # fmt: skip

    def close(self) -> list[str]:
        self.display.close()
        return self.stream.getvalue().splitlines()


def without_time(lines: list[str]) -> list[str]:
    return [line[10:] for line in lines]


def announced(*seconds: float, share: float = 0.5, monkeypatch: Any = None) -> Announcement:
    """A run of trainings that are forecast to take so long."""
    wanted = dict(enumerate(seconds))
    monkeypatch.setattr(
        "innerloop.display.run.Forecast",
        lambda study: SimpleNamespace(seconds=lambda rule, wildcards: wanted[wildcards["n"]]),
    )
    study = SimpleNamespace(name="mine", config={"datasets": {}})
    jobs = [Announced(n, "train_model", {"n": n}, share) for n in wanted]
    return Announcement(study, jobs)  # type: ignore[arg-type]


def test_snakemake_finds_the_plugin():
    assert LoggerPluginRegistry().get_plugin("innerloop").settings_cls is None


def test_a_line_when_a_job_starts_and_one_when_it_ends():
    shown = Shown()
    shown.start(1, "Train maml on tiny")
    shown.clock.now = 150
    shown.finish(1)
    assert without_time(shown.close()) == [
        "Train maml on tiny",
        "done in 2 min: Train maml on tiny",
        "1 job done in 2 min.",
    ]


def test_a_job_without_a_message_is_told_by_its_wildcards():
    shown = Shown()
    shown.start(1, None, wildcards={"dataset": "tiny", "seed": "3"})
    assert without_time(shown.close())[0] == "train_model dataset tiny, seed 3"


@pytest.mark.parametrize("rule", ["measure_accuracy", "il_measure_accuracy"])
def test_a_measured_accuracy_is_told_at_once(tmp_path, monkeypatch, rule):
    file = tmp_path / "accuracy.parquet"
    rows = [
        {"eval_dataset": "tiny", "split": "test", "checkpoint": kept, "accuracy": value}
        for kept, values in (("best", [0.4, 0.6, float("nan")]), ("last", [0.1, 0.1]))
        for value in values
    ]
    pq.write_table(pa.Table.from_pylist(rows), file)
    announcement = announced(3, monkeypatch=monkeypatch)
    announcement.study.config["datasets"]["tiny"] = {"label": "Tiny"}
    shown = Shown(announcement)
    facts = {"rule_name": rule, "output": [str(file)], "wildcards": {"n": 0}}
    shown.start(0, "Measure", **facts)
    shown.finish(0)
    assert "done in 0 s: Measure: Tiny 50.0 ± 19.6 %" in without_time(shown.close())


def test_a_failure_shows_its_reason_and_log_and_no_command(tmp_path):
    log = tmp_path / "train.log"
    log.write_text(
        "12:00:00  maml: 1/4  1.00/s  3 s left\nFAILED my_rule.py, line 12, in step:\n"
        "    if weight.norm() > 1:\nIt decides by a value.\n\nTraceback (most recent call last):\n"
    )
    shown = Shown()
    shown.start(1, "Train mine on tiny", str(log))
    shown.clock.now = 7
    shown.fail(1, str(log))
    shown.tell(
        "WorkflowError:\nAt least one job did not complete successfully.", logging.ERROR,
        event=LogEvent.ERROR, exception="WorkflowError",
    )  # fmt: skip
    assert without_time(shown.close()) == [
        "Train mine on tiny",
        "FAILED after 7 s: Train mine on tiny",
        "    my_rule.py, line 12, in step:",
        "        if weight.norm() > 1:",
        "    It decides by a value.",
        f"    Log: {log}",
        "1 job failed, 0 did not run, 0 succeeded in 7 s. Run again to do the rest.",
        "    Train mine on tiny",
        f"        Log: {log}",
    ]


def test_a_training_that_was_told_to_stop_has_not_failed(tmp_path):
    log = tmp_path / "train.log"
    saved = f"12:00:09  {SAVED.format(58)}\n"
    log.write_text(f"12:00:00  train begins on a, 2026-11-30\n{saved}")
    shown = Shown()
    shown.start(1, "Train mine", str(log))
    shown.fail(1, str(log))
    log.write_text(f"{saved}12:01:00  train begins on a, 2026-11-30\nDataError: no images\n")
    shown.start(2, "Train yours", str(log))
    shown.fail(2, str(log))
    told = without_time(shown.close())
    assert told[1] == "Stopped after 0 s: Train mine"
    assert told[2] == f"    {SAVED.format(58)}"
    assert "FAILED after 0 s: Train yours" in told
    assert any(line.startswith("1 job failed, 1 job stopped, 0 did not run") for line in told)


@pytest.mark.parametrize("quiet", [{"rules"}, {"progress", "rules"}, {"all"}])
def test_however_quiet_a_failure_is_told(tmp_path, quiet):
    log = tmp_path / "log"
    log.write_text("DataError: no images\n")
    shown = Shown(quiet=quiet)
    shown.start(1, "Train", str(log))
    shown.fail(1, str(log))
    told = "\n".join(shown.close())
    assert "DataError: no images" in told
    assert told.count("Train\n") == 2  # where it failed, and at the end; not where it started


def test_a_job_that_is_tried_again_has_not_failed(tmp_path):
    shown = Shown()
    for attempt in range(2):
        shown.start(1, "Train")
        if not attempt:
            shown.fail(1, str(tmp_path / "none"))
            shown.tell("Trying to restart job 1.")
    shown.finish(1)
    told = without_time(shown.close())
    assert "Trying it once more." in told
    assert told[-1] == "1 job done in 0 s."


def test_ctrl_c_says_where_trainings_were_saved_and_nothing_of_a_crash(tmp_path):
    log = tmp_path / "log"
    log.write_text("13:45:07  saved at iteration 114; run again to go on\n")
    shown = Shown()
    shown.start(1, "Train maml", str(log))
    shown.start(2, "Train boil")
    shown.start(3, "Build the images of cub", rule_name="build_images")
    shown.start(4, "Fetch the files of cub", rule_name="fetch_dataset")
    shown.tell("Terminating processes on user request, this might take some time.")
    shown.fail(1, str(log))
    shown.tell(
        "WorkflowError:\nAt least one job did not complete successfully.", logging.ERROR,
        event=LogEvent.ERROR, exception="WorkflowError",
    )  # fmt: skip
    told = without_time(shown.close())
    assert not any("FAILED" in line or "Error" in line for line in told)
    assert told[-5:] == [
        "Stopped.",
        "    Train maml: saved at iteration 114; run again to go on",
        "    Train boil: starts over when run again",
        "    Build the images of cub: run again to go on",
        "    Fetch the files of cub: run again to go on",
    ]


@pytest.fixture
def reported(tmp_path, monkeypatch):
    """A study's aggregates and report, as seen from where Snakemake runs."""
    description = describe(("maml",), others=())
    folder = tmp_path / "results/mine"
    (folder / "aggregates").mkdir(parents=True)
    (folder / "study.json").write_text(json.dumps(description))
    write_tables(folder / "aggregates", description, episodes=5, omit=("cka", "training"))
    (folder / "report.html").touch()
    monkeypatch.chdir(tmp_path)
    return folder / "report.html"


def test_a_run_that_ends_well_tells_the_accuracies_and_where_the_report_is(reported, monkeypatch):
    shown = Shown(announced(3, monkeypatch=monkeypatch))
    shown.start(0, "Write the report", rule_name="write_report", wildcards={"n": 0})
    shown.finish(0)
    told = shown.close()
    table = told[told.index("", 1) :]
    assert table[1].startswith("Accuracy in percent, ± half of the 95% interval")
    assert sum("±" in line for line in table) > 1
    assert table[-1] == f"The report: {reported}"


def test_where_nothing_was_to_be_done_the_report_is_named_alone(reported, monkeypatch):
    shown = Shown(announced(monkeypatch=monkeypatch))
    shown.tell("Nothing to be done (all requested files are present and up to date).")
    told = shown.close()
    assert told[-1] == f"The report: {reported}"
    assert not any("±" in line for line in told)


def test_a_run_that_failed_names_no_report_of_another(reported, monkeypatch):
    shown = Shown(announced(3, 3, monkeypatch=monkeypatch))
    shown.start(0, "Write the report", rule_name="write_report", wildcards={"n": 0})
    shown.finish(0)
    shown.start(1, "Train", wildcards={"n": 1})
    shown.fail(1, str(reported.with_name("log")))
    told = "\n".join(shown.close())
    assert "1 job failed, 0 did not run, 1 succeeded" in told
    assert "The report:" not in told
    assert "Accuracy in percent" not in told


@pytest.mark.parametrize("dry", [False, True])
@pytest.mark.parametrize(
    ("file", "kept"), [("/a b/rules/common.smk", False), ("/a b/rules/yours.smk", True)]
)
def test_an_error_for_people_is_shown_without_places_of_the_snakefile(file, kept, dry):
    said = f'my_rule.py, line 2, in step:\n    if x > 1:\n  File "{file}" is meant\nLog: a.log'
    first = f'WorkflowError in file "{file}", line 187:\n'
    last = (
        f'\n  File "{file}", line 187, in rehearse\n  File "/a b/Snakefile", line 58, in __onstart'
    )
    shown = Shown(dryrun=dry)
    event = {"event": LogEvent.ERROR, "exception": "WorkflowError"}
    shown.tell(f"{first}{said}{last}", logging.ERROR, **event)
    told = "\n".join(shown.close())
    assert said in told
    assert ("WorkflowError" in told, "__onstart" in told) == (kept, kept)


def test_what_snakemake_says_besides_is_not_swallowed():
    shown = Shown()
    for text in ("Building DAG of jobs...", "Select jobs to execute...", "Execute 1 jobs..."):
        shown.tell(text)
    shown.tell("IncompleteFilesException:\nThe files below seem to be incomplete.", logging.ERROR,
               event=LogEvent.ERROR, exception="IncompleteFilesException")  # fmt: skip
    shown.tell("Write-protecting output file x.")
    assert shown.close() == [
        "IncompleteFilesException:",
        "The files below seem to be incomplete.",
        "Write-protecting output file x.",
    ]


def test_a_dry_run_has_every_jobs_block_in_snakemakes_form():
    shown = Shown(dryrun=True)
    paths = [f"in{number}" for number in range(60)]
    shown.start(1, "Train maml", input=paths, local=False)
    told = shown.close()
    assert "rule train_model:" in told
    assert "    message: Train maml" in told
    assert f"    wildcards: {', '.join(f'{name}={value}' for name, value in MAML.items())}" in told
    assert "    reason: Missing output files" in told
    assert any(line.endswith("in5, and 54 more (--verbose)") for line in told)


def test_the_work_of_a_module_s_jobs_is_estimated(monkeypatch):
    shown = Shown(announced(7200, monkeypatch=monkeypatch), dryrun=True)
    shown.start(1, "Train", rule_name="il_train_model", wildcards={"n": 0})
    shown.tell("This was a dry-run (flag -n).")
    assert "Estimated work: 2.0 h, most of it train_model 2.0 h" in "\n".join(shown.close())


# ---- estimates -----------------------------------------------------------------------------


def job(number: int, started: float = 0.0, log: str = "") -> Job:
    named = f"Train {number}"
    return Job(number, "train_model", {"n": number}, what=named, log=log, started=started)


def test_work_is_counted_in_estimated_seconds_and_corrected_by_what_was_measured(monkeypatch):
    clock = Clock()
    run = Run(announced(100, 300, monkeypatch=monkeypatch), clock)
    assert (run.seconds_ahead, run.seconds_left, run.share_done) == (400, 300, 0)
    run.start(job(0))
    clock.now = 40
    assert (run.seconds_ahead, run.share_done) == (360, 0.1)
    clock.now = 50  # twice as fast as was forecast
    run.finish(0)
    assert (run.seconds_ahead, run.seconds_left) == (150, 150)
    assert run.share_done == 0.25
    run.start(job(1, clock.now))
    clock.now = 9999
    assert 0 < run.seconds_ahead < 60  # overdue, but not over
    assert run.share_done < 1
    run.finish(1)
    assert (run.share_done, run.seconds_left) == (1, 0)


@given(
    seconds=st.lists(st.integers(1, 500), min_size=1, max_size=5),
    events=st.lists(
        st.tuples(st.sampled_from(["start", "finish", "fail", "wait"]), st.integers(0, 400)),
        max_size=30,
    ),
)
def test_the_share_that_is_done_never_falls(seconds, events):
    with pytest.MonkeyPatch.context() as patch:
        clock = Clock()
        run = Run(announced(*seconds, monkeypatch=patch), clock)
        shown, ended = [run.share_done], set()
        for event, number in events:
            job_number = number % len(seconds)
            if event == "start" and job_number not in {*run.running, *ended}:
                run.start(job(job_number, clock.now))
            elif event == "finish" and job_number in run.running:
                run.finish(job_number)
                ended.add(job_number)
            elif event == "fail":
                run.fail(job_number)
            elif event == "wait":
                clock.now += number
            shown.append(run.share_done)
        assert shown == sorted(shown)
        assert (shown[-1] == 1) == (len(ended) == len(seconds))


def test_where_work_turns_out_to_be_more_the_share_waits_and_the_time_grows(monkeypatch):
    clock = Clock()
    run = Run(announced(100, 100, 100, monkeypatch=monkeypatch), clock)
    run.start(job(0))
    clock.now = 500  # overdue, and thus taken for nearly over
    assert (run.share_done, run.seconds_left) == (pytest.approx(500 / 710), 105)
    clock.now = 510
    run.finish(0)  # it took five times as long, and so will the others
    assert (run.share_done, run.seconds_left) == pytest.approx((500 / 710, 510))


def test_a_trainings_own_progress_says_how_long_it_takes(tmp_path, monkeypatch, capsys):
    log = tmp_path / "log"
    with Progress("maml", 1000, line_seconds=0) as shown:
        monkeypatch.setattr("innerloop.runtime.progress.time.monotonic", lambda: shown._began + 50)
        shown.advance(500, loss=1, validation=0.5)
    log.write_text(capsys.readouterr().err)
    clock = Clock()
    run = Run(announced(10, 20, share=1.0, monkeypatch=monkeypatch), clock)
    run.start(job(0, log=str(log)))
    assert run.left_of(run.running[0]) == 50
    # the other training will take ten times what was forecast as well
    assert run.seconds_left == 50 + 200


def test_a_download_is_told_in_megabytes(tmp_path, capsys):
    log = tmp_path / "log"
    with ByteProgress("birds.tgz", 12 * MEGABYTE) as shown:
        shown.reach(12 * MEGABYTE)
    log.write_text(capsys.readouterr().err)
    fetching = Job(1, "fetch_dataset", {}, what="Fetch", log=str(log), started=0.0)
    assert re.fullmatch(r"12/12 MB, [\d.]+ MB/s, 0 s left", state(fetching, 1.0))


def test_time_in_a_queue_is_no_work(monkeypatch):
    clock = Clock()
    run = Run(announced(10, 20, monkeypatch=monkeypatch), clock)
    submitted = job(0)
    submitted.queued = True
    run.start(submitted)
    clock.now = 10_000
    assert (run.seconds_done, state(submitted, clock.now)) == (0, "submitted 2.8 h ago")
    run.finish(0)
    assert run.seconds_ahead == 20


def test_without_an_announcement_jobs_are_counted():
    run = Run(Announcement(), Clock())
    run.total = 4
    run.start(job(0))
    run.finish(0)
    assert (run.share_done, run.seconds_left) == (0.25, None)


def test_a_terminal_shows_what_runs_and_keeps_what_ended(tmp_path, capsys, monkeypatch):
    with Progress("maml", 200) as shown:
        shown.advance(89, accuracy=0.395)
        shown.advance(111, accuracy=0.5)
    log = tmp_path / "log"
    log.write_text(capsys.readouterr().err)
    clock = Clock()
    run = Run(announced(100, 300, monkeypatch=monkeypatch), clock)
    console = Console(file=io.StringIO(), width=120, force_terminal=True, height=5)
    screen = Terminal(run, console)
    for number, path in enumerate((str(log), "", "")):
        started = job(number, log=path)
        run.start(started)
        screen.started(started)
    clock.now = 30
    with console.capture() as captured:
        console.print(screen.picture())
    picture = captured.get()
    assert "of the work done" in picture
    assert "200/200" in picture
    assert "accuracy 0.500" in picture
    assert "and 2 more" in picture  # no more lines than the terminal has
    with console.capture() as captured:
        screen.ended(run.running[0], 30, "Tiny 50.0 ± 1.0 %")
        screen.say("FAILED after 3 s: Train", "red")
    screen.close()
    assert "Train 0" in captured.get()
    assert "Tiny 50.0 ± 1.0 %" in captured.get()
    assert "FAILED" in captured.get()


def test_a_picture_waits_for_nobody():
    """It is drawn under rich's lock, which a line that is printed needs."""
    screen = Terminal(Run(Announcement(), Clock()), Console(file=io.StringIO()))
    drawing = threading.Thread(target=screen.picture, daemon=True)
    with screen.lock:
        drawing.start()
        drawing.join(timeout=10)
        assert not drawing.is_alive()


def test_lines_tell_how_far_all_is(tmp_path, monkeypatch):
    clock, stream = Clock(), io.StringIO()
    run = Run(announced(100, 300, monkeypatch=monkeypatch), clock)
    lines = Lines(run, stream)
    run.start(job(0))
    clock.now = 40
    lines.progress()
    lines.close()
    assert stream.getvalue()[10:].startswith(
        "10% of the work done, about 5 min left, 0 of 2 jobs\n"
    )
