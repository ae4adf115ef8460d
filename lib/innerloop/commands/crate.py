"""A bundle's description as a Workflow Run RO-Crate: https://w3id.org/ro/wfrun/workflow."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from innerloop.runtime.errors import ConfigError

_PROFILES = (
    ("https://w3id.org/ro/wfrun/process/0.5", "Process Run Crate", "0.5"),
    ("https://w3id.org/ro/wfrun/workflow/0.5", "Workflow Run Crate", "0.5"),
    ("https://w3id.org/workflowhub/workflow-ro-crate/1.0", "Workflow RO-Crate", "1.0"),
)
#: Suffix -> media type.
_FORMATS = {
    ".csv": "text/csv", ".html": "text/html", ".json": "application/json", ".md": "text/markdown",
    ".parquet": "application/vnd.apache.parquet", ".pdf": "application/pdf", ".png": "image/png",
    ".py": "text/x-python", ".safetensors": "application/octet-stream", ".svg": "image/svg+xml",
    ".tex": "application/x-tex", ".yaml": "application/yaml",
}  # fmt: skip


def require_rocrate() -> None:
    """Refuse to begin if the library that writes crates is not installed.

    Raises:
        ConfigError: names the extra to install.
    """
    try:
        import rocrate  # noqa: F401
    except ImportError as error:
        raise ConfigError(
            "a bundle contains its description as an RO-Crate, for which the package rocrate is "
            "not installed; install Innerloop's extra, pip install 'innerloop[bundle]'"
        ) from error


def crate_of(
    folder: Path,
    *,
    title: str,
    licence: str,
    workflow: str,
    inputs: Iterable[str],
    results: Iterable[str],
    times: tuple[str, str],
    packages: Mapping[str, str],
) -> dict[str, Any]:
    """The content of ro-crate-metadata.json for the files of a folder.

    Args:
        folder: all its files are part of the crate.
        title: the study's title.
        licence: the bundle's licence, in words.
        workflow: the file with the workflow.
        inputs: files that the run has read.
        results: files that the run has made.
        times: when the run began and ended, in ISO 8601.
        packages: package -> version that the run used.
    """
    from rocrate.model.contextentity import ContextEntity
    from rocrate.rocrate import ROCrate

    crate, (began, ended) = ROCrate(version="1.1"), times  # the profiles are for 1.1
    crate.name, crate.license, crate.datePublished = title, licence, ended
    crate.description = f"Results of the study '{title}' by Innerloop, with all that repeats it"
    main = crate.add_workflow(
        folder / workflow, workflow, main=True, lang="snakemake",
        lang_version=packages["snakemake"], properties={"name": "Innerloop"},
    )  # fmt: skip
    files = {workflow: main}
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = file.relative_to(folder).as_posix()
        if name not in files:
            about = {"name": name, "contentSize": str(file.stat().st_size)}
            if file.suffix in _FORMATS:
                about["encodingFormat"] = _FORMATS[file.suffix]
            files[name] = crate.add_file(file, name, properties=about)
    profiles = [
        crate.add(
            ContextEntity(
                crate, profile,
                properties={"@type": "CreativeWork", "name": name, "version": version},
            )
        )
        for profile, name, version in _PROFILES
    ]  # fmt: skip
    crate.root_dataset["conformsTo"] = profiles
    run = crate.add(
        ContextEntity(
            crate, "#run",
            properties={
                "@type": "CreateAction", "name": f"Run of the study '{title}'",
                "startTime": began, "endTime": ended, "actionStatus":
                "http://schema.org/CompletedActionStatus",
                "description": ", ".join(f"{name} {each}" for name, each in packages.items()),
            },
        )
    )  # fmt: skip
    run["instrument"] = main
    run["object"] = [files[name] for name in inputs]
    run["result"] = [files[name] for name in results]
    crate.root_dataset["mentions"] = [run]
    content: dict[str, Any] = crate.metadata.generate()
    return content
