"""Tables and figures of a study's measurements so far, by the code that makes those of all."""

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

#: Why a file that was made with other parameters is left out.
STALE = "Left out: files that were made by another study file or other code than now"


def usable(file: str, left_out: dict[str, str], read: Callable[..., Any], *arguments: Any) -> Any:
    """What `read` returns for a file; None if the file is missing or cannot be used.

    Args:
        file: its path.
        left_out: path -> why it cannot be used; such a file is added.
        read: called with the arguments or, if there are none, with the file.
        arguments: the arguments of `read`.
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
    """A study's description, with only the models that exist.

    Args:
        study: the study.
        splits: data set -> its splits.parquet, for those that exist.
        manifests: the manifest of each of the study's models, in order; None if it is missing.
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
    """Write a table of each kind from the files that can be used; return name -> table.

    Args:
        files: table -> its files, each with the spec that it must have been made with.
        folder: where the tables are written.
        left_out: path -> why it cannot be used.
        same_code: whether the files must have been made by the present code.
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
    """Make the figures and tables for which there are measurements.

    Args:
        study: the study.
        tables: table of measurements -> its file.
        description: the study's description.
        folder: they are written into `figures` and `tables` below it.

    Returns:
        The .json of each figure and of each table; and `what` could not be made, with the `reason`.
    """
    products, unmade = Products(study), list[dict[str, str]]()

    @cache  # claims are judged once for all that reads the same tables
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
            except Exception as error:  # it may expect models that do not exist
                why = f"{type(error).__name__}: {error}"
                what = f"Make {product.name} from the results so far"
                unmade.append({"what": what, "reason": why, "log": ""})
            else:
                yield stem.with_name(f"{product.name}.json")

    figures = [*each(draw, "figures", products.figures)]
    return figures, [*each(tabulate, "tables", products.tables)], unmade
