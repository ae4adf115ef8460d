"""The figures and tables of a study: those in its papers' folders whose measurements it has."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from pathlib import Path

from innerloop.papers.claims import is_asked, lacking, read_claims
from innerloop.papers.paper import OWN, PROBE, PUBLISHED, SWEEPS, VERDICTS, Paper, Product
from innerloop.runtime.errors import ConfigError
from innerloop.study import paths
from innerloop.study.study import Study

#: Tables that show which models are undertrained: curves, and the accuracy of raw pixels.
UNDERTRAINED = ("training", "accuracy")

#: Tables that published numbers are compared with.
COMPARED = ("accuracy", "protonet", "step_size", "training")


def probes_of(study: Study) -> set[str]:
    """Names of the probes that a study runs."""
    return {probe for model in study.models.values() for probe in model.probes}


def measured_tables(study: Study) -> list[str]:
    """Names of the tables of measurements that a study fills."""
    toy = ["toy"] if study.keys.toy else []
    return ["accuracy", *paths.LOGGED, *sorted(probes_of(study)), *toy]


class Products:
    """The figures and tables of one study.

    Args:
        study: the study.

    Raises:
        ConfigError: a probe has a table's name.
    """

    def __init__(self, study: Study) -> None:
        self._study = study
        self._tables = measured_tables(study)
        self._papers = [*study.papers.values()]
        self.figures = [p for paper in self._papers for p in self._made(paper, paper.figures)]
        self.tables = [p for paper in self._papers for p in self._made(paper, paper.tables)]
        self.tables += self._of_probes()

    def is_measured(self, paper: Paper) -> bool:
        """Whether the study has models under a paper's protocol."""
        protocols = {key.protocol for key in self._study.models}
        return not paper.facts.protocol or paper.facts.protocol in protocols

    def left_out(self, paper: Paper) -> list[str]:
        """Titles of a paper's figures and tables that this study cannot make."""
        made = {(p.name, p.title) for p in (*self.figures, *self.tables) if p.paper == paper.name}
        each = (p for p in (*paper.figures, *paper.tables) if p.name != PROBE)
        each = (p for p in each if p.shows != "fuller")
        return [p.title for p in each if (p.name, p.title) not in made and paper.name != OWN]

    def reads(self, product: Product) -> list[str]:
        """The tables of measurements that a product reads and the study fills."""
        named = {table for name in product.reads for table in self._meant.get(name, (name,))}
        return [table for table in self._tables if table in named]

    def files(self, product: Product) -> list[Path]:
        """The files of claims and published numbers that a product reads."""
        names = [VERDICTS[name] for name in product.reads if name in VERDICTS]
        found = (paper.file(name) for name in names for paper in self._measured)
        return [file for file in found if file is not None]

    @cached_property
    def _measured(self) -> list[Paper]:
        return [paper for paper in self._papers if self.is_measured(paper)]

    @cached_property
    def _meant(self) -> dict[str, tuple[str, ...]]:
        """Key of `VERDICTS` or of sweeps -> the tables that it means in `READS`, in this study."""
        judged = {
            table
            for paper in self._measured
            for claim in read_claims(paper)
            if is_asked(claim, self._study) and not lacking(claim, self._tables)
            for table in claim.reads
        }
        numbers = any(paper.file(PUBLISHED) for paper in self._measured)
        return {
            "claims": (*UNDERTRAINED, *judged) if judged else (),
            "published": COMPARED if numbers else (),
            SWEEPS: ("accuracy",) if self._study.sweeps else (),
        }

    def _made(self, paper: Paper, products: Iterable[Product]) -> list[Product]:
        if not self.is_measured(paper):
            return []
        made = [product for product in products if self._can_be_made(product)]
        if self._has_others(paper):
            return made
        return [product for product in made if product.shows != "fuller"]

    def _has_others(self, paper: Paper) -> bool:
        """Whether the study has both variants of a paper and others."""
        facts, keys = paper.facts, self._study.models
        names = {key.variant for key in keys if facts.protocol in ("", key.protocol)}
        return not names.isdisjoint(facts.variants) and not names <= {*facts.variants}

    def _can_be_made(self, product: Product) -> bool:
        """Whether the study has the table that the product needs: the first that it reads."""
        first = next(iter(product.reads), "")
        return first in self._tables or bool(self._meant.get(first))

    def _of_probes(self) -> list[Product]:
        """A table for each probe that no figure or table reads, a user's or one of ours.

        Raises:
            ConfigError: a probe has the name of another table.
        """
        own = self._papers[0]
        read = {table for product in (*self.figures, *self.tables) for table in product.reads}
        names = sorted(probes_of(self._study) - read)
        for name in names:
            if any(name == product.name for product in own.tables):
                raise ConfigError(
                    f"study file: probes.{name}: a table has that name; choose another"
                )
        return [own.product("tables", name, names) for name in names]
