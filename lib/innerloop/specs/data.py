"""Parameters of the jobs that make images, splits and episodes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Listing:
    """A user's file that lists the images to take, and its SHA-256 when the spec was written."""

    file: str
    sha256: str


@dataclass(frozen=True)
class ImagesSpec:
    """Build one image store of a data set.

    Attributes:
        dataset: its name in the study.
        variant: which images of a registered data set; empty if the source has no variants.
        size: side of the square images in pixels.
        source: entry of the source's code.
        images: number of images in each split, from the registry; empty if nothing is fetched.
        listing: the variant's own list of images.
        code: digest of the code that the job calls.
    """

    dataset: str
    variant: str
    size: int
    source: str
    images: Mapping[str, int] = field(default_factory=dict)
    listing: Listing | None = None
    code: str = ""


@dataclass(frozen=True)
class SplitsSpec:
    """Divide a data set's classes into splits.

    Attributes:
        dataset: its name in the study.
        source: entry of the code that its images must come from.
        splits: a CSV file that replaces the source's own split.
        splits_sha256: the file's SHA-256 when the spec was written.
        code: digest of the code that the job calls.
    """

    dataset: str
    source: str
    splits: str | None = None
    splits_sha256: str = ""
    code: str = ""


@dataclass(frozen=True, kw_only=True)
class EvaluationTasks:
    """The tasks of a data set in one setting that models are evaluated on.

    Attributes:
        dataset: its name in the study.
        setting: the size of the tasks, such as 5w1s.
        way: classes per task.
        shot: support images per class.
        queries: query images per class.
        tasks: tasks per split.
        splits: the splits to draw them from.
    """

    dataset: str
    setting: str
    way: int
    shot: int
    queries: int
    tasks: int
    splits: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class EpisodesSpec(EvaluationTasks):
    """Draw the evaluation tasks.

    Attributes:
        seed: the study's seed.
        code: digest of the code that the job calls.
    """

    seed: int
    code: str = ""
