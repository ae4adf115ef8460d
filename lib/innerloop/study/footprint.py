"""How much memory a job's tensors take at their peak, from the study file alone.

Activations dominate. On a CPU, tasks go through the network in groups (`engine/losses.py`), and a
group's activations are freed before the next. So at the peak there are the activations of one
group, and those that inner steps keep for the outer gradient: of the last step, or of every step
with `compute.keep_activations`. They are counted in images, times the floats that are alive for
each pre-activation of an image: measured, and rounded up.
"""

from __future__ import annotations

from dataclasses import dataclass

#: Images of a group whose loss is differentiated, once or twice.
PASS = 5
#: Images of an inner step that waits for the outer gradient.
KEPT = 2.5
#: Images whose query loss autograd takes through the network: those of all tasks together.
GRAPH = 8
#: Images that only go through the network, all tasks together; by other images' statistics.
FORWARD, INDUCTIVE = 2.5, 4
#: As in `engine/losses.py`, which this file must not import: planning needs no torch.
IMAGES_OF_A_GROUP = 64
_CHANNELS, _FLOAT = 3, 4


@dataclass(frozen=True)
class Tasks:
    """Tasks that a job processes together.

    Attributes:
        count: how many.
        support: support images of each.
        queries: query images of each.
        inductive: whether query images are normalised by the support images.
    """

    count: int
    support: int
    queries: int
    inductive: bool = False

    @property
    def images(self) -> int:
        """All of their images."""
        return self.count * (self.support + self.queries)

    def differentiated(self, kept_steps: int, *, together: bool = False) -> float:
        """Floats for each pre-activation while training, with the inner steps that are kept.

        All tasks' images in groups or, as a learner without an inner loop has them, `together`.
        """
        kept = KEPT * kept_steps * self.count * self.support
        graph = together or self.inductive
        query = GRAPH * self.images if graph else PASS * self._group(self.queries)
        return kept + max(query, PASS * self._group(self.support))

    def measured(self, *, together: bool) -> float:
        """The same while measuring, all tasks' images in groups or `together`."""
        passing = INDUCTIVE if self.inductive else FORWARD if together else 0
        groups = PASS * max(self._group(self.support), self._group(self.queries))
        return max(passing * self.images, groups)

    def _group(self, each: int) -> int:
        """Images of a group of tasks with so many images each."""
        return min(self.count, max(1, IMAGES_OF_A_GROUP // each)) * each


def megabytes(image_size: int, activations: float, alive: float, images: int) -> float:
    """What is in memory at once, in MB.

    Args:
        image_size: side of the images.
        activations: outputs of an image's convolutions and dense layers.
        alive: floats for each of them.
        images: in hand, as floats: as they were drawn, and side by side for the convolution.
    """
    floats = alive * activations
    return (floats + 2 * images * _CHANNELS * image_size**2) * _FLOAT / 1e6
