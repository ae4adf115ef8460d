# Aggregates -> figures and tables -> report.

from innerloop.study.users_files import users_files


localrules:
    draw_figure,
    write_table,
    write_report,
    write_pdf,


rule draw_figure:
    """Draw one figure from aggregated measurements."""
    input:
        study=paths.DESCRIPTION,
        tables=lambda wildcards: tables_read(figure_of(wildcards)),
    output:
        multiext(paths.FIGURE, ".json", ".pdf", ".png"),
        svg=report(
            f"{paths.FIGURE}.svg",
            caption="captions/figure.rst",
            category=lambda wildcards: category_of(figure_of(wildcards)),
            subcategory="Figures",
            labels=lambda wildcards: {"figure": figure_of(wildcards).title},
        ),
    log:
        log_of(paths.FIGURE),
    params:
        **signed_job(
            "draw_figure",
            "draw_figure.py",
            lambda wildcards: product_spec("draw_figure.py", figure_of(wildcards)),
            title=lambda wildcards: figure_of(wildcards).title,
        ),
        tables=lambda wildcards, input: named_tables(figure_of(wildcards), input.tables),
        stem=undeclared(paths.FIGURE, paths.FIGURE),
    message:
        "Draw {wildcards.figure} of {wildcards.paper}"
    shell:
        r"""
        python {params.script:q} \
            --spec {params.file:q} \
            --study {input.study:q} \
            --tables {params.tables:q} \
            --made-by {params.made_by:q} \
            --out {params.stem:q} \
            >{log:q} 2>&1
        """


rule write_table:
    """Write one table from aggregated measurements."""
    input:
        study=paths.DESCRIPTION,
        tables=lambda wildcards: tables_read(table_of(wildcards)),
    output:
        multiext(paths.TABLE, ".json", ".tex"),
        csv=report(
            f"{paths.TABLE}.csv",
            caption="captions/table.rst",
            category=lambda wildcards: category_of(table_of(wildcards)),
            subcategory="Tables",
            labels=lambda wildcards: {"table": table_of(wildcards).title},
        ),
    log:
        log_of(paths.TABLE),
    params:
        **signed_job(
            "write_table",
            "write_table.py",
            lambda wildcards: product_spec("write_table.py", table_of(wildcards)),
            title=lambda wildcards: table_of(wildcards).title,
        ),
        tables=lambda wildcards, input: named_tables(table_of(wildcards), input.tables),
        # not an input: a run writes it before its first job
        declared=undeclared(paths.DECLARED, paths.TABLE),
        stem=undeclared(paths.TABLE, paths.TABLE),
    message:
        "Write the table {wildcards.table} of {wildcards.paper}"
    shell:
        r"""
        python {params.script:q} \
            --spec {params.file:q} \
            --study {input.study:q} \
            --tables {params.tables:q} \
            --declared {params.declared:q} \
            --made-by {params.made_by:q} \
            --out {params.stem:q} \
            >{log:q} 2>&1
        """


rule write_report:
    """Write the self-contained report."""
    input:
        study=in_study(paths.DESCRIPTION),
        figures=all_figures("json"),
        tables=all_tables("json"),
        samples=all_samples(),
        images=[path.replace("samples.png", "manifest.json") for path in all_samples()],
        models=all_models(),
    output:
        html=report(
            in_study(paths.REPORT),
            caption="captions/report.rst",
            category="Report",
            labels={"report": "everything in one page"},
        ),
    log:
        in_study(log_of(paths.REPORT)),
    params:
        **signed_job(
            "write_report",
            "write_report.py",
            # not sorted: the report shows the study file in its own order
            lambda wildcards: json.dumps(STUDY.config),
            code=code_of("write_report.py"),
        ),
        # not an input: times and memory differ from run to run
        benchmarks=undeclared(paths.BENCHMARKS, paths.REPORT),
        users_files=untracked([str(file) for file in users_files(STUDY)]),
    message:
        "Write the report"
    shell:
        r"""
        python {params.script:q} \
            --study {input.study:q} \
            --config {params.file:q} \
            --benchmarks {params.benchmarks:q} \
            --figures {input.figures:q} \
            --tables {input.tables:q} \
            --samples {input.samples:q} \
            --images {input.images:q} \
            --models {input.models:q} \
            --users-files {params.users_files:q} \
            --made-by {params.made_by:q} \
            --out {output.html:q} \
            >{log:q} 2>&1
        """


rule write_pdf:
    """Write the report as one PDF, where LaTeX is installed."""
    input:
        study=in_study(paths.DESCRIPTION),
        figures=all_figures("json"),
        pictures=all_figures("pdf"),
        tables=all_tables("json"),
        models=all_models(),
    output:
        pdf=in_study(paths.PDF),
    log:
        in_study(log_of(paths.PDF.replace(".pdf", "_pdf.pdf"))),
    params:
        script=untracked(f"{SCRIPTS}/write_pdf.py"),
        title=lambda wildcards: STUDY.title,
        code=code_of("write_pdf.py"),
    message:
        "Write the report as a PDF"
    shell:
        r"""
        python {params.script:q} \
            --study {input.study:q} \
            --title {params.title:q} \
            --figures {input.figures:q} \
            --tables {input.tables:q} \
            --models {input.models:q} \
            --out {output.pdf:q} \
            >{log:q} 2>&1
        """
