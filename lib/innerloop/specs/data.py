"""What is written and read of the jobs that make images, splits and episodes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Listing:
    """A file of the user's that lists the images to take, and the SHA-256 that it had."""

    file: str
    sha256: str


@dataclass(frozen=True)
class ImagesSpec:
    """Build one image store of a data set.

    Attributes:
        dataset: as the study calls it.
        variant: which images of a registered data set; empty where the source has no variants.
        size: side of the square images in pixels.
        source: entry of the source's code.
        images: images of each split, as the registry has them; empty where nothing is fetched.
        listing: the variant's own listing of images.
        code: digest of the code that the job reaches.
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
    """Divide the classes of a data set, whose images must be of `source`.

    Attributes:
        dataset: as the study calls it.
        source: entry of the code that its images come from.
        splits: a CSV file that replaces the source's own split.
        splits_sha256: SHA-256 that it had.
        code: digest of the code that the job reaches.
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
        dataset: as the study calls it.
        setting: the task's size, as 5w1s.
        way: classes per task.
        shot: support images per class.
        queries: query images per class.
        tasks: tasks per split.
        splits: those that they are of.
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
    """Draw them.

    Attributes:
        seed: the study's.
        code: digest of the code that the job reaches.
    """

    seed: int
    code: str = ""
