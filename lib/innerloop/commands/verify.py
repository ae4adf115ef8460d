"""Read every file behind a study's results, and compare it with its recorded digest.

    innerloop verify demo

This checks measurements, aggregates, models, and the images and raw files that they were made from,
and whether each file is where its parameters belong. Jobs also check what they read; this command
finds a bad disk or an incomplete copy before anything is made from it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

from innerloop.commands import NAME_OR_FOLDER, folder_of, parser_of
from innerloop.data.acquire.fetch import FETCHED
from innerloop.data.image_store import IMAGES, MANIFEST, ImageStore
from innerloop.runtime.errors import ConfigError, InnerloopError, ProvenanceError
from innerloop.runtime.files import read_json, sha256_of
from innerloop.runtime.provenance import read_provenance, require_unchanged
from innerloop.study import paths
from innerloop.training.model_file import load

#: Path patterns of the files that record their parameters.
_PLACES = (
    *(paths.SPLITS, paths.EPISODES, paths.MODEL, paths.LOG),
    *(paths.ACCURACY, paths.BASELINE, paths.PROBE, paths.TOY),
)
#: A file, and a function that raises if it is not as recorded.
Check: TypeAlias = tuple[Path, Callable[[], object]]


def main(argv: list[str]) -> None:
    """Check all files, and exit with status 1 if one is wrong."""
    parser = parser_of("verify", __doc__)
    parser.add_argument("study", type=folder_of, help=NAME_OR_FOLDER)
    folder = parser.parse_args(argv).study
    checks = [*_tables(folder), *_models(folder)]
    if not checks:
        raise ConfigError(f"{folder} holds no results of a study")
    resources = folder.absolute().parents[1] / "resources"
    checks += _resources(resources, set(_digests(folder)))
    wrong = []
    for path, check in checks:
        try:
            check()
        except (InnerloopError, OSError) as error:
            wrong.append(f"{path}: {str(error).removeprefix(f'{path} ')}")
        except Exception as error:  # the record may hold anything
            wrong.append(f"{path}: its record is not as its job wrote it ({error!r:.100})")
    if wrong:
        sys.exit("\n".join([*wrong, f"{len(wrong)} of {len(checks)} files are not as recorded"]))
    print(f"{len(checks)} files are as they were recorded: {folder}, and what it was made from")


def _tables(folder: Path) -> Iterator[Check]:
    for path in sorted(folder.rglob("[!.]*.parquet")):
        yield path, partial(_require_table, path, folder)


def _models(folder: Path) -> Iterator[Check]:
    for manifest in sorted(folder.glob("models/**/model.json")):
        yield manifest.with_suffix(".pt"), partial(_require_model, manifest, folder)


def _require_table(path: Path, folder: Path) -> None:
    require_unchanged(path)
    _require_place(path, folder)


def _require_model(manifest: Path, folder: Path) -> None:
    _require_place(manifest, folder)
    file = manifest.with_suffix(".pt")
    if load(file).digest() != read_json(manifest)["digest"]:
        raise ProvenanceError(f"{file} is not the model that {manifest} describes")


def _require_place(path: Path, folder: Path) -> None:
    """Refuse a file that was made with other parameters than its path says.

    Raises:
        ProvenanceError: names the first of them.
    """
    spec = _section(_record(path), "spec")
    made = {"probe": spec.get("table"), **spec, **_section(spec, "model")}
    place = path.relative_to(folder).as_posix()
    for pattern in _PLACES:
        named = re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", pattern.partition("{study}/")[2])
        match = re.fullmatch(named, place)
        for name, value in match.groupdict().items() if match else ():
            if str(made.get(name, value)) != value:
                raise ProvenanceError(
                    f"{path} was made for the {name} {made[name]}, but is in the place of {value}"
                )


def _digests(folder: Path) -> Iterator[str]:
    """The digests of everything that the results were made from."""
    for path in (*folder.rglob("[!.]*.parquet"), *folder.glob("models/**/model.json")):
        yield from map(str, _section(_record(path), "data_digests").values())


def _resources(folder: Path, digests: set[str]) -> Iterator[Check]:
    """The image stores of these digests, and the files that they were built from."""
    built_from: set[str] = set()
    for manifest in sorted(folder.glob(f"images/*/*/{MANIFEST}")):
        record = _record(manifest)
        if not record or record.get("digest") in digests:
            files = _section(record, "files")
            built_from |= {str(_section(files, name).get("sha256")) for name in files}
            yield manifest.with_name(IMAGES), partial(ImageStore.open, manifest.parent, reread=True)
    for fetched in sorted(folder.glob(f"raw/*/{FETCHED}")):
        files = _section(_record(fetched), "files")
        if not files:
            yield fetched, partial(_require_files, fetched)
        for facts in (_section(files, name) for name in files):
            if facts.get("sha256") in built_from:
                path = fetched.parent / str(facts.get("path"))
                yield path, partial(_require_hash, path, facts["sha256"])


def _record(path: Path) -> Mapping[str, Any]:
    """The record in a file; empty if it is damaged, which the file's own check reports."""
    try:
        record = read_json(path) if path.suffix == ".json" else read_provenance(path)
    except (InnerloopError, OSError, ValueError):
        return {}
    return record if isinstance(record, Mapping) else {}


def _section(record: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    section = record.get(name)
    return section if isinstance(section, Mapping) else {}


def _require_files(fetched: Path) -> None:
    if not isinstance(read_json(fetched)["files"], Mapping):
        raise ProvenanceError(f"{fetched} lists no files")


def _require_hash(path: Path, sha256: str) -> None:
    if sha256_of(path) != sha256:
        raise ProvenanceError(f"{path} has changed since it was fetched")
