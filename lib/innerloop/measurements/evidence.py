"""The measurements that figures and tables are made from: aggregated Parquet files alone."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache, reduce
from operator import and_
from pathlib import Path
from typing import Any, TypeAlias

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from innerloop.measurements.described_study import DescribedStudy, Facts
from innerloop.measurements.schemas import schema_of
from innerloop.runtime.errors import SchemaError
from innerloop.runtime.provenance import require_unchanged

#: Columns and the values that they may have.
_Wanted: TypeAlias = frozenset[tuple[str, tuple[object, ...]]]


class Evidence:
    """The tables of one study and its description.

    A table that the study does not have reads as an empty one with the declared columns, so that
    figures need no special case for it.

    Args:
        tables: table name -> aggregated Parquet file.
        study: the study's description, as the workflow wrote it.
        declared: digest of a user's own claim -> when a run recorded that it was declared.
    """

    def __init__(
        self,
        tables: Mapping[str, Path | str],
        study: Mapping[str, Any],
        declared: Mapping[str, Mapping[str, str]] | None = None,
    ) -> None:
        self.paths = {name: Path(path) for name, path in tables.items()}
        self.study = DescribedStudy(study)
        self.declared = declared or {}
        self._unchanged: set[Path] = set()
        self._description = study
        self._compared: Facts | None = None
        # claims request the same rows for every layer
        self._rows = lru_cache(maxsize=32)(self._read)

    def of_paper(self, name: str) -> Evidence:
        """The evidence restricted to the variants that a paper compares.

        Unrestricted if the study has none of them, or the paper lists none.
        """
        facts = next(paper.facts for paper in self.study.papers if paper.name == name)
        here = [m for m in self.study.models if facts.protocol in ("", m.protocol)]
        if not any(model.variant in facts.variants for model in here):
            return self
        narrowed = Evidence(self.paths, _narrowed(self._description, facts))
        narrowed._compared = facts
        return narrowed

    def rows(self, name: str, **equal: object) -> pd.DataFrame:
        """The rows whose columns equal the given values, or one of a list of values.

        Text columns are categorical.

        Raises:
            SchemaError: the file is missing, unreadable, or lacks a declared column.
        """
        wanted = [(c, tuple(v) if isinstance(v, list) else (v,)) for c, v in equal.items()]
        # a copy, since callers may add columns to it
        return self._rows(name, frozenset(wanted)).copy(deep=False)

    def _read(self, name: str, equal: _Wanted) -> pd.DataFrame:
        schema, path = schema_of(name), self.paths.get(name)
        if path is not None and path not in self._unchanged and path.is_file():
            require_unchanged(path)
            self._unchanged.add(path)
        table = schema.empty_table() if path is None else _read(path, schema, equal)
        frame: pd.DataFrame = table.to_pandas(strings_to_categorical=True, ignore_metadata=True)
        if (facts := self._compared) is None or "variant" not in frame:
            return frame
        compared = frame["variant"].isin(facts.variants)
        if facts.protocol:
            compared |= frame["protocol"] != facts.protocol
        return frame[compared]

    def trained(self, table: str, protocol: str) -> pd.DataFrame:
        """Rows of the models that represent a protocol in figures: those trained on its home.

        Only the protocol's main setting is included, without untrained baselines; measurements on
        tasks are limited to tasks of the home data set.
        """
        variants, home = self.study.variants(protocol, baselines=False), self.study.home(protocol)
        tested = {"eval_dataset": home} if "eval_dataset" in schema_of(table).names else {}
        return self.rows(
            table,
            protocol=protocol,
            train_dataset=home,
            setting=self.study.main_setting(protocol),
            variant=[variant.name for variant in variants],
            **tested,
        )


def _narrowed(description: Mapping[str, Any], facts: Facts) -> dict[str, Any]:
    """A study's description without the variants that a paper does not compare."""
    models = description["models"]
    protocols = {
        name: {
            **about,
            "variants": [v for v in about.get("variants", ()) if facts.compares(name, v)],
        }
        for name, about in description.get("protocols", {}).items()
    }
    return {
        **description,
        "models": [one for one in models if facts.compares(one["protocol"], one["variant"])],
        "protocols": protocols,
    }


def _read(path: Path, schema: pa.Schema, equal: _Wanted) -> pa.Table:
    # an array of the column's type, which an empty list would not have
    wanted = [
        pc.field(column).isin(pa.array(values, schema.field(column).type))
        for column, values in sorted(equal)
    ]
    try:
        present = pq.read_schema(path).names
        missing = [column for column in schema.names if column not in present]
        if missing:
            raise SchemaError(f"{path} lacks the columns {missing}; it has {present}")
        return pq.read_table(
            path,
            columns=schema.names,
            filters=reduce(and_, wanted) if wanted else None,
            read_dictionary=[field.name for field in schema if pa.types.is_string(field.type)],
        )
    except (OSError, pa.ArrowException) as error:
        raise SchemaError(f"cannot read the table {path}: {error}") from error
