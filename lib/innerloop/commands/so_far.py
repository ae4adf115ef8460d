"""What can be made of a study's measurements so far, by the code that makes those of all of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from innerloop.measurements.aggregate import gather
from innerloop.measurements.evidence import Evidence
from innerloop.papers.making import draw, tabulate
from innerloop.papers.paper import Product
from innerloop.runtime.errors import ProvenanceError
from innerloop.runtime.provenance import write_table
from innerloop.specs.measure import Spec
from innerloop.study.declared import declared_of
from innerloop.study.description import describe, with_counts
from innerloop.study.products import Products
from innerloop.study.study import Study

#: Why a file is left out that was made under other parameters.
STALE = "Left out: files that were made by another study file or other code than now"


def usable(file: str, left_out: dict[str, str], read: Callable[..., Any], *arguments: Any) -> Any:
    """What is read of a file; None where it is not there, or cannot be used, which is noted.

    Args:
        file: its path.
        left_out: path -> why it cannot be used.
        read: called with the arguments, or with the file alone.
        arguments: for it.
    """
    if file in left_out or not Path(file).is_file():
        return None
    try:
        return read(*arguments or (file,))
    except ProvenanceError:
        left_out[file] = STALE
    except Exception as error:  # whatever is wrong with it, the other files can be used
        left_out[file] = f"{type(error).__name__}: {error}"
    return None


def described(
    study: Study, splits: Mapping[str, Path | str], manifests: Sequence[Path | str | None]
) -> dict[str, Any]:
    """A study's description, with the models that are there.

    Args:
        study: the study.
        splits: data set -> its splits.parquet, of those whose is there.
        manifests: of each of the study's models, in order; None: it is not there.
    """
    found = with_counts(describe(study), splits)
    there = zip(found["models"], manifests, strict=True)
    return {**found, "models": [model for model, manifest in there if manifest]}


def gathered(
    files: Mapping[str, Mapping[str, Spec]],
    folder: Path,
    left_out: dict[str, str],
    *,
    same_code: bool = True,
) -> dict[str, Path]:
    """A table of each kind, from the files that are there and can be used.

    Args:
        files: table -> its files, each with the spec that it must have been made with.
        folder: where the tables are written.
        left_out: path -> why it cannot be used.
        same_code: whether they must have been made by the code as it is now.
    """
    tables, read = {}, partial(gather, same_code=same_code)
    for name, specs in files.items():
        found = [usable(file, left_out, read, name, {file: spec}) for file, spec in specs.items()]
        parts = [table for table, _ in filter(None, found)]
        if parts:
            tables[name] = folder / f"{name}.parquet"
            write_table(pa.concat_tables(parts), tables[name], {"table": name})
    return tables


def made(
    study: Study, tables: Mapping[str, Path], description: Mapping[str, Any], folder: Path
) -> tuple[list[Path], list[Path], list[dict[str, str]]]:
    """The figures and tables that can be made of what is there.

    Args:
        study: whose they are.
        tables: table of measurements -> its file.
        description: the study's.
        folder: they are written into `figures` and `tables` below it.

    Returns:
        The .json of each figure and of each table; and what could not be made: `what`, and the
        `reason`.
    """
    products, unmade = Products(study), list[dict[str, str]]()

    @cache  # what reads the same is judged once
    def evidence(names: frozenset[str]) -> Evidence:
        return Evidence({name: tables[name] for name in names}, description, declared_of(study))

    def each(
        make: Callable[[Product, Evidence, Path], None], kind: str, wanted: Sequence[Product]
    ) -> Iterator[Path]:
        for product in wanted:
            reads = frozenset(tables).intersection(products.reads(product))
            if not reads:
                continue
            stem = folder / kind / product.paper / product.name
            try:
                make(product, evidence(reads), stem)
            except Exception as error:  # what expects models that are not there is left out
                why = f"{type(error).__name__}: {error}"
                what = f"Make {product.name} of what is there"
                unmade.append({"what": what, "reason": why, "log": ""})
            else:
                yield stem.with_name(f"{product.name}.json")

    figures = [*each(draw, "figures", products.figures)]
    return figures, [*each(tabulate, "tables", products.tables)], unmade
