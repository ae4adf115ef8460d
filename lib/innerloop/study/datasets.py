"""The data sets of a study: which files or code their images come from, and on what terms."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Container, Iterator
from functools import cached_property
from pathlib import Path

from innerloop.data.acquire.collection import Variant
from innerloop.data.acquire.registry import read_registry
from innerloop.data.acquire.terms import require_acceptance, terms_of
from innerloop.data.catalogue import SPLITS
from innerloop.data.licence import Licence
from innerloop.data.split_file import read_split_file
from innerloop.runtime.built_in import CLASSES, FEW_SHOT, SOURCES
from innerloop.runtime.errors import ConfigError
from innerloop.study.keys import StudyKeys


class Datasets:
    """The data sets of a study, by their names in its study file.

    Args:
        keys: the content of the study file.

    Attributes:
        registry: the data sets that are read from files.

    Raises:
        ConfigError: the user's own registry cannot be read or has invalid content.
    """

    def __init__(self, keys: StudyKeys) -> None:
        self._keys = keys
        if keys.registry and not Path(keys.registry).is_file():
            raise ConfigError(
                f"study file: registry: there is no file {keys.registry} in {Path.cwd()}"
            )
        self.registry = read_registry(keys.registry)

    def variant(self, dataset: str) -> Variant | None:
        """The chosen variant of a data set in the registry; None: its source needs no files.

        Raises:
            ConfigError: there is no such variant.
        """
        entry = self._keys.datasets[dataset]
        source, name = entry.source, entry.variant
        if source in self.registry.variants:
            return self.registry.variant(source, name)
        if name is not None:
            raise ConfigError(
                f"source '{source}' has no variants; those of {', '.join(self.registry.variants)} "
                "have"
            )
        return None

    def source(self, dataset: str) -> str:
        """The entry that is recorded as the source of a data set's images, as it is written."""
        variant = self.variant(dataset)
        source = self._keys.datasets[dataset].source
        return SOURCES.get(source, source) if variant is None else variant.source

    def source_entry(self, dataset: str) -> str:
        """The entry of a data set's source, with its path relative to the working folder."""
        source = self.source(dataset)
        return self.registry.entry(source) if self.variant(dataset) else source

    @cached_property
    def known_classes(self) -> dict[str, dict[str, tuple[int, float]]]:
        """What is known of each data set's splits before its images are built; may be empty.

        For each split: its number of classes, and an upper bound on the images of the smallest.
        """
        return {dataset: self._known_classes(dataset) for dataset in self._keys.datasets}

    def _known_classes(self, dataset: str) -> dict[str, tuple[int, float]]:
        entry, variant = self._keys.datasets[dataset], self.variant(dataset)
        known: dict[str, tuple[int, float]] = dict(CLASSES.get(entry.source, {}))
        if variant is not None:
            known = {split: (n, variant.images[split] // n) for split, n in variant.classes.items()}
        if entry.splits is None:
            return known
        if entry.source not in FEW_SHOT:  # the classes may be in several splits each
            return {}
        each = {images for _, images in known.values()}
        smallest = min(each) if len(each) == 1 else math.inf
        listed = Counter(row.split for row in read_split_file(Path(entry.splits)))
        return {split: (listed[split], smallest) for split in SPLITS if listed[split]}

    @property
    def licences(self) -> dict[str, Licence]:
        """The terms of every data set of the study that is read from files, by its source."""
        return {one.dataset: self.registry.licence_of(one) for one in self._registered()}

    def terms(self, collections: Container[str | None]) -> str:
        """The terms of some collections' files, and how to cite them, as text."""
        read = {one.dataset: one for one in self._registered() if one.collection in collections}
        said = (terms_of(name, self.registry.licence_of(one)) for name, one in read.items())
        return "\n".join(said)

    def require_licences(self) -> None:
        """Require that all restrictive licences have been accepted.

        Raises:
            ConfigError: naming those that have not, and what to write to accept them.
        """
        require_acceptance(self.licences, self._keys.accept_licence)

    def _registered(self) -> Iterator[Variant]:
        """The chosen variant of every data set that is read from files."""
        return filter(None, map(self.variant, self._keys.datasets))
