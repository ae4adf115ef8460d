"""A step on a GPU as one CUDA graph: recorded once, then replayed without the host's work."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch

from innerloop.data.tasks import Labelled, TaskBatch
from innerloop.learners.learner import QueryResult
from innerloop.runtime.errors import ConfigError

Step = Callable[[TaskBatch], QueryResult]

#: Runs before recording, in which libraries choose their kernels.
_WARM_UP = 3


class CapturedStep:
    """Replays a step on tasks of the size of those that it was recorded with.

    The step may read and write any tensors on the GPU, as long as they stay where they are; it must
    not wait for the GPU, nor decide anything by its values.

    Args:
        step: what to record.
        forget: called before recording; drops what the warm-up has left, such as gradients, so
            that the recorded step allocates its own.
        tasks: of the size of all that follow.

    Raises:
        ConfigError: the step cannot be recorded.
    """

    def __init__(self, step: Step, forget: Callable[[], None], tasks: TaskBatch) -> None:
        self._tasks = replace(tasks, support=_copied(tasks.support), query=_copied(tasks.query))
        # as CUDA asks for it: the warm-up runs on a stream of its own
        aside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            for _ in range(_WARM_UP):
                step(self._tasks)
        torch.cuda.current_stream().wait_stream(aside)
        forget()
        self._graph = torch.cuda.CUDAGraph()
        try:
            with torch.cuda.graph(self._graph):
                self._result = step(self._tasks)
        except RuntimeError as error:
            # CUDA complains once more when the recording is ended; what came first says more
            cause = error.__context__ or error
            if isinstance(cause, torch.cuda.OutOfMemoryError):
                raise cause from None
            raise ConfigError(
                "a training step cannot be recorded as a CUDA graph: perhaps an update rule waits "
                "for the GPU, as `step_size.item()` does, or makes tensors of Python numbers. "
                "Change it, or set compute.cuda_graph: false in the study file (slower). What "
                f"went wrong: {cause}"
            ) from error

    def __call__(self, tasks: TaskBatch) -> QueryResult:
        """The step's result on these tasks."""
        for mine, theirs in (
            (self._tasks.support, tasks.support),
            (self._tasks.query, tasks.query),
        ):
            mine.images.copy_(theirs.images)
            mine.labels.copy_(theirs.labels)
        self._graph.replay()
        return QueryResult(self._result.losses.clone(), self._result.accuracies.clone())


def _copied(labelled: Labelled) -> Labelled:
    return Labelled(labelled.images.clone(), labelled.labels.clone())
