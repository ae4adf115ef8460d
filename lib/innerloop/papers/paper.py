"""A paper is a folder: its facts, published numbers, claims, figures and tables.

    mine/paper.yaml       facts about the paper, see `Facts`; only the title is required
    mine/claims.yaml      its claims, with the comparisons that decide them
    mine/published.csv    the numbers that it prints
    mine/figures/*.py     one figure per file: TITLE, READS, perhaps FULLER, and draw(evidence)
    mine/tables/*.py      one table per file: TITLE, READS and tabulate(evidence)

Everything but paper.yaml is optional. Innerloop's own papers are the folders beside this file.
Folders are read while Snakemake parses the workflow, so their code is parsed here, not imported.
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
from innerloop.runtime.faults import Faults, told_together
from innerloop.runtime.suggestions import instead_of
from innerloop.runtime.typed_json import from_json

HERE = Path(__file__).parent

#: The folder that every report begins with: the study's own results, and the verdicts.
OWN = "own"
#: Its table that is made once for each of the user's own probes.
PROBE = "probe"
FACTS, CLAIMS, PUBLISHED = "paper.yaml", "claims.yaml", "published.csv"
#: The columns of `published.csv` that are read.
COLUMNS = (
    *("item", "train_dataset", "eval_dataset", "split", "method", "way", "shot"),
    *("metric", "value", "spread", "unit", "kind"),
)

#: Names that READS may contain besides tables of measurements: `claims` and `published` mean all
#: tables that claims, or published numbers, are judged by; `sweeps` those of the study's grids.
VERDICTS = {"claims": CLAIMS, "published": PUBLISHED}
SWEEPS = "sweeps"

#: Each kind of product, the folder of its files, and the function that makes it.
_MADE_BY = {"figures": "draw", "tables": "tabulate"}


@dataclass(frozen=True)
class Product:
    """A figure or table.

    Attributes:
        paper: name of the folder that it belongs to.
        name: its file's name.
        title: its title in reports.
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
    """The parameters of a job that draws a figure or writes a table.

    Attributes:
        paper: built-in name or folder of the paper that it belongs to.
        name: the figure's or table's name.
        code: digest of the code that makes it, and of the claims and numbers that it reads.
    """

    paper: str
    name: str
    code: str = ""


@dataclass(frozen=True)
class Paper:
    """The content of a paper's folder.

    Attributes:
        name: the folder's name.
        folder: the folder's path.
        facts: facts about the paper.
        figures: in the order of their files' names.
        tables: in the order of their files' names.
    """

    name: str
    folder: Path
    facts: Facts
    figures: tuple[Product, ...]
    tables: tuple[Product, ...]

    def product(self, kind: str, name: str, probes: Collection[str] = ()) -> Product:
        """Its figure or table with a name; among the study's own results, also a probe's table.

        Args:
            kind: `figures` or `tables`.
            name: the figure's or table's name.
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
        """The path of its `CLAIMS` or `PUBLISHED`; None if it has no such file."""
        path = self.folder / name
        return path if path.is_file() else None


def built_in_papers() -> list[str]:
    """Names of Innerloop's own papers that a study file may choose."""
    return sorted(path.parent.name for path in HERE.glob(f"*/{FACTS}") if path.parent.name != OWN)


def is_folder(place: str) -> bool:
    """Whether an item of the key `papers` is a user's folder, not a built-in name."""
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
    products: dict[str, tuple[Product, ...]] = dict.fromkeys(_MADE_BY, ())
    with told_together() as faults:
        for kind in products:
            for path in _files(folder / kind):
                with faults.noted():
                    products[kind] += tuple(_made(path, kind, folder))
        made = Counter(product.name for each in products.values() for product in each)
        for name, times in made.items():
            if times > 1:
                said = f"{folder}: {times} figures or tables are called '{name}'; rename a file"
                faults.note(ConfigError(said))
        if (folder / PUBLISHED).is_file():
            _check_published(folder / PUBLISHED, faults)
        with faults.noted():
            facts = read_facts(folder / FACTS)
    return Paper(folder.name, folder, facts, **products)


def place_of(file: Path, word: str, begins: int = 0) -> str:
    """`mine/paper.yaml, line 4`: the first line with a word, from a line counted from 0."""
    lines = file.read_text(encoding="utf-8").splitlines()
    found = (
        number
        for number, line in enumerate(lines[begins:], begins)
        if word and re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", line)
    )
    return f"{file}, line {next(found, begins) + 1}"


def read_facts(file: Path) -> Facts:
    """The facts in a paper's folder; without a label, its label is the folder's name.

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


def _check_published(file: Path, faults: Faults) -> None:
    """Note published numbers that cannot be compared with any measurement."""
    with file.open(encoding="utf-8", newline="") as content:
        rows = csv.DictReader(content)
        if missing := [name for name in COLUMNS if name not in (rows.fieldnames or ())]:
            lacks = f"{file} lacks the column{'s' * (len(missing) > 1)} {', '.join(missing)}"
            faults.note(ConfigError(f"{lacks}; it needs {', '.join(COLUMNS)}"))
            return
        for row in rows:
            metric = row["metric"].partition(".")[0]
            if metric not in METRICS:
                unknown = f"metric '{metric}' is unknown{instead_of(metric, METRICS)}"
                faults.note(ConfigError(f"{file}, line {rows.line_num}: {unknown}"))


def _files(folder: Path) -> list[Path]:
    """Files of figures or tables; those that begin with _ are modules that they share."""
    return [path for path in sorted(folder.glob("*.py")) if not path.name.startswith("_")]


def _made(path: Path, kind: str, folder: Path) -> list[Product]:
    """The figure or table that a file makes, or two if FULLER gives the second one's title."""
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
    """The literal values assigned at the top level of a file."""
    values: dict[str, Any] = {}
    for node in body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            try:
                values[node.targets[0].id] = ast.literal_eval(node.value)
            except ValueError:
                continue
    return values


def _place(path: Path) -> str:
    """The dotted name of a module of Innerloop, or the path of a user's file."""
    if path.is_relative_to(HERE):
        inside = path.relative_to(HERE.parents[1]).with_suffix("")
        return ".".join(inside.parts)
    return str(path)
