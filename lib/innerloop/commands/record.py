"""Keep what a study has measured in a folder small enough for Git, with tables and a report.

    innerloop record docs/results/mine --configfile study.yaml   add what results/<study> has so far
    innerloop record docs/results/mine                           only write tables and report again

A study with many trainings can thus be run in parts, on several days or machines. seed<n>/ has the
measurements of one seed's models, and when and on what processor each was trained; images, weights
and host names are not kept. What a record already has is not replaced: a measurement that is
recorded a second time must have the same rows.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from innerloop.commands import parser_of
from innerloop.commands.so_far import described, gathered, made
from innerloop.measurements.aggregate import gather
from innerloop.render.report import write_report
from innerloop.runtime.errors import ConfigError, ProvenanceError
from innerloop.runtime.files import atomic_path, read_json, write_json
from innerloop.specs.measure import Spec
from innerloop.study.jobs import Jobs
from innerloop.study.keys import ACCESS
from innerloop.study.measurements import Measurements
from innerloop.study.overlays import merged_study
from innerloop.study.reading import read_study_file
from innerloop.study.study import Study
from innerloop.study.users_files import users_files

STUDY = "study.yaml"
_SEED = re.compile(r"/(seed\d+)(?=[/.])")


def main(argv: list[str]) -> None:
    """Add to a record, if a study is named, and write its results."""
    parser = parser_of("record", __doc__)
    parser.add_argument("folder", type=Path, help="folder of the record")
    parser.add_argument(
        "--configfile", nargs="+", metavar="FILE", help="the study's files, as for snakemake"
    )
    arguments = parser.parse_args(argv)
    folder, files = arguments.folder, arguments.configfile
    record = Record(folder, merged_study(files)) if files else Record.read(folder)
    if files:
        print(f"{record.add()} files of results/{record.study.name} added")
    for what in record.write():
        print(f"left out: {what}")
    print(f"{record.trained} trainings: {folder / 'report.html'}")


class Record:
    """The measurements of a study that a folder keeps.

    Args:
        folder: of the record.
        config: the study file.
    """

    def __init__(self, folder: Path, config: Mapping[str, Any]) -> None:
        self.folder = folder
        self.config = {key: value for key, value in config.items() if key not in ACCESS}
        self.study = Study(self.config)
        # without the digest of their code, which may have changed between parts
        self._measurements = Measurements(Jobs(self.study))

    @classmethod
    def read(cls, folder: Path) -> Record:
        """The record in a folder.

        Raises:
            ConfigError: there is none.
        """
        if not (folder / STUDY).is_file():
            raise ConfigError(
                f"{folder} holds no record, which has a file {STUDY}; say after --configfile which "
                "study's measurements it is to keep"
            )
        return cls(folder, read_study_file(folder / STUDY))

    @cached_property
    def files(self) -> dict[str, dict[str, Spec]]:
        """Table -> each file of it in results/<study>, and what it must have been made by."""
        found = self._measurements
        return {name: dict(found.files(name)) for name in found.tables()}

    def kept(self, path: str) -> Path:
        """Where the record keeps a file of results/<study>."""
        inside = path.removeprefix(f"results/{self.study.name}")
        seed = "".join(_SEED.findall(inside)[:1])
        return self.folder / seed / _SEED.sub("", inside).removeprefix("/")

    @property
    def trained(self) -> int:
        """How many of the study's models it has."""
        return sum(self.kept(path).is_file() for path in self._measurements.manifests())

    def add(self) -> int:
        """Copy what is measured by now, and was not kept before; return how many files.

        Raises:
            ProvenanceError: a file was made under other parameters, or differs from what is kept.
        """
        with atomic_path(self.folder / STUDY) as temporary:
            text = yaml.safe_dump(self.config, sort_keys=False, allow_unicode=True, width=100)
            temporary.write_text(text, encoding="utf-8")
        for table, specs in self.files.items():
            for path, spec in specs.items():
                if Path(path).is_file():
                    self._require_same(path, table, spec)
        found, manifests = self._measurements, self._measurements.manifests()
        wanted = dict.fromkeys(path for specs in self.files.values() for path in specs)
        new = [
            path
            for path in (*wanted, *manifests, *found.splits().values())
            if Path(path).is_file() and not self.kept(path).is_file()
        ]
        for path in new:
            self.kept(path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, self.kept(path))
            run = Path(path).with_name("run.json")
            if path in manifests and run.is_file():
                # sums are rounded differently from processor to processor
                facts = {key: value for key, value in read_json(run).items() if key != "host"}
                write_json(self.kept(path).with_name("run.json"), facts)
        return len(new)

    def _require_same(self, path: str, table: str, spec: Spec) -> None:
        rows = [
            gather(table, {str(file): spec}, same_code=False)[0].to_pandas()
            for file in (path, self.kept(path))
            if Path(file).is_file()
        ]
        if not rows[0].equals(rows[-1]):
            raise ProvenanceError(
                f"{path} holds other numbers than {self.kept(path)}, made under the same "
                "parameters: on another machine, or by other packages or code? Remove one of them"
            )

    def write(self) -> list[str]:
        """Write tables, figures and the report of what is kept; return what was left out, and why.

        Raises:
            ConfigError: nothing is kept.
        """
        left_out: dict[str, str] = {}
        kept = {
            table: {str(self.kept(path)): spec for path, spec in specs.items()}
            for table, specs in self.files.items()
        }
        tables = gathered(kept, self.folder / "aggregates", left_out, same_code=False)
        if not tables:
            raise ConfigError(f"{self.folder} keeps no measurement yet")
        splits = {name: self.kept(path) for name, path in self._measurements.splits().items()}
        manifests = [self.kept(path) for path in self._measurements.manifests()]
        description = described(
            self.study,
            {name: path for name, path in splits.items() if path.is_file()},
            [path if path.is_file() else None for path in manifests],
        )
        write_json(self.folder / "study.json", description)
        figures, printed, unmade = made(self.study, tables, description, self.folder)
        write_report(
            self.folder / "report.html",
            study=description,
            config=self.study.config,
            figures=figures,
            tables=printed,
            model_manifests=[path for path in manifests if path.is_file()],
            users_files=users_files(self.study),
        )
        return [
            *(f"{path}: {why}" for path, why in left_out.items()),
            *(f"{product['what']}: {product['reason']}" for product in unmade),
        ]
