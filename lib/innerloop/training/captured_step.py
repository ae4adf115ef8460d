"""A step on a GPU as one CUDA graph: captured once, then replayed without work on the host."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch

from innerloop.data.tasks import Labelled, TaskBatch
from innerloop.learners.learner import QueryResult
from innerloop.runtime.errors import ConfigError

Step = Callable[[TaskBatch], QueryResult]

#: Runs before the capture, in which libraries choose their kernels.
_WARM_UP = 3


class CapturedStep:
    """Replays a step on tasks of the same size as those that it was captured with.

    The step may read and write any tensors on the GPU whose memory stays in place; it must not wait
    for the GPU, nor branch on values.

    Args:
        step: the step to capture.
        forget: called before the capture; drops what the warm-up has left, such as gradients, so
            that the captured step allocates its own.
        tasks: example tasks, of the same size as all that follow.

    Raises:
        ConfigError: the step cannot be captured.
    """

    def __init__(self, step: Step, forget: Callable[[], None], tasks: TaskBatch) -> None:
        self._tasks = replace(tasks, support=_copied(tasks.support), query=_copied(tasks.query))
        # CUDA requires that the warm-up runs on a stream of its own
        stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(_WARM_UP):
                step(self._tasks)
        torch.cuda.current_stream().wait_stream(stream)
        forget()
        self._graph = torch.cuda.CUDAGraph()
        try:
            with torch.cuda.graph(self._graph):
                self._result = step(self._tasks)
        except RuntimeError as error:
            # ending the capture raises a second error; the first one tells more
            cause = error.__context__ or error
            if isinstance(cause, torch.cuda.OutOfMemoryError):
                raise cause from None
            raise ConfigError(
                "a training step cannot be recorded as a CUDA graph: perhaps an update rule waits "
                "for the GPU, as `step_size.item()` does, or makes tensors from Python numbers. "
                "Change it, or set compute.cuda_graph: false in the study file (slower). The error "
                f"was: {cause}"
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
