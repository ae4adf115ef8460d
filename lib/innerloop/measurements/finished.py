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
from innerloop.runtime.provenance import read_provenance


@dataclass(frozen=True)
class Finished:
    """A study's results.

    Attributes:
        name: of its folder.
        description: study.json.
        evidence: its aggregated tables.
    """

    name: str
    description: Mapping[str, Any]
    evidence: Evidence

    @classmethod
    def read(cls, folder: Path | str) -> Finished:
        """The results in `results/<study>`, or in a record, which may have its tables alone.

        Raises:
            ConfigError: no study has been run there.
        """
        root = Path(folder)
        tables = {path.stem: path for path in sorted(root.glob("aggregates/*.parquet"))}
        if not (root / "study.json").is_file() or not (tables or (root / "tables").is_dir()):
            raise ConfigError(
                f"{root} holds no finished study: expected study.json, and aggregates/*.parquet or "
                "tables; run `snakemake` first, or name a folder results/<study>"
            )
        description = read_json(root / "study.json")
        return cls(root.name, description, Evidence(tables, description))

    @property
    def study(self) -> DescribedStudy:
        """Its models and labels."""
        return self.evidence.study

    @cached_property
    def data_digests(self) -> Mapping[str, str]:
        """Of the images and splits that it measured on, by `images_key` and `splits_key`.

        Of tables that were gathered by an earlier version nothing is known.
        """
        found: dict[str, str] = {}
        for path in self.evidence.paths.values():
            with suppress(ProvenanceError):
                found |= read_provenance(path).get("data_digests", {})
        return found

    def paper_name(self, dataset: str) -> str:
        """The paper's data set whose part a data set plays, or its own name."""
        roles: Mapping[str, str] = self.description.get("roles", {})
        return next((role for role, name in roles.items() if name == dataset), dataset)

    def source(self, dataset: str) -> str:
        """Where a data set comes from."""
        return str(self.description.get("datasets", {}).get(dataset, {}).get("source", dataset))

    def label(self, column: str, value: object, protocol: str = "") -> str:
        """What the study's figures and tables call a value.

        Args:
            column: of a table of measurements.
            value: of a column of data sets as `paper_name` gives it.
            protocol: whose variant it is; empty: any.
        """
        text = str(value)
        if column in ("train_dataset", "eval_dataset", "dataset"):
            return self.study.dataset_label(self.study.in_role(text))
        if column in ("variant", "arm"):
            return self.study.label(text, protocol or None)
        return text


def label_in_both(a: Finished, b: Finished, column: str, value: object, protocol: str = "") -> str:
    """What two studies call a value: one label, or both with a slash between."""
    labels = (study.label(column, value, protocol) for study in (a, b))
    return " / ".join(dict.fromkeys(labels))
