"""Read every file that a study's results rest on, and compare it with the digest that was recorded.

    innerloop verify results/demo

Tables of results, models, and the images and raw files that they were made from. Jobs compare what
they read, too; this finds a bad disk or an incomplete copy before anything is made from it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

from innerloop.data.acquire.fetch import FETCHED
from innerloop.data.image_store import MANIFEST, ImageStore
from innerloop.runtime.errors import ConfigError, InnerloopError, ProvenanceError
from innerloop.runtime.files import read_json, sha256_of
from innerloop.runtime.provenance import read_provenance, require_unchanged

#: A file, and what raises where it is not what was recorded.
Check: TypeAlias = tuple[Path, Callable[[], object]]


def main(argv: list[str]) -> None:
    """Check all, and end with 1 where a file is wrong."""
    parser = argparse.ArgumentParser(
        prog="innerloop verify", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("study", type=Path, help="folder results/<study>")
    folder = parser.parse_args(argv).study
    checks = [*_tables(folder), *_models(folder)]
    if not checks:
        raise ConfigError(f"{folder} holds no results of a study; name a folder results/<study>")
    resources = folder.absolute().parents[1] / "resources"
    checks += _resources(resources, set(_digests(folder)))
    wrong = []
    for path, check in checks:
        try:
            check()
        except (InnerloopError, OSError, ValueError, KeyError) as error:
            wrong.append(f"{path}: {str(error).removeprefix(f'{path} ')}")
    if wrong:
        sys.exit("\n".join([*wrong, f"{len(wrong)} of {len(checks)} files are not as recorded"]))
    print(f"{len(checks)} files are as they were recorded: {folder}, and what it was made from")


def _tables(folder: Path) -> Iterator[Check]:
    for path in sorted(folder.rglob("[!.]*.parquet")):
        yield path, partial(require_unchanged, path)


def _models(folder: Path) -> Iterator[Check]:
    for manifest in sorted(folder.glob("models/**/model.json")):
        yield manifest.with_suffix(".pt"), partial(_require_model, manifest)


def _require_model(manifest: Path) -> None:
    from innerloop.training.model_file import load  # torch takes seconds

    file = manifest.with_suffix(".pt")
    if load(file).digest() != read_json(manifest)["digest"]:
        raise ProvenanceError(f"{file} is not the model that {manifest} describes")


def _digests(folder: Path) -> Iterator[str]:
    """Of everything that the results were made from."""
    records: list[Any] = []
    for path in folder.rglob("[!.]*.parquet"):
        try:
            records.append(read_provenance(path))
        except InnerloopError:  # its own check says so
            continue
    records += [read_json(path) for path in folder.glob("models/**/model.json")]
    for record in records:
        yield from record.get("data_digests", {}).values()


def _resources(folder: Path, digests: set[str]) -> Iterator[Check]:
    """The image stores of these digests, and the files that they were built from."""
    built_from: set[str] = set()
    for manifest in sorted(folder.glob(f"images/*/*/{MANIFEST}")):
        content = read_json(manifest)
        if content.get("digest") in digests:
            built_from |= {file.get("sha256", "") for file in content["files"].values()}
            yield manifest.with_name("images.npy"), partial(_require_images, manifest.parent)
    for record in sorted(folder.glob(f"raw/*/{FETCHED}")):
        for facts in read_json(record)["files"].values():
            if facts["sha256"] in built_from:
                path = record.parent / facts["path"]
                yield path, partial(_require_hash, path, facts["sha256"])


def _require_images(folder: Path) -> None:
    ImageStore.open(folder).verify()


def _require_hash(path: Path, sha256: str) -> None:
    if sha256_of(path) != sha256:
        raise ProvenanceError(f"{path} has changed since it was fetched")
