"""What the report says of how results were made: models, data sets, protocols, machines.

Manifests are read leniently: a report is still worth reading when one lacks a key.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from innerloop.files import read_json
from innerloop.render.description import PAPER_LABELS, Study

#: Keys that say which model it is, not how it was made.
IDENTITY = ("protocol", "variant", "dataset", "setting", "seed", "method", "label", "baseline")


def model_rows(manifests: Iterable[Path], study: Study) -> list[dict[str, Any]]:
    """One row a model: what it is, its best validation accuracy, its digests, where it was made."""
    rows = []
    for path in manifests:
        manifest = _with_run(path)
        spec, best = manifest.get("spec", {}), manifest.get("best_validation") or {}
        accuracy = best.get("accuracy")
        rows.append(
            {
                "protocol": str(spec.get("protocol", "")).upper(),
                "label": study.label(spec.get("variant", path.parent.name), spec.get("protocol")),
                "dataset": study.dataset_label(spec.get("dataset", "")),
                "setting": spec.get("setting", ""),
                "seed": spec.get("seed", ""),
                "best": "–" if not accuracy else f"{100 * accuracy:.1f}",
                "best_iteration": best.get("iteration", "–"),
                "wall_seconds": manifest.get("wall_seconds"),
                "device": manifest.get("device"),
                "threads": manifest.get("threads"),
                "code": str(manifest.get("code_digest", spec.get("code", "–"))),
                "data": str(manifest.get("data_digest", "–"))[:16],
            }
        )
    return rows


def shared_facts(
    manifests: Sequence[Mapping[str, Any]], models: Sequence[Mapping[str, Any]]
) -> list[tuple[str, str]]:
    """Devices, threads and versions, each with all the values that occurred."""
    versions = [manifest.get("versions") or {} for manifest in manifests]
    names = dict.fromkeys(name for found in versions for name in found)
    return [
        *(
            (title, _distinct(model[key] for model in models))
            for key, title in (("device", "Device"), ("threads", "Compute threads of a job"))
            if any(model[key] for model in models)
        ),
        *((name, _distinct(found.get(name) for found in versions)) for name in names),
    ]


def data_sets(
    manifests: Iterable[Path], samples: Iterable[Path], study: Study
) -> list[dict[str, Any]]:
    """One entry a data set: its role, its images, its licence, and the sheets that show it."""
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
                    label
                    for role, label in PAPER_LABELS.items()
                    if study.in_role(role) == name and role != name
                ],
                "count": manifest.get("count"),
                "source": manifest.get("source"),
                "licence": manifest.get("licence") or {},
                "sizes": [],
                "digests": [],
                "samples": [],
            },
        )
        entry["sizes"].append(manifest.get("size"))
        entry["digests"].append(str(manifest.get("digest", "–"))[:16])
        if path.parent in sheets:
            entry["samples"].append(sheets.pop(path.parent))
    return list(found.values())


def protocols(study: Study) -> list[dict[str, Any]]:
    """The resolved parameters of every variant; what a protocol's variants share stands once."""
    return [_protocol(study, protocol) for protocol in study.protocols]


def _protocol(study: Study, protocol: str) -> dict[str, Any]:
    models: dict[tuple[str, str, str], dict[str, str]] = {}
    for model in study.models:
        if model.protocol == protocol:
            parameters = {
                key: _shown(value) for key, value in model.details.items() if key not in IDENTITY
            }
            models[model.variant, model.dataset, model.setting] = parameters
    keys = dict.fromkeys(key for parameters in models.values() for key in parameters)
    values = {key: {parameters.get(key, "–") for parameters in models.values()} for key in keys}
    differing = [key for key in keys if len(values[key]) > 1]
    return {
        "name": protocol.upper(),
        "title": study.protocol_title(protocol),
        "shared": [(_title(key), values[key].pop()) for key in keys if len(values[key]) == 1],
        "columns": [_title(key) for key in differing],
        "rows": [
            [
                study.label(variant, protocol),
                study.dataset_label(dataset),
                setting,
                *(parameters.get(key, "–") for key in differing),
            ]
            for (variant, dataset, setting), parameters in models.items()
        ],
    }


def _with_run(path: Path) -> dict[str, Any]:
    """A model's manifest, with the facts of the run that lie beside it."""
    run = path.with_name("run.json")
    facts = read_json(run) if run.exists() else {}
    return {**facts, **read_json(path)}


def _distinct(values: Iterable[Any]) -> str:
    return ", ".join(sorted({str(value) for value in values if value is not None})) or "–"


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _title(key: str) -> str:
    return key.replace("_", " ")
