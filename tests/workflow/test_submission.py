"""What is submitted to SLURM, to the letter; SLURM's commands are stand-ins, so it runs everywhere.

tests/slurm has the same on a real SLURM.
"""

from __future__ import annotations

import base64
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from study_run import ROOT, SHARED, SMALL_TARGETS, Checkout, small_study

pytestmark = pytest.mark.workflow

FAKE = Path(__file__).with_name("fake_slurm.sh")
COMMANDS = ("sbatch", "squeue", "scancel", "sinfo", "scontrol", "sacctmgr")
#: Rules whose jobs go to the cluster.
AWAY = {
    "build_images", "train_model", "train_toy",
    "measure_accuracy", "measure_probe", "measure_raw_pixels",
}  # fmt: skip
MAML = "results/small/models/p1/scripts/maml/5w1s/seed0/model.json"
PROFILE = ("--workflow-profile", "profiles/slurm", "--configfile", "small.yaml")


class Submitting(Checkout):
    """A checkout whose SLURM writes down what it is given, and fails every job at once."""

    def __init__(self, folder: Path, finished: Checkout) -> None:
        shutil.copytree(finished.folder, folder)
        self.folder = folder
        self._fake = folder / "fake"
        (self._fake / "submitted").mkdir(parents=True)
        (self._fake / "bin").mkdir()
        for command in COMMANDS:
            (self._fake / "bin" / command).symlink_to(FAKE)

    def submit(self, *arguments: str, hooks: bool = False) -> list[list[str]]:
        """The arguments of every sbatch of a run; `hooks`: what runs before and after all jobs."""
        for old in (self._fake / "submitted").iterdir():
            old.unlink()
        self.said = self._run(*arguments, *PROFILE, *([] if hooks else ["--no-hooks"]))
        print(self.said)  # shown where a test fails
        files = sorted((self._fake / "submitted").iterdir(), key=lambda file: int(file.name))
        return [file.read_text(encoding="utf-8").splitlines() for file in files]

    def _run(self, *arguments: str) -> str:
        done = subprocess.run(
            [
                Path(sys.executable).with_name("snakemake"),
                *arguments,
                "--slurm-init-seconds-before-status-checks",
                "1",
            ],
            cwd=self.folder,
            env={
                **os.environ,
                "PATH": f"{self._fake / 'bin'}{os.pathsep}{os.environ['PATH']}",
                "PYTHONPATH": str(self.folder / "lib"),
                "FAKE_SLURM": str(self._fake),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return done.stdout


@pytest.fixture(scope="module")
def for_a_gpu(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """The two-method study on a GPU, as if it had run."""
    made = Checkout(tmp_path_factory.mktemp("gpu") / "innerloop")
    study = small_study()
    study["compute"]["device"] = "cuda"
    study["compute"]["threads"] = 2
    made.write_study("small.yaml", study)
    made.pretend(*SMALL_TARGETS, "--configfile", "small.yaml")
    return made


@pytest.fixture
def submitting(for_a_gpu: Checkout, tmp_path: Path) -> Submitting:
    """The same, with a SLURM that submits nothing."""
    return Submitting(tmp_path / "innerloop", for_a_gpu)


def asked(arguments: list[str], folder: Path) -> str:
    """What a job asks for: its arguments without the command that it runs, and the run's name."""
    assert arguments[-1].startswith("--wrap=")
    assert "--executor slurm-jobstep" in arguments[-1]
    text = " ".join(arguments[:-1])
    run = re.search(r"--job-name (\S+)", text)
    assert run is not None
    return text.replace(run[1], "RUN").replace(str(folder), "FOLDER")


def test_a_training(submitting: Submitting) -> None:
    lines = submitting.submit("train", "--forcerun", "train_model", "--retries", "0")
    assert len(lines) == 2, submitting.said
    found = {line[line.index("--comment") + 1]: line for line in lines}
    name = "small_p1_scripts_maml_5w1s_0"
    assert asked(found[f"rule_train_model_wildcards_{name}"], submitting.folder) == (
        f"--parsable --job-name RUN --output FOLDER/logs/slurm/rule_train_model/{name}/%j.log "
        f"--export=ALL --comment rule_train_model_wildcards_{name} -A lab -p gpu -t 11 "
        "--mem 4300 --requeue --cpus-per-task=2 --signal=TERM@180 -D FOLDER --gpus=1"
    )
    # retries are the head's alone: inside a job they would multiply
    assert all("--retries 0" in line[-1] for line in lines)


def test_what_is_measured_of_a_model_is_one_submission(submitting: Submitting) -> None:
    rules = ("measure_accuracy", "measure_probe")
    lines = submitting.submit(
        "evaluate", "probes", "--forcerun", *rules, "--until", *rules, "--retries", "0"
    )
    assert len(lines) == 2
    (line,) = (line for line in lines if "p1.scripts.maml" in " ".join(line[:-1]))
    name = "p1.scripts.maml.5w1s.seed0_measure_accuracy_measure_probe"
    assert asked(line, submitting.folder) == (
        f"--parsable --job-name RUN --output FOLDER/logs/slurm/group_{name}/%j.log "
        f"--export=ALL --comment rule_{name} -A lab -p gpu -t 22 "
        "--mem 4300 --requeue --cpus-per-task=2 --signal=TERM@180 -D FOLDER --gpus=1"
    )


def test_a_job_without_a_gpu(submitting: Submitting) -> None:
    lines = submitting.submit("data", "--forcerun", "build_images", "--retries", "0")
    assert len(lines) == 1
    assert asked(lines[0], submitting.folder) == (
        "--parsable --job-name RUN "
        "--output FOLDER/logs/slurm/rule_build_images/scripts_16/%j.log "
        "--export=ALL --comment rule_build_images_wildcards_scripts_16 -A lab -p cpu -t 120 "
        "--mem 4000 --requeue --ntasks=1 --cpus-per-task=2 --signal=TERM@180 -D FOLDER"
    )


def test_another_attempt_has_more_memory_and_time_where_that_helps(
    submitting: Submitting,
) -> None:
    trained = submitting.submit(MAML, "--forcerun", "train_model", "--retries", "2")
    assert [memory(line) for line in trained] == ["4300", "6450", "8600"]
    assert {limit(line) for line in trained} == {"11"}  # it goes on where it was
    built = submitting.submit("data", "--forcerun", "build_images", "--retries", "1")
    assert [(memory(line), limit(line)) for line in built] == [("4000", "120"), ("6000", "240")]


def test_a_failed_job_s_logs_are_named(submitting: Submitting) -> None:
    submitting.submit(MAML, "--forcerun", "train_model", "--retries", "0")
    assert "logs/slurm/rule_train_model/small_p1_scripts_maml_5w1s_0/1.log" in submitting.said
    assert "results/small/logs/models/p1/scripts/maml/5w1s/seed0/model.log" in submitting.said


@pytest.mark.parametrize(
    ("site", "asks"),
    [
        ({"gpu_model: ''": "gpu_model: h100"}, "--gpus=h100:1"),
        ({"gres: false": "gres: true"}, "--gres=gpu:1"),
        (
            {"gres: false": "gres: true", "gpu_model: ''": "gpu_model: a100"},
            "--gres=gpu:a100:1",
        ),
        # names that Python knows as well
        ({"account: lab": "account: open"}, "-A open"),
        (
            {"qos: ''": "qos: max", "constraint: ''": "constraint: a100|h100"},
            "-C a100|h100 --qos=max",
        ),
        ({"more: ''": "more: --nice=100"}, "--nice=100"),
    ],
)
def test_a_site_s_own_words(submitting: Submitting, site: dict[str, str], asks: str) -> None:
    for old, new in site.items():
        submitting.edit("profiles/slurm/config.yaml", f"  {old}", f"  {new}")
    (line,) = submitting.submit(MAML, "--forcerun", "train_model", "--retries", "0")
    found = asked(line, submitting.folder)
    assert f" {asks} " in f"{found} "
    assert len(re.findall("--gpus|--gres", found)) == 1


def test_scratch_is_looked_for_where_a_job_runs(submitting: Submitting) -> None:
    """The login node has none: local jobs do without, and do not make it."""
    scratch = submitting.folder / "scratch/$USER"
    submitting.edit("profiles/slurm/config.yaml", "scratch: ''", f"scratch: {scratch}")
    lines = submitting.submit(
        "results/small/study.json", MAML, "--forcerun", "describe_study", "train_model",
        "--retries", "0",
    )  # fmt: skip
    assert "Describe the study small" in submitting.said
    assert not scratch.parent.exists()
    assert lines, submitting.said
    encoded = re.findall(r"base64//(\S+)", lines[0][-1])
    told = [base64.b64decode(each).decode() for each in encoded]
    assert any(each.startswith(f"tmpdir='{scratch}' if ") for each in told)


def test_no_submission_asks_for_more_time_than_its_partition_allows(
    submitting: Submitting,
) -> None:
    """What fits none would go to the cluster's default partition."""
    partitions = {"cpu": {"max_runtime": 2880}, "gpu": {"max_runtime": 10, "max_gpu": 1}}
    file = submitting.folder / "profiles/slurm/partitions.yaml"
    file.write_text(yaml.safe_dump({"partitions": partitions}), encoding="utf-8")
    rules = ("train_model", "measure_accuracy", "measure_probe")
    lines = submitting.submit(MAML, "--forcerun", "train_model", "--retries", "0")
    lines += submitting.submit(
        "evaluate", "probes", "--forcerun", *rules[1:], "--until", *rules[1:], "--retries", "1"
    )
    assert len(lines) == 1 + 2 * 2
    assert all("-p gpu -t 10" in " ".join(line) for line in lines), submitting.said


def test_nothing_is_submitted_beside_jobs_of_a_killed_run(submitting: Submitting) -> None:
    queue = submitting.folder / "fake/queue"
    queue.write_text(
        f"7|RUNNING|{submitting.folder.resolve()}|rule_train_model_wildcards_x\n", encoding="utf-8"
    )
    assert submitting.submit("train", "--forcerun", "train_model", hooks=True) == []
    assert "7 RUNNING train_model" in submitting.said
    assert "innerloop wait" in submitting.said
    assert "Traceback" not in submitting.said


def test_only_short_jobs_are_local() -> None:
    """A rule that is named nowhere would wait in a queue for a second's work."""
    text = "".join(
        file.read_text(encoding="utf-8") for file in [ROOT / "Snakefile", *ROOT.glob("rules/*.smk")]
    )
    rules = set(re.findall(r"^rule (\w+):", text, re.MULTILINE))
    local = "".join(re.findall(r"^localrules:\n((?:    \w+,\n)+)", text, re.MULTILINE))
    assert rules - set(re.findall(r"\w+", local)) == AWAY


def test_no_rule_multiplies_the_profile_s_retries() -> None:
    """Downloads, which are patient by themselves, are not even tried again."""
    (data,) = (
        file for file in ROOT.glob("rules/*.smk") if "retries" in file.read_text(encoding="utf-8")
    )
    assert re.findall(r"^ +retries: (\w+)$", data.read_text(encoding="utf-8"), re.MULTILINE) == [
        "0"
    ]


def test_the_profile_for_one_machine_counts_its_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    from snakemake.profiles import ProfileConfigFileParser

    monkeypatch.setenv("INNERLOOP_GPUS", "0,1,2")
    with (ROOT / "profiles/gpu/config.yaml").open(encoding="utf-8") as file:
        assert ProfileConfigFileParser().parse(file)["resources"] == ["gpu_share=300"]
    monkeypatch.setenv("INNERLOOP_GPUS", "")
    with (ROOT / "profiles/gpu/config.yaml").open(encoding="utf-8") as file:
        assert ProfileConfigFileParser().parse(file)["resources"] == ["gpu_share=100"]


@pytest.mark.parametrize(("each", "share"), [(None, 100), (2, 50), (3, 33), (500, 1)])
def test_jobs_that_share_a_gpu_take_parts_of_it(
    tmp_path: Path, each: int | None, share: int
) -> None:
    study = small_study()
    study["compute"]["device"] = "cuda"
    if each:
        study["compute"]["jobs_per_gpu"] = each
    fresh = Checkout(tmp_path / "innerloop")
    fresh.write_study("small.yaml", study)
    said = fresh.snakemake("train", "-n", "--configfile", "small.yaml").stdout
    assert said.count(f"gpu=1, gpu_share={share},") == 2


def test_asking_for_other_resources_runs_nothing_again(finished: Checkout) -> None:
    resources = {"train_model": {"mem_mb": 9000, "runtime": 500}}
    finished.write_study("placed.yaml", {"compute": {"jobs_per_gpu": 2, "resources": resources}})
    assert finished.planned(*SHARED, "placed.yaml") == []


def memory(line: list[str]) -> str:
    return line[line.index("--mem") + 1]


def limit(line: list[str]) -> str:
    return line[line.index("-t") + 1]
