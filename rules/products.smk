# The study's figures and tables, with the aggregates that each reads; no rules.

from innerloop.papers.paper import ProductSpec
from innerloop.study.products import Products

try:
    PRODUCTS = Products(STUDY)
except InnerloopError as error:
    raise WorkflowError(str(error)) from None
FIGURES = {(product.paper, product.name): product for product in PRODUCTS.figures}
TABLES = {(product.paper, product.name): product for product in PRODUCTS.tables}
# name of each paper's folder -> how the study file refers to it
PLACES = {paper.name: place for place, paper in STUDY.papers.items()}


def figure_of(wildcards):
    """The figure that wildcards name."""
    return FIGURES[wildcards.paper, wildcards.figure]


def table_of(wildcards):
    """The table to print that wildcards name."""
    return TABLES[wildcards.paper, wildcards.table]


def product_spec(script, product):
    """The spec of the job that makes a figure or table."""
    code = JOBS.code(script, product.entry, files=tuple(PRODUCTS.files(product)))
    return canonical_json(ProductSpec(PLACES[product.paper], product.name, code))


def category_of(product):
    """Where `snakemake --report` puts a figure or table."""
    facts = STUDY.papers[PLACES[product.paper]].facts
    return facts.label or product.paper


def tables_read(product):
    """The files of the aggregates that a figure or table reads."""
    return [in_study(paths.AGGREGATE, table=table) for table in PRODUCTS.reads(product)]


def named_tables(product, files):
    """The same as command-line arguments `table=path`."""
    return named(PRODUCTS.reads(product), files)
