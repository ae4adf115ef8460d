"""The figures and tables of the folders that Innerloop ships, by names of their own."""

from __future__ import annotations

import re

from innerloop.papers.claims import read_claims
from innerloop.papers.paper import OWN, built_in_papers, read_paper
from innerloop.render.files import About

PAPERS = [read_paper(place) for place in (OWN, *built_in_papers())]


def _key(product):
    return f"{product.paper}_{product.name}" if product.paper in ("p1", "p2") else product.name


FIGURES = {_key(product): product for paper in PAPERS for product in paper.figures}
TABLES = {_key(product): product for paper in PAPERS for product in paper.tables}
#: Of them, those that only a study with a grid has.
OF_GRIDS = {"sweeps", "tuned"}
CLAIMS = [claim for paper in PAPERS for claim in read_claims(paper)]


def about(product):
    """What the files of a product say that they hold."""
    return About(product.paper, product.name, product.title, product.shows == "fuller")


def says_for_whom(caption):
    """Whether a caption that has an interval or a test names what it speaks of."""
    population = "these models|these tasks|the method|other trainings|over (the )?(seeds|trainings)"
    return not re.search("interval|-test", caption) or bool(re.search(population, caption))
