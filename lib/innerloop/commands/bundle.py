"""A finished study as one file for a journal or an archive such as Zenodo.

    innerloop bundle demo demo.zip

It contains the report, aggregates, figures and tables; models as safetensors, each with a card; the
study file, your own code and the workflow, to repeat the study; checksums, and a description as a
Workflow Run RO-Crate. It contains no images, and no samples of data sets that may not be shared.
"""

from __future__ import annotations

import shutil
from base64 import b64encode
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import yaml

from innerloop.commands import NAME_OR_FOLDER, folder_of, parser_of
from innerloop.commands.crate import crate_of, require_rocrate
from innerloop.commands.model_card import model_card
from innerloop.render.provenance import end_of
from innerloop.render.results import Results
from innerloop.runtime.code_digest import LIBRARY
from innerloop.runtime.errors import ConfigError
from innerloop.runtime.files import atomic_path, canonical_json, read_json, sha256_of, write_json
from innerloop.runtime.last_run import NOTED, snakemake_for
from innerloop.study import paths
from innerloop.study.description import COUNTED, describe
from innerloop.study.jobs import Jobs
from innerloop.study.overlays import merged_study
from innerloop.study.study import Study
from innerloop.study.users_files import users_files
from innerloop.training.model_file import load
from innerloop.training.safetensors_file import write_safetensors

STUDY = "study.yaml"
WORKFLOW = "Snakefile"
#: The part of the checkout that is needed to repeat a study.
_REPEATING = (
    WORKFLOW, "rules", "workflow_scripts", "lib", "profiles", "pyproject.toml", "requirements.lock",
    "LICENSE", "CITATION.cff",
)  # fmt: skip
#: The part of a study's results that goes into the bundle.
_RESULTS = (
    "aggregates",
    "figures",
    "tables",
    "study.json",
    "declared.json",
    "report.html",
    "report.pdf",
)
_LICENCE = "MIT for the code; results and models under the terms that README.md lists"
_NOT_SOURCE = shutil.ignore_patterns("__pycache__", "*.egg-info", ".*")
#: The time of every member, so that equal content gives an equal file.
_TIME = (1980, 1, 1, 0, 0, 0)


def main(argv: list[str]) -> None:
    """Write the bundle of a study."""
    parser = parser_of("bundle", __doc__)
    parser.add_argument("study", help=NAME_OR_FOLDER)
    parser.add_argument("out", type=Path, help="the file, such as demo.zip")
    parser.add_argument(
        "--configfile", nargs="+", metavar="FILE",
        help="the study's files, as for snakemake (default: those of its last run in this folder)",
    )  # fmt: skip
    arguments = parser.parse_args(argv)
    require_rocrate()
    bundle = Bundle(_study(folder_of(arguments.study).name, arguments.configfile))
    with TemporaryDirectory(prefix="innerloop-") as name:
        count = bundle.write(Path(name), arguments.out)
    size = arguments.out.stat().st_size / 1e6
    print(f"{arguments.out}: {count} files, {size:.1f} MB")
    for line in bundle.withheld():
        print(line)


def _study(name: str, files: list[str] | None) -> Study:
    if files:
        return Study(merged_study(files))
    noted = Path(NOTED.format(study=name))
    if not noted.is_file():
        raise ConfigError(
            f"no run of study '{name}' was started in {Path.cwd()}: go to the folder that "
            "Snakemake ran in, or name the study's files after --configfile"
        )
    return Study(read_json(noted)["config"], checked=True)


class Bundle:
    """The bundle of a study that has been run in this folder.

    Args:
        study: the study.

    Raises:
        ConfigError: it has not been run to its end, its results were made with another study file,
            or its report shows images that may not be passed on.
    """

    def __init__(self, study: Study) -> None:
        self.study, self._jobs = study, Jobs(study)
        self.results, self._command = Path("results", study.name), snakemake_for(study.name)
        if not (self.results / "report.html").is_file():
            raise ConfigError(f"{self.results} has no report.html yet: run `{self._command}` first")
        described = read_json(self.results / "study.json")
        described.pop("made_by", None)  # depends on the code
        for dataset in described["datasets"].values():
            for counted in COUNTED:  # from the splits, not the study file
                dataset.pop(counted, None)
        if canonical_json(described) != canonical_json(describe(study)):
            raise ConfigError(
                f"{self.results} was made by another study file than the one to be bundled: run "
                "`snakemake` first, or name the study's files after --configfile"
            )
        self.images = {name: read_json(path) for name, path in self._manifests()}
        self._require_nothing_withheld()

    def write(self, folder: Path, out: Path) -> int:
        """Write the bundle, assembled in an empty folder; return its number of files."""
        inputs = [*self._code(folder)]
        results = [*self._results(folder), *self._models(folder)]
        self._repeating(folder)
        (folder / "README.md").write_text(self._readme(), encoding="utf-8")
        crate = crate_of(
            folder, title=self.study.title, licence=_LICENCE, workflow=WORKFLOW,
            inputs=inputs, results=results, times=self._times(), packages=self._packages(),
        )  # fmt: skip
        write_json(folder / "ro-crate-metadata.json", crate)
        files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*")
                 if path.is_file()}  # fmt: skip
        sums = "".join(f"{sha256_of(path)}  {name}\n" for name, path in sorted(files.items()))
        (folder / "SHA256SUMS").write_text(sums, encoding="utf-8")
        files["SHA256SUMS"] = folder / "SHA256SUMS"
        with atomic_path(out) as temporary, ZipFile(temporary, "w") as archive:
            for name, path in sorted(files.items()):
                archive.writestr(ZipInfo(name, _TIME), path.read_bytes(), ZIP_DEFLATED)
        return len(files)

    def withheld(self) -> Iterator[str]:
        """A sentence for each data set whose pictures are left out."""
        for name, manifest in self.images.items():
            if not _redistributable(manifest):
                label = self.study.keys.datasets[name].label or name
                yield f"It has no pictures of {label}: nothing says that they may be passed on."

    # ---- its content -----------------------------------------------------------------------

    def _code(self, folder: Path) -> Iterator[str]:
        """The study file, the user's own code, and the tables that the study file names."""
        text = yaml.safe_dump(self.study.config, sort_keys=False, allow_unicode=True, width=100)
        (folder / STUDY).write_text(text, encoding="utf-8")
        yield STUDY
        for file in users_files(self.study):
            if file.is_absolute():
                raise ConfigError(
                    f"{file} belongs to the study but is outside {Path.cwd()}, so the bundle "
                    "cannot contain it: move it here, and change the study file"
                )
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, folder / file)
            yield file.as_posix()

    def _results(self, folder: Path) -> Iterator[str]:
        for name in _RESULTS:
            whole = self.results / name
            for file in [whole] if whole.is_file() else sorted(whole.rglob("*")):
                if file.is_file():
                    (folder / file).parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(file, folder / file)
                    yield file.as_posix()

    def _models(self, folder: Path) -> Iterator[str]:
        results = Results(self.results)
        for key, model in self.study.models.items():
            manifest = Path(key.fill(paths.MODEL, study=self.study.name))
            if not manifest.is_file():
                raise ConfigError(f"there is no {manifest}: run `{self._command}` first")
            into = folder / manifest.parent
            into.mkdir(parents=True, exist_ok=True)
            write_safetensors(load(manifest.with_name("model.pt")), into / "model.safetensors")
            shutil.copyfile(manifest, into / "model.json")
            card = model_card(model, read_json(manifest), self.images[key.dataset], results)
            (into / "README.md").write_text(card, encoding="utf-8")
            for name in ("model.safetensors", "model.json", "README.md"):
                yield (manifest.parent / name).as_posix()

    def _repeating(self, folder: Path) -> None:
        checkout = LIBRARY.parents[1]
        for name in _REPEATING:
            source = checkout / name
            if source.is_dir():
                shutil.copytree(source, folder / name, ignore=_NOT_SOURCE, dirs_exist_ok=True)
            elif source.is_file():
                shutil.copyfile(source, folder / name)
        if not (folder / WORKFLOW).is_file():
            raise ConfigError(
                f"{checkout} has no {WORKFLOW}: a bundle holds the workflow, so Innerloop must run "
                "from its checkout (`make setup`)"
            )

    def _readme(self) -> str:
        terms = [
            f"- {self.study.keys.datasets[name].label or name}: {_terms(manifest)}"
            for name, manifest in self.images.items()
        ]
        return _README.format(
            title=self.study.title, name=self.study.name, terms="\n".join(terms), study=STUDY
        )

    # ---- its description -------------------------------------------------------------------

    def _manifests(self) -> Iterator[tuple[str, Path]]:
        for dataset, store in self._jobs.shown_stores():
            manifest = Path(paths.fill(paths.IMAGES, dataset=dataset, store=store))
            if not manifest.is_file():
                raise ConfigError(
                    f"there is no {manifest}, which has the terms of {dataset}'s images: bundle a "
                    "study in the folder that it was run in"
                )
            yield dataset, manifest

    def _require_nothing_withheld(self) -> None:
        report = (self.results / "report.html").read_text(encoding="utf-8")
        for dataset, path in self._manifests():
            sheet = path.with_name("samples.png")
            if _redistributable(self.images[dataset]) or not sheet.is_file():
                continue
            if b64encode(sheet.read_bytes()).decode() in report:
                raise ConfigError(
                    f"{self.results}/report.html shows images of {dataset} that may not be passed "
                    "on: an earlier version wrote it; run `{self._command}` to write it again"
                )

    def _times(self) -> tuple[str, str]:
        """When the first training began and the last one ended, in ISO 8601."""
        runs = [
            read_json(key.fill(paths.LOG, study=self.study.name, file="run.json"))
            for key in self.study.models
        ]
        began, ended = min(run["date"] for run in runs), max(str(end_of(run)) for run in runs)
        return began.replace(" ", "T"), ended.replace(" ", "T")

    def _packages(self) -> dict[str, str]:
        key = next(iter(self.study.models))
        used = read_json(key.fill(paths.MODEL, study=self.study.name))["versions"]
        return {"snakemake": version("snakemake"), **used}


def _redistributable(manifest: Mapping[str, Any]) -> bool:
    return bool((manifest.get("licence") or {}).get("redistributable"))


def _terms(manifest: Mapping[str, Any]) -> str:
    licence = manifest.get("licence") or {}
    parts = [licence.get("name") or "not stated", licence.get("attribution"), licence.get("url")]
    return "; ".join(filter(None, parts))


_README = """# {title}

Results of the study `{name}`, made by Innerloop. Begin with `results/{name}/report.html`.

| where | what |
|---|---|
| `results/{name}/` | report, aggregates, figures, tables; in `models/` each model with its card |
| `{study}`, and Python files beside it | the study, and code of its own |
| `Snakefile`, `rules/`, `lib/`, ... | the workflow that made it |
| `SHA256SUMS` | checksums: `sha256sum --check SHA256SUMS` |
| `ro-crate-metadata.json` | the same for machines: a Workflow Run RO-Crate |

To repeat it, with Python 3.11 or newer, in this folder:

```shell
python3 -m venv .venv && . .venv/bin/activate
pip install -r requirements.lock && pip install --no-deps --no-build-isolation --editable .
snakemake --cores all --configfile {study} --config study={name}_again
```

Images are not in here: they are drawn, downloaded or taken from your own copies. Their terms:

{terms}
"""
