"""What the report says of how results were made: models, data sets, protocols, machines.

Manifests are read leniently: a report is still worth reading when one lacks a key.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from innerloop.measurements.described_study import IDENTITY, DescribedStudy, Model, in_words
from innerloop.render.benchmarks import Benchmark, memory
from innerloop.render.tabulation import MISSING
from innerloop.runtime.errors import InnerloopError
from innerloop.runtime.extensions import source_file, statements
from innerloop.runtime.files import read_json
from innerloop.runtime.provenance import commit_in_words
from innerloop.specs.setting import in_full


def model_rows(
    manifests: Iterable[Path], study: DescribedStudy, measured: Mapping[str, Benchmark]
) -> list[dict[str, Any]]:
    """One row per model: what it is, its best validation accuracy, its digests, where it was made.

    Args:
        manifests: model.json of the models.
        study: whose they are.
        measured: benchmarks by the path that a model has in the study's folder.
    """
    rows = []
    for path in manifests:
        manifest = _with_run(path)
        spec, best = manifest.get("spec", {}), manifest.get("best_validation") or {}
        accuracy, digests = best.get("accuracy"), manifest.get("data_digests", {}).values()
        rows.append(
            {
                "protocol": study.protocol_label(spec.get("protocol", "")),
                "label": study.label(spec.get("variant", path.parent.name), spec.get("protocol")),
                "dataset": study.dataset_label(spec.get("dataset", "")),
                "setting": in_full(spec["setting"]) if "setting" in spec else "",
                "seed": spec.get("seed", ""),
                "best": MISSING if not accuracy else f"{100 * accuracy:.1f}",
                "best_iteration": best.get("iteration", MISSING),
                "wall_seconds": manifest.get("wall_seconds"),
                "ended": end_of(manifest),
                "memory": _memory(path, measured),
                **{key: manifest.get(key) for key in ("date", *RUN)},
                "commit": commit_in_words(manifest) if "commit" in manifest else None,
                "code": str(spec.get("code", MISSING)),
                "data": ", ".join(digest[:16] for digest in digests) or MISSING,
            }
        )
    return rows


def end_of(run: Mapping[str, Any]) -> str | None:
    """When a training ended, in the form of `date`, when its last attempt began."""
    if "date" not in run:
        return None
    spent = run.get("wall_seconds", 0.0) - run.get("earlier_seconds", 0.0)
    ended = datetime.fromisoformat(run["date"]) + timedelta(seconds=spent)
    return ended.isoformat(" ", "seconds")


def shared_facts(
    manifests: Sequence[Mapping[str, Any]], models: Sequence[Mapping[str, Any]]
) -> list[tuple[str, str]]:
    """When, where and by what the models were made, each with all the values that occurred.

    Args:
        manifests: model.json of the models, for the versions of packages.
        models: what `model_rows` says of them.
    """
    versions = [manifest.get("versions") or {} for manifest in manifests]
    names = dict.fromkeys(name for found in versions for name in found)
    facts = []
    for key, title in {"date": "Models trained", **RUN}.items():
        values = sorted(str(model[key]) for model in models if model[key] is not None)
        if values:
            text = _distinct(values)
            if key == "date":
                text = f"{values[0]} to {max(model['ended'] or '' for model in models)}"
            partly = f" ({len(values)} of {len(models)} models say so)"
            facts.append((title, text + partly * (len(values) < len(models))))
    return facts + [(name, _distinct(found.get(name) for found in versions)) for name in names]


#: What run.json says of a training beside its date.
RUN = {
    "commit": "Commit of Innerloop",
    "host": "Host",
    "processor": "Processor",
    "device": "Device",
    "threads": "Compute threads of a job",
}


#: What is said of each store of a data set's images: a model's own size and variant are one.
STORE = ["Variant", "Pixels a side", "Kept of each side", "Images", "Content digest"]
FILES = ["File", "From", "SHA-256"]


def data_sets(
    manifests: Iterable[Path], samples: Iterable[Path], study: DescribedStudy
) -> list[dict[str, Any]]:
    """One entry per data set: its role, split and licence, its images in every variant and size.

    `about` says what the images are, in the words of their source; `stores` and `files` are rows of
    the columns `STORE` and `FILES`; `samples`, the sheets that show the images; `withheld`, those
    that stay where they are, since the images may not be passed on, as a report may be.
    """
    sheets = {path.parent: path for path in samples}
    found: dict[str, dict[str, Any]] = {}
    for path in manifests:
        manifest = read_json(path)
        name = manifest.get("dataset", path.parent.name)
        entry = found.setdefault(
            name,
            {
                "label": study.dataset_label(name),
                "roles": [
                    study.role_label(role)
                    for role, standing_in in study.replaced.items()
                    if standing_in == name
                ],
                "source": manifest.get("source"),
                "about": _about(str(manifest.get("source") or "")),
                "splits": study.own_splits(name) or manifest.get("splits", ""),
                "equal_images": study.equal_images(name),
                "licence": _with_safe_link(manifest.get("licence") or {}),
                "stores": [],
                "files": [],
                "samples": [],
                "withheld": [],
            },
        )
        entry["stores"].append(_store(manifest))
        rows = (
            [file, str(facts.get("origin", MISSING)), str(facts.get("sha256", MISSING))]
            for file, facts in (manifest.get("files") or {}).items()
        )
        entry["files"] += [row for row in rows if row not in entry["files"]]
        if path.parent in sheets:
            shown = "samples" if entry["licence"].get("redistributable") else "withheld"
            entry[shown].append(sheets.pop(path.parent))
    return list(found.values())


def _about(source: str) -> str:
    """The first sentence of the docstring of the file whose code makes a data set's images."""
    try:
        body = statements(source_file(source))
    except InnerloopError:  # it may have been made elsewhere
        return ""
    docstring = ast.get_docstring(ast.Module(body, [])) or ""
    return re.sub(r"^`\w+`: ", "", docstring.partition("\n\n")[0])


def _with_safe_link(licence: Mapping[str, Any]) -> dict[str, Any]:
    """A licence whose link, which a registry may have set, leads to a page and runs nothing."""
    url = str(licence.get("url") or "")
    return {**licence, "url": url if url.startswith(("http://", "https://")) else ""}


def _store(manifest: Mapping[str, Any]) -> list[str]:
    count, size = manifest.get("count"), manifest.get("size")
    return [
        manifest.get("variant") or MISSING,
        MISSING if size is None else str(size),
        f"{100 * manifest.get('window', 1):g} %",
        MISSING if count is None else f"{count:,}",
        str(manifest.get("digest", MISSING))[:16],
    ]


def protocols(study: DescribedStudy) -> list[dict[str, Any]]:
    """Resolved parameters of every variant; those that a protocol's models share stand apart."""
    return [_protocol(study, protocol) for protocol in study.protocols]


def _protocol(study: DescribedStudy, protocol: str) -> dict[str, Any]:
    models = [model for model in study.models if model.protocol == protocol]
    parameters = [_parameters(model) for model in models]
    keys = dict.fromkeys(key for found in parameters for key in found)
    values = {key: {found.get(key, MISSING) for found in parameters} for key in keys}
    differing = [key for key in keys if len(values[key]) > 1]
    rows: dict[tuple[str, ...], dict[str, dict[str, None]]] = {}
    for model, found in zip(models, parameters, strict=True):
        row = (
            study.label(model.variant, protocol),
            *(found.get(key, MISSING) for key in differing),
        )
        here = rows.setdefault(row, {}).setdefault(in_full(model.setting), {})
        here[study.dataset_label(model.dataset)] = None
    return {
        "name": study.protocol_label(protocol),
        "title": study.protocol_title(protocol),
        "shared": [(_title(key), values[key].pop()) for key in keys if len(values[key]) == 1],
        "columns": ["Method", *map(_title, differing), "Models"],
        "rows": [[*row, "; ".join(map(_place, where.items()))] for row, where in rows.items()],
    }


def _place(found: tuple[str, Iterable[str]]) -> str:
    """`People, Scripts, 5-way 1-shot`."""
    setting, datasets = found
    return ", ".join([*datasets, setting])


def _parameters(model: Model) -> dict[str, str]:
    return {key: in_words(value) for key, value in model.details.items() if key not in IDENTITY}


def _with_run(path: Path) -> dict[str, Any]:
    """A model's manifest, with the facts of the run that lie beside it."""
    run = path.with_name("run.json")
    facts = read_json(run) if run.exists() else {}
    return {**facts, **read_json(path)}


def _memory(path: Path, measured: Mapping[str, Benchmark]) -> str:
    stem = path.with_suffix("").as_posix()
    found = (benchmark for name, benchmark in measured.items() if stem.endswith(f"/{name}"))
    benchmark = next(found, None)
    return MISSING if benchmark is None else memory(benchmark.megabytes)


def _distinct(values: Iterable[Any]) -> str:
    return ", ".join(sorted({str(value) for value in values if value is not None})) or MISSING


def _title(key: str) -> str:
    return key.replace("_", " ")
