"""A data set's images by name, built on first use."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from innerloop.data.acquire.collection import Variant
from innerloop.data.acquire.fetch import FETCHED, Ways, fetch
from innerloop.data.acquire.registry import Registry, read_registry
from innerloop.data.acquire.terms import require_acceptance, show_terms
from innerloop.data.build_images import build_images
from innerloop.data.image_store import MANIFEST, ImageStore
from innerloop.data.sources.fetched_files import FetchedFiles
from innerloop.data.store_name import store_name
from innerloop.runtime.built_in import SOURCES
from innerloop.runtime.errors import ConfigError, DataError, require_count
from innerloop.runtime.extensions import entry_of, load_entry, split_entry
from innerloop.runtime.suggestions import instead_of


def open_images(
    name: str,
    size: int,
    folder: Path | str = "resources/images",
    *,
    variant: str | None = None,
    data_root: Path | str = "",
    accept_licence: Sequence[str] = (),
    mirrors: Sequence[str] = (),
    registry: Path | str | None = None,
    threads: int = 1,
) -> ImageStore:
    """Open a data set's images, building the store first where there is none.

    An existing store is used as it is; delete its folder after changing its source. Files that
    must be downloaded go beside `folder`, into `raw/`.

    Args:
        name: an embedded data set (`innerloop.runtime.built_in.SOURCES`), one of the registry
            (`docs/data.md`), or an entry of your own such as `my_sets.py:flowers`, which becomes
            the data set `flowers`.
        size: side of the images, in pixels.
        folder: where stores are kept, as `{data set}/{variant}-{size}/`, or `{data set}/{size}/`;
            relative to the current folder, unless it begins with `/`. A store prints its path: give
            that folder to find it again from elsewhere.
        variant: variant of a data set in the registry; default: the registry's.
        data_root: folder of your own copies of its files.
        accept_licence: data sets whose licences you have read and accept.
        mirrors: addresses to download from before the published ones.
        registry: TOML file of your own on top of the built-in registry.
        threads: threads that decode.

    Raises:
        DataError: the name is unknown, the source is not what it should be, its files cannot be
            obtained, or the store found was built from another source.
        ConfigError: there is no such variant, or a licence is not accepted.
        ExtensionError: the entry cannot be loaded.
        InputError: `name` or `size` is of the wrong type.
    """
    name = entry_of("name", name)
    require_count("size", size, least=1)
    known = read_registry(str(registry) if registry else None)
    if name not in known.variants:
        entry, dataset = _resolve(name, known)
        if variant is not None:
            raise ConfigError(
                f"data set '{name}' has no variants; those of {', '.join(known.variants)} have"
            )
        place = Path(folder) / dataset / str(size)
        if not (place / MANIFEST).exists():
            source = load_entry(entry)
            return build_images(source, dataset, size, place, entry=entry, threads=threads)
        return _opened(place, entry)
    chosen = known.variant(name, variant)
    place = Path(folder) / name / store_name(chosen.name, size)
    if (place / MANIFEST).exists():
        return _opened(place, chosen.source)
    licence = known.licence_of(chosen)
    require_acceptance({name: licence}, accept_licence)
    show_terms(name, licence)
    files = _fetched(chosen, known, Path(folder), Ways(str(data_root), tuple(mirrors)))
    return build_images(
        files.source(known.entry(chosen.source)),
        name,
        size,
        place,
        entry=chosen.source,
        variant=chosen.name,
        origin=files.origin,
        threads=threads,
    )


def _fetched(chosen: Variant, known: Registry, folder: Path, ways: Ways) -> FetchedFiles:
    raw = folder.parent / "raw" / chosen.collection
    fetch(known.collections[chosen.collection], raw, ways)
    return FetchedFiles.read(raw / FETCHED, chosen.images, known.listing(chosen))


def _opened(place: Path, entry: str) -> ImageStore:
    store = ImageStore.open(place)
    if store.manifest["source"] != entry:
        raise DataError(
            f"{place} was built from '{store.manifest['source']}', not from '{entry}'; give your "
            "data set another name, or another folder"
        )
    return store


def _resolve(name: str, known: Registry) -> tuple[str, str]:
    """A data set's entry and its own name."""
    if name in SOURCES:
        return SOURCES[name], name
    if ":" not in name:
        raise DataError(
            f"unknown data set '{name}'{instead_of(name, [*SOURCES, *known.variants])}; "
            "one of your own is named path/to/file.py:source"
        )
    place, attribute = split_entry(name)
    stem = Path(place).stem if place.endswith(".py") else place.rpartition(".")[2]
    return name, stem if attribute == "source" else attribute
