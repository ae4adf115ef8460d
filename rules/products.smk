# The figures and tables of the study: what each reads and is called; no rules.

from innerloop.render.registry import FIGURES, TABLES, ProductSpec, tables_of


def product_spec(kind, name, product):
    """What a figure or table is made by."""
    script = {"figure": "draw_figure.py", "table": "write_table.py"}[kind]
    return canonical_json(ProductSpec(name, JOBS.code(script, product.entry)))


def study_tables():
    """The tables of this study: the papers' and ours, and one for each user's probe."""
    try:
        return tables_of(MEASUREMENTS.user_tables())
    except InnerloopError as error:
        raise WorkflowError(str(error)) from None


def table_title(name):
    """What a table is called; a user's probe by its name."""
    return (
        f"Probe: {name}" if name in MEASUREMENTS.user_tables() else TABLES[name].title
    )


def category_of(product):
    """Where `snakemake --report` puts a figure or table."""
    return {"Innerloop": "Beyond the papers"}.get(product.paper, product.paper)


def tables_read(product):
    """The aggregates that a figure or table reads, as far as this study has them."""
    return [table for table in product.reads if table in MEASUREMENTS.tables()]


def aggregates(tables):
    """The files of some aggregates."""
    return [in_study(paths.AGGREGATE, table=table) for table in tables]
