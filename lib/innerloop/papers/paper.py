"""A paper is a folder: its facts, published numbers, claims, figures and tables.

    mine/paper.yaml       what the paper says of itself, see `Facts`; only the title is required
    mine/claims.yaml      what it claims, with the comparisons that decide it
    mine/published.csv    the numbers that it prints
    mine/figures/*.py     one figure per file: TITLE, READS, perhaps FULLER, and draw(evidence)
    mine/tables/*.py      one table per file: TITLE, READS and tabulate(evidence)

Everything but paper.yaml may be left out. Innerloop's own are folders beside this file. Snakemake
reads folders while it parses the workflow, so their code is read here and never imported.
"""

from __future__ import annotations

import ast
import csv
import re
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml

from innerloop.measurements.described_study import Facts
from innerloop.papers.quantities import METRICS
from innerloop.runtime.errors import ConfigError, ExtensionError
from innerloop.runtime.extensions import statements
from innerloop.runtime.suggestions import instead_of
from innerloop.runtime.typed_json import from_json

HERE = Path(__file__).parent

#: The folder that every report begins with: the study's own results, and the verdicts.
OWN = "own"
#: Its table that is made once for each probe of the user's.
PROBE = "probe"
FACTS, CLAIMS, PUBLISHED = "paper.yaml", "claims.yaml", "published.csv"
#: What is read of a printed number.
COLUMNS = (
    *("item", "train_dataset", "eval_dataset", "split", "method", "way", "shot"),
    *("metric", "value", "spread", "unit", "kind"),
)

#: What READS may name besides tables of measurements: all tables that decide the papers' claims, or
#: that published numbers are compared with; and those of grids, where the study has any.
VERDICTS = {"claims": CLAIMS, "published": PUBLISHED}
SWEEPS = "sweeps"

#: Each kind of product, the folder of its files, and the function that makes it.
_MADE_BY = {"figures": "draw", "tables": "tabulate"}


@dataclass(frozen=True)
class Product:
    """A figure or table.

    Attributes:
        paper: name of the folder that it belongs to.
        name: of its file.
        title: what reports call it.
        reads: tables of measurements, or keys of `VERDICTS`.
        entry: `place:function` that makes it from an `Evidence`.
        shows: `own`: only the variants that the paper compares; `fuller`: the same again with all
            variants of the study; `all`: made once, with all.
    """

    paper: str
    name: str
    title: str
    reads: tuple[str, ...]
    entry: str
    shows: Literal["own", "fuller", "all"] = "all"


@dataclass(frozen=True)
class ProductSpec:
    """What the job that draws a figure or writes a table is run with.

    Attributes:
        paper: built-in name or folder of the paper that it is from.
        name: of the product.
        code: digest of the code that makes it, and of the claims and numbers that it reads.
    """

    paper: str
    name: str
    code: str = ""


@dataclass(frozen=True)
class Paper:
    """A paper's folder, read.

    Attributes:
        name: of the folder.
        folder: where it is.
        facts: what the paper says of itself.
        figures: in the order of their files' names.
        tables: in the order of their files' names.
    """

    name: str
    folder: Path
    facts: Facts
    figures: tuple[Product, ...]
    tables: tuple[Product, ...]

    def product(self, kind: str, name: str, probes: Collection[str] = ()) -> Product:
        """Its figure or table of a name; of the study's own, also the table of a probe.

        Args:
            kind: `figures` or `tables`.
            name: of the product.
            probes: names of the user's own probes.

        Raises:
            ConfigError: there is none of that name.
        """
        chosen = self.figures if kind == "figures" else self.tables
        products = {product.name: product for product in chosen}
        if name in probes and name not in products and PROBE in products:
            return replace(products[PROBE], name=name, title=f"Probe: {name}", reads=(name,))
        if name not in products:
            raise ConfigError(f"{self.folder}/{kind}: no '{name}'{instead_of(name, products)}")
        return products[name]

    def file(self, name: str) -> Path | None:
        """Its `CLAIMS` or `PUBLISHED`, where it has them."""
        path = self.folder / name
        return path if path.is_file() else None


def built_in_papers() -> list[str]:
    """Names of Innerloop's own papers that a study file may choose."""
    return sorted(path.parent.name for path in HERE.glob(f"*/{FACTS}") if path.parent.name != OWN)


def is_folder(place: str) -> bool:
    """Whether an item of the key `papers` is a folder of the user's, not a built-in name."""
    return "/" in place


@cache
def read_paper(place: str) -> Paper:
    """A paper by its built-in name, or by the path of its folder.

    Raises:
        ConfigError: there is none, or a file in it does not say what it must.
    """
    if not is_folder(place) and place not in (names := built_in_papers()) and place != OWN:
        raise ConfigError(
            f"paper '{place}' is unknown{instead_of(place, names)}; a folder of your own is named "
            f"by a path, as ./{place}"
        )
    folder = Path(place) if is_folder(place) else HERE / place
    if not folder.is_dir():
        raise ConfigError(f"there is no folder {place} in {Path.cwd()}")
    products = {
        kind: tuple(made for path in _files(folder / kind) for made in _made(path, kind, folder))
        for kind in _MADE_BY
    }
    made = Counter(product.name for each in products.values() for product in each)
    for name, times in made.items():
        if times > 1:
            raise ConfigError(
                f"{folder}: {times} figures or tables are called '{name}'; rename a file"
            )
    if (folder / PUBLISHED).is_file():
        _check_published(folder / PUBLISHED)
    return Paper(folder.name, folder, read_facts(folder / FACTS), **products)


def read_facts(file: Path) -> Facts:
    """What a paper says of itself; without a label it is called as its folder is.

    Raises:
        ConfigError: the file is missing, is no YAML, or has a wrong key or value.
    """
    if not file.is_file():
        raise ConfigError(f"there is no {file}; it needs at least one line, title: ...")
    try:
        facts = from_json(Facts, yaml.safe_load(file.read_text(encoding="utf-8")))
    except (yaml.YAMLError, ConfigError) as error:
        raise ConfigError(f"{file}: {str(error).removeprefix('Facts: ')}") from error
    return replace(facts, label=facts.label or file.parent.name)


def _check_published(file: Path) -> None:
    """Refuse printed numbers that nothing could be put beside."""
    with file.open(encoding="utf-8", newline="") as content:
        rows = csv.DictReader(content)
        if missing := [name for name in COLUMNS if name not in (rows.fieldnames or ())]:
            raise ConfigError(
                f"{file} lacks the column {missing[0]}; it needs {', '.join(COLUMNS)}"
            )
        for row in rows:
            metric = row["metric"].partition(".")[0]
            if metric not in METRICS:
                unknown = f"metric '{metric}' is unknown{instead_of(metric, METRICS)}"
                raise ConfigError(f"{file}, line {rows.line_num}: {unknown}")


def _files(folder: Path) -> list[Path]:
    """Files of products; one that begins with _ is a module that they share."""
    return [path for path in sorted(folder.glob("*.py")) if not path.name.startswith("_")]


def _made(path: Path, kind: str, folder: Path) -> list[Product]:
    """What a file makes: one product, or two where FULLER gives the second one's title."""
    if not re.fullmatch("[a-z][a-z0-9_]*", path.stem):
        raise ConfigError(
            f"{path}: its results would be called so too; expected a name of lower-case letters, "
            "digits and _ that begins with a letter"
        )
    try:
        body = statements(path)
    except ExtensionError as error:
        raise ConfigError(str(error)) from error
    function = _MADE_BY[kind]
    if function not in {node.name for node in body if isinstance(node, ast.FunctionDef)}:
        raise ConfigError(f"{path} defines no function {function}(evidence)")
    constants = _constants(body)
    title, reads = constants.get("TITLE"), constants.get("READS")
    if not isinstance(title, str) or not title:
        raise ConfigError(f'{path} does not say TITLE = "...", which reports call it by')
    if not isinstance(reads, list | tuple) or not all(isinstance(name, str) for name in reads):
        raise ConfigError(f'{path} does not say READS = ["..."], the tables it is made from')
    made = Product(folder.name, path.stem, title, tuple(reads), f"{_place(path)}:{function}")
    if "FULLER" not in constants:
        return [made]
    if not isinstance(fuller := constants["FULLER"], str) or not fuller:
        raise ConfigError(f'{path} does not say FULLER = "...", the title with every variant')
    second = replace(made, name=f"{path.stem}_fuller", title=fuller, shows="fuller")
    return [replace(made, shows="own"), second]


def _constants(body: list[ast.stmt]) -> Mapping[str, Any]:
    """What is assigned literally at the top of a file."""
    values: dict[str, Any] = {}
    for node in body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            try:
                values[node.targets[0].id] = ast.literal_eval(node.value)
            except ValueError:
                continue
    return values


def _place(path: Path) -> str:
    """A module of Innerloop's by its dotted name, a file of the user's by its path."""
    if path.is_relative_to(HERE):
        inside = path.relative_to(HERE.parents[1]).with_suffix("")
        return ".".join(inside.parts)
    return str(path)
