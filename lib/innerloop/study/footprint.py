"""How much memory a job's tensors take at their peak, from the study file alone.

Activations dominate. On a CPU, tasks go through the network in groups (`engine/losses.py`), and a
group's activations are freed before the next. The peak thus consists of the activations of one
group and those that inner steps keep for the outer gradient: of the last step, or of every step
with `compute.keep_activations`. The constants below are images times the floats alive for each
pre-activation of an image, as measured and rounded up.
"""

from __future__ import annotations

from dataclasses import dataclass

#: For images of a group whose loss is differentiated, once or twice.
PASS = 5
#: For images of an inner step that is kept for the outer gradient.
KEPT = 2.5
#: For images whose query loss autograd differentiates: those of all tasks together.
GRAPH = 8
#: For images in a forward pass alone, all tasks together; normalised by other images' statistics.
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
        """Floats alive for each pre-activation while training, with so many inner steps kept.

        Images go through in groups of tasks or, for learners without an inner loop, `together`.
        """
        kept = KEPT * kept_steps * self.count * self.support
        graph = together or self.inductive
        query = GRAPH * self.images if graph else PASS * self._group(self.queries)
        return kept + max(query, PASS * self._group(self.support))

    def measured(self, *, together: bool) -> float:
        """The same while measuring, with the images in groups of tasks or `together`."""
        passing = INDUCTIVE if self.inductive else FORWARD if together else 0
        groups = PASS * max(self._group(self.support), self._group(self.queries))
        return max(passing * self.images, groups)

    def _group(self, each: int) -> int:
        """Images of a group of tasks with so many images each."""
        return min(self.count, max(1, IMAGES_OF_A_GROUP // each)) * each


def megabytes(image_size: int, activations: float, alive: float, images: int) -> float:
    """Peak memory of the tensors, in MB.

    Args:
        image_size: side of the images.
        activations: number of outputs of convolutions and dense layers for one image.
        alive: floats alive for each of them.
        images: images in memory as floats, twice: as drawn, and rearranged for the convolution.
    """
    floats = alive * activations
    return (floats + 2 * images * _CHANNELS * image_size**2) * _FLOAT / 1e6
