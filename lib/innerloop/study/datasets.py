"""The data sets of a study: which files or code their images come from, and on what terms."""

from __future__ import annotations

from collections.abc import Container, Iterator
from functools import cached_property

from innerloop.data.acquire.collection import Variant
from innerloop.data.acquire.registry import Registry, read_registry
from innerloop.data.acquire.terms import require_acceptance, terms_of
from innerloop.data.licence import Licence
from innerloop.runtime.built_in import SOURCES
from innerloop.runtime.errors import ConfigError
from innerloop.study.keys import StudyKeys


class Datasets:
    """The data sets of a study, by their names in its study file.

    Args:
        keys: what the study file says.
    """

    def __init__(self, keys: StudyKeys) -> None:
        self._keys = keys

    @cached_property
    def registry(self) -> Registry:
        """The data sets that are read from files."""
        return read_registry(self._keys.registry)

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
        """What a data set's images are recorded to come from: an entry, as it is written."""
        variant = self.variant(dataset)
        source = self._keys.datasets[dataset].source
        return SOURCES.get(source, source) if variant is None else variant.source

    def source_entry(self, dataset: str) -> str:
        """Where the code of a data set's source is, seen from here."""
        source = self.source(dataset)
        return self.registry.entry(source) if self.variant(dataset) else source

    @property
    def licences(self) -> dict[str, Licence]:
        """The terms of every data set of the study that is read from files, by its source."""
        return {one.dataset: self.registry.licence_of(one) for one in self._registered()}

    def terms(self, collections: Container[str | None]) -> str:
        """What some collections' files may be used for and how to cite them, for people."""
        read = {one.dataset: one for one in self._registered() if one.collection in collections}
        said = (terms_of(name, self.registry.licence_of(one)) for name, one in read.items())
        return "\n".join(said)

    def require_licences(self) -> None:
        """Refuse to go on while a restricting licence is not accepted.

        Raises:
            ConfigError: says which, and what to write.
        """
        require_acceptance(self.licences, self._keys.accept_licence)

    def _registered(self) -> Iterator[Variant]:
        """The chosen variant of every data set that is read from files."""
        return filter(None, map(self.variant, self._keys.datasets))
