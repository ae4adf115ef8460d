"""Read every file that a study's results rest on, and compare it with the digest that was recorded.

    innerloop verify results/demo

Tables of results, models, and the images and raw files that they were made from. Jobs compare what
they read, too; this finds a bad disk or an incomplete copy before anything is made from it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

from innerloop.commands import parser_of
from innerloop.data.acquire.fetch import FETCHED
from innerloop.data.image_store import IMAGES, MANIFEST, ImageStore
from innerloop.runtime.errors import ConfigError, InnerloopError, ProvenanceError
from innerloop.runtime.files import read_json, sha256_of
from innerloop.runtime.provenance import read_provenance, require_unchanged
from innerloop.training.model_file import load

#: A file, and what raises where it is not what was recorded.
Check: TypeAlias = tuple[Path, Callable[[], object]]


def main(argv: list[str]) -> None:
    """Check all, and end with 1 where a file is wrong."""
    parser = parser_of("verify", __doc__)
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
    file = manifest.with_suffix(".pt")
    if load(file).digest() != read_json(manifest)["digest"]:
        raise ProvenanceError(f"{file} is not the model that {manifest} describes")


def _digests(folder: Path) -> Iterator[str]:
    """Of everything that the results were made from."""
    for path in (*folder.rglob("[!.]*.parquet"), *folder.glob("models/**/model.json")):
        yield from _record(path).get("data_digests", {}).values()


def _resources(folder: Path, digests: set[str]) -> Iterator[Check]:
    """The image stores of these digests, and the files that they were built from."""
    built_from: set[str] = set()
    for manifest in sorted(folder.glob(f"images/*/*/{MANIFEST}")):
        record = _record(manifest)
        if not record or record.get("digest") in digests:
            built_from |= {file.get("sha256", "") for file in record.get("files", {}).values()}
            yield manifest.with_name(IMAGES), partial(ImageStore.open, manifest.parent, reread=True)
    for fetched in sorted(folder.glob(f"raw/*/{FETCHED}")):
        record = _record(fetched)
        if not record:
            yield fetched, partial(read_json, fetched)
        for facts in record.get("files", {}).values():
            if facts["sha256"] in built_from:
                path = fetched.parent / facts["path"]
                yield path, partial(_require_hash, path, facts["sha256"])


def _record(path: Path) -> Mapping[str, Any]:
    """What stands in a file; nothing where it is damaged, which its own check says."""
    try:
        record: Mapping[str, Any] = (
            read_json(path) if path.suffix == ".json" else read_provenance(path)
        )
    except InnerloopError:
        return {}
    return record


def _require_hash(path: Path, sha256: str) -> None:
    if sha256_of(path) != sha256:
        raise ProvenanceError(f"{path} has changed since it was fetched")
