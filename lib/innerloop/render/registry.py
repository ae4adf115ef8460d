"""Every figure and table by name: where it is made and which tables it reads.

Snakemake reads this file while it parses the workflow, so nothing heavy is imported here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from innerloop.papers.quantities import QUANTITIES
from innerloop.runtime.errors import ConfigError


@dataclass(frozen=True)
class Product:
    """A figure or table.

    Attributes:
        entry: `package.module:function` that makes it from an `Evidence`.
        reads: tables it reads; one that a study lacks is left out and said to be missing.
        title: what it is called in the report.
        paper: `P1` or `P2`, or `Innerloop` for what neither paper shows.
    """

    entry: str
    reads: tuple[str, ...]
    title: str
    paper: str


@dataclass(frozen=True)
class ProductSpec:
    """What the job that draws a figure or writes a table is run with: which, and by what code."""

    name: str
    code: str = ""


def _figure(name: str, paper: str, title: str, *reads: str) -> tuple[str, Product]:
    return name, Product(f"innerloop.render.figures.{name}:draw", reads, title, paper)


def _table(name: str, paper: str, title: str, *reads: str) -> tuple[str, Product]:
    return name, Product(f"innerloop.render.tables.{name}:tabulate", reads, title, paper)


FIGURES: dict[str, Product] = dict(
    [
        _figure("p1_figure1_weight_norms", "P1", "Figure 1: weight norms", "weight_norm"),
        _figure("p1_figure2_cka", "P1", "Figure 2: CKA per layer", "cka"),
        _figure("p1_figure3_cka_training", "P1", "Figure 3: CKA over training", "cka"),
        _figure("p1_figure4_cka_datasets", "P1", "Figure 4: CKA on three data sets", "cka"),
        _figure("p1_figure5_cka_transfer", "P1", "Figure 5: CKA on a new data set", "cka"),
        _figure(
            "p1_figure6_cka_transfer_by_method", "P1", "Figure 6: CKA on new data, by method", "cka"
        ),
        _figure("p1_figure7_toy", "P1", "Figure 7: the two methods without meta-learning", "toy"),
        _figure("p2_figure5_training_curves", "P2", "Figure 5: training curves", "training"),
        _figure(
            "p2_figure6_step_sizes",
            "P2",
            "Figure 6: learned step sizes",
            "step_size_value",
        ),
        _figure("p2_figure7_prototypes", "P2", "Figure 7: prototypes before and after", "protonet"),
        _figure(
            "layer_worth",
            "Innerloop",
            "What each layer's change is worth",
            "interventions",
            "cka",
            "own_change",
        ),
        _figure(
            "layer_worth_training",
            "Innerloop",
            "What changes are worth over training",
            "interventions",
        ),
        _figure("sweeps", "Innerloop", "Accuracy over the study's grids", "accuracy"),
        _figure("effective_step_sizes", "Innerloop", "Effective step sizes", "weight_norm"),
        _figure("negative_step_sizes", "Innerloop", "Share of negative step sizes", "step_size"),
        _figure(
            "scale_invariance", "Innerloop", "Scale invariance, layer by layer", "scale_invariance"
        ),
    ]
)

#: What the papers' claims are decided from.
_CLAIMED = tuple(sorted({quantity.reads for quantity in QUANTITIES.values()}))

TABLES: dict[str, Product] = dict(
    [
        _table("claims", "Innerloop", "The papers' claims", *_CLAIMED),
        _table("claim_comparisons", "Innerloop", "What decides the claims", *_CLAIMED),
        _table("p1_table1_accuracy", "P1", "Table 1: accuracy", "accuracy"),
        _table("p1_table2_transfer", "P1", "Table 2: accuracy on new data sets", "accuracy"),
        _table("p2_table1_step_sizes", "P2", "Table 1: learned step sizes", "step_size"),
        _table("p2_ttest_prototypes", "P2", "Section 5.3: t-tests of prototypes", *_CLAIMED),
        _table(
            "paper_vs_ours",
            "Innerloop",
            "Every published number beside ours",
            "accuracy",
            "step_size",
            "protonet",
        ),
        _table("interventions", "Innerloop", "What each change is worth", "interventions"),
        _table("own_change", "Innerloop", "Own and inherited change", "own_change", "cka"),
        _table("tuned", "Innerloop", "Methods at their best", "accuracy", "training"),
        _table("other_accuracy", "Innerloop", "Accuracy of all other models", "accuracy"),
        # made once for each of a study's own probes, from the measurements of the probe's name
        _table("user_probe", "Innerloop", "A user's probe"),
    ]
)


def tables_of(probes: Iterable[str]) -> dict[str, Product]:
    """The tables of a study: the papers' and ours, and one for each probe of its own.

    Raises:
        ConfigError: a probe has the name of a figure or table.
    """
    tables = dict(TABLES)
    each = tables.pop("user_probe")
    for name in probes:
        if name in TABLES or name in FIGURES:
            raise ConfigError(f"study file: probes.{name}: a table has that name; choose another")
        tables[name] = replace(each, reads=(name,))
    return tables


def find(products: Mapping[str, Product], name: str) -> Product:
    """A figure or table by its name.

    Raises:
        ConfigError: there is none of that name.
    """
    if name not in products:
        raise ConfigError(f"there is no '{name}'; known are {', '.join(products)}")
    return products[name]
