"""The results of a study as DataFrames: `innerloop.results("results/demo")`."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from innerloop.measurements.finished import Finished
from innerloop.render.accuracy import accuracies
from innerloop.runtime.errors import ConfigError
from innerloop.runtime.files import read_json
from innerloop.runtime.last_run import snakemake_for
from innerloop.runtime.suggestions import instead_of


class Results:
    """What a study has measured, and the tables that it has written.

    Args:
        folder: the study's folder, such as results/demo.

    Raises:
        ConfigError: it does not contain a study's results.
    """

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder)
        self.evidence = Finished.read(folder).evidence

    def __repr__(self) -> str:
        return (
            f"Results({str(self.folder)!r}: measurements {', '.join(self.measurements) or 'none'}; "
            f"tables {', '.join(self.tables) or 'none'})"
        )

    @property
    def measurements(self) -> list[str]:
        """Names of the tables of measurements."""
        return [*self.evidence.paths]

    def __getitem__(self, name: str) -> pd.DataFrame:
        """The rows of a table of measurements; `innerloop schema` lists columns and units.

        Raises:
            ConfigError: the study has none of that name.
        """
        self._require(name, self.measurements, "table of measurements")
        return self.evidence.rows(name)

    @cached_property
    def accuracy(self) -> pd.DataFrame:
        """Accuracy: one row per variant, training data set, task size, test data set and split.

        `mean` and its interval over tasks (`low`, `high`, `half_width`) are in percent; `n` counts
        tasks. With several seeds, these are averages over seeds; `seed_sd` and `seed_half_width`
        are the standard deviation and the interval of the seeds' means, and `method_half_width` is
        for new trainings on new classes. Swept choices, such as step sizes, have columns of their
        own.

        Raises:
            ConfigError: no accuracies are there, as in a record of which only tables are there.
        """
        self._require("accuracy", self.measurements, "table of measurements")
        summary = accuracies(self.evidence).reset_index(drop=True)
        points = {
            (sweep.protocol, variant): point
            for sweep in self.evidence.study.sweeps
            for variant, point in sweep.points.items()
        }
        pairs = summary[["protocol", "variant"]].astype(str).itertuples(index=False, name=None)
        swept = pd.DataFrame([points.get(pair, {}) for pair in pairs], index=summary.index)
        return pd.concat([summary, swept[[key for key in swept if key not in summary]]], axis=1)

    @cached_property
    def tables(self) -> list[str]:
        """Names of the written tables: their paths in the folder `tables`, without suffix."""
        root = self.folder / "tables"
        return sorted(str(file.relative_to(root).with_suffix("")) for file in root.rglob("*.json"))

    def table(self, name: str) -> pd.DataFrame:
        """The numbers of a written table.

        Raises:
            ConfigError: the study has none of that name.
        """
        self.printed(name)
        return pd.read_csv(self.folder / "tables" / f"{name}.csv")

    def printed(self, name: str) -> dict[str, Any]:
        """A written table as the report shows it: title, caption, columns and rows of text.

        Raises:
            ConfigError: the study has none of that name.
        """
        self._require(name, self.tables, "table")
        content: dict[str, Any] = read_json(self.folder / "tables" / f"{name}.json")
        return content

    def _require(self, name: str, names: list[str], what: str) -> None:
        if name not in names:
            raise ConfigError(
                f"{self.folder} has no {what} '{name}'{instead_of(name, names)}; "
                f"`{snakemake_for(self.folder.name)}` makes what is missing, or for a record, "
                f"`innerloop record {self.folder}`"
            )


def results(folder: Path | str) -> Results:
    """The results of a study as DataFrames.

    Args:
        folder: the study's folder, such as results/demo.

    Raises:
        ConfigError: it does not contain a study's results.
    """
    return Results(folder)
