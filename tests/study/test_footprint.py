"""The memory that is foreseen against what real passes take, each in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass

import pytest
import torch

from innerloop.engine.losses import task_groups
from innerloop.networks.counts import conv4_counts
from innerloop.study import footprint
from innerloop.study.footprint import Tasks, megabytes

#: Large enough that activations rule, small enough for a few seconds.
SIZE, FILTERS = 84, 16
#: Prints by how many MB a job's peak rises above what it took before.
PROGRAM = """
import sys
import torch
from innerloop.data.episodes import Episodes
from innerloop.data.tasks import Labelled, TaskBatch
from innerloop.runtime.device import set_up
from innerloop.runtime.compute import Compute
from innerloop.learners.gradient_based.methods import method
from innerloop.learners.gradient_based.learner import GradientLearner
from innerloop.networks.named import network as named
from innerloop.networks.parameters import with_task_axis
from innerloop.probes.layer_similarity import layer_grams
from innerloop.training.evaluation import query_results

kind, name, norm, size, filters, count, support, queries = sys.argv[1:]
size, filters, count, support, queries = map(int, (size, filters, count, support, queries))
set_up(Compute("cpu", 1))
network = named(way=5, filters=filters, image_size=size, normalisation=norm)

def megabytes(field):
    # unlike getrusage's, this peak is not that of the process that started this one
    with open("/proc/self/status") as file:
        (line,) = [line for line in file if line.startswith(field)]
    return int(line.split()[1]) * 1024 / 1e6


before = megabytes("VmRSS")


def images(each):
    labels = (torch.arange(each) % 5).expand(count, -1).contiguous()
    return Labelled(torch.rand(count, each, 3, size, size), labels)


tasks = TaskBatch(images(support), images(queries))
learner = GradientLearner(method(name), 3, keep_activations=kind == "train_keeping")
state = learner.init(network, 0)
for _ in range(2):
    if kind == "probe":
        layer_grams(network, with_task_axis(state["slow"], count), tasks)
        continue
    if kind == "measure":
        query_results(network, learner, state, [tasks], 3)
    else:
        learner.outer_gradient(network, state, tasks)
print(megabytes("VmHWM") - before)
"""


@dataclass(frozen=True)
class Job:
    """A kind of job, and its tasks."""

    kind: str
    tasks: Tasks
    method: str = "maml"

    def foreseen(self) -> float:
        """Its memory, by the model."""
        if self.kind.startswith("train"):
            alive = self.tasks.differentiated(3 if self.kind == "train_keeping" else 1)
        else:
            alive = self.tasks.measured(together=self.kind == "probe")
        activations = conv4_counts(SIZE, FILTERS).activations
        return megabytes(SIZE, activations, alive, self.tasks.images)

    def taken(self) -> float:
        """Its memory, as it is."""
        norm = "support" if self.tasks.inductive else "batch"
        counts = (self.tasks.count, self.tasks.support, self.tasks.queries)
        arguments = (self.kind, self.method, norm, SIZE, FILTERS, *counts)
        command = [sys.executable, "-c", PROGRAM, *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return float(done.stdout)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.parametrize(
    "job",
    [
        Job("train", Tasks(4, 25, 75)),
        Job("train_keeping", Tasks(4, 25, 75)),
        Job("train", Tasks(4, 25, 75), "anil"),
        Job("train", Tasks(4, 5, 75, inductive=True)),
        Job("measure", Tasks(10, 5, 75)),
        Job("probe", Tasks(10, 5, 75)),
    ],
    ids=lambda job: f"{job.method} {job.kind} {job.tasks}",
)
def test_what_is_foreseen_suffices_and_is_not_far_more_than_is_taken(job: Job) -> None:
    taken, foreseen = job.taken(), job.foreseen()
    print(f"foreseen {foreseen:.0f} MB, taken {taken:.0f} MB")
    assert taken < 1.3 * foreseen  # sizing.MEMORY_MARGIN
    assert foreseen < 4 * taken


def test_inner_steps_cost_no_memory_unless_they_are_kept() -> None:
    few, many = Tasks(4, 25, 75).differentiated(1), Tasks(4, 25, 75).differentiated(10)
    assert many - few == 9 * footprint.KEPT * 100


@pytest.mark.parametrize("each", [5, 25, 75])
def test_groups_are_those_of_the_network(each: int) -> None:
    labels = torch.zeros(8, each)
    first = task_groups(labels)[0]
    images = labels[first].numel()
    assert Tasks(8, each, 1).measured(together=False) == footprint.PASS * images
