"""The results of a study that has been run."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from innerloop.measurements.described_study import DescribedStudy
from innerloop.measurements.evidence import Evidence
from innerloop.runtime.errors import ConfigError, ProvenanceError
from innerloop.runtime.files import read_json
from innerloop.runtime.last_run import snakemake_for
from innerloop.runtime.provenance import read_provenance


@dataclass(frozen=True)
class Finished:
    """A study's results.

    Attributes:
        name: the folder's name.
        description: the content of study.json.
        evidence: the aggregated tables.
    """

    name: str
    description: Mapping[str, Any]
    evidence: Evidence

    @classmethod
    def read(cls, folder: Path | str) -> Finished:
        """Read the results in `results/<study>`, or in a record, which may have only tables.

        Raises:
            ConfigError: no study has been run there.
        """
        root = Path(folder)
        tables = {path.stem: path for path in sorted(root.glob("aggregates/*.parquet"))}
        if not (root / "study.json").is_file() or not (tables or (root / "tables").is_dir()):
            raise ConfigError(
                f"{root} holds no finished study: expected study.json, and aggregates/*.parquet or "
                f"tables; run `{snakemake_for(root.name)}` first"
            )
        description = read_json(root / "study.json")
        return cls(root.name, description, Evidence(tables, description))

    @property
    def study(self) -> DescribedStudy:
        """The study's models and labels."""
        return self.evidence.study

    @cached_property
    def data_digests(self) -> Mapping[str, str]:
        """Digests of the images and splits measured on, by `images_key` and `splits_key`.

        Tables gathered by an earlier version do not record them.
        """
        digests: dict[str, str] = {}
        for path in self.evidence.paths.values():
            with suppress(ProvenanceError):
                digests |= read_provenance(path).get("data_digests", {})
        return digests

    def paper_name(self, dataset: str) -> str:
        """The paper's data set that a data set stands in for, or else its own name."""
        roles: Mapping[str, str] = self.description.get("roles", {})
        return next((role for role, name in roles.items() if name == dataset), dataset)

    def source(self, dataset: str) -> str:
        """Where a data set comes from."""
        return str(self.description.get("datasets", {}).get(dataset, {}).get("source", dataset))

    def label(self, column: str, value: object, protocol: str = "") -> str:
        """The label of a value in the study's figures and tables.

        Args:
            column: a column of measurements.
            value: its value; a data set by its `paper_name`.
            protocol: the variant's protocol; empty: any.
        """
        text = str(value)
        if column in ("train_dataset", "eval_dataset", "dataset"):
            return self.study.dataset_label(self.study.in_role(text))
        if column in ("variant", "arm"):
            return self.study.label(text, protocol or None)
        return text


def label_in_both(a: Finished, b: Finished, column: str, value: object, protocol: str = "") -> str:
    """The label of a value in two studies: one label, or both with a slash between."""
    labels = (study.label(column, value, protocol) for study in (a, b))
    return " / ".join(dict.fromkeys(labels))
