# Measurements -> one tidy table of each kind.


localrules:
    describe_study,
    gather_logs,
    gather_table,


rule describe_study:
    """Write what figures, tables and the report need besides measurements."""
    input:
        splits=splits_of(used_datasets()),
    output:
        description=paths.DESCRIPTION,
    log:
        log_of(paths.DESCRIPTION),
    params:
        **signed_job(
            "describe_study",
            "describe_study.py",
            # made here, where the whole study file is known
            lambda wildcards: canonical_json(describe(STUDY)),
        ),
        splits=lambda wildcards, input: named(used_datasets(), input.splits),
    message:
        "Describe the study {wildcards.study}"
    shell:
        r"""
        python {params.script:q} \
            --spec {params.file:q} \
            --splits {params.splits:q} \
            --made-by {params.made_by:q} \
            --out {output.description:q} \
            >{log:q} 2>&1
        """


rule gather_table:
    """Gather one table from all its jobs; refuse files made with other parameters."""
    input:
        lambda wildcards: list(MEASUREMENTS.files(wildcards.table)),
    output:
        table=paths.AGGREGATE,
    log:
        log_of(paths.AGGREGATE),
    wildcard_constraints:
        table=rf"(?!(?:{'|'.join(paths.LOGGED)})\.)[a-z][a-z0-9_]*",
    params:
        **signed_job(
            "gather_table",
            "aggregate.py",
            lambda wildcards: canonical_json(MEASUREMENTS.study_of(wildcards.table)),
            code=code_of("aggregate.py"),
        ),
        folder=undeclared("results/{study}", paths.AGGREGATE),
    message:
        "Gather the table {wildcards.table}"
    shell:
        r"""
        python {params.script:q} \
            --study {params.file:q} \
            --folder {params.folder:q} \
            --tables {wildcards.table:q}={output.table:q} \
            --made-by {params.made_by:q} \
            >{log:q} 2>&1
        """


rule gather_logs:
    """Gather the tables that trainings log, in one job, since they change together."""
    input:
        logged_files(),
    output:
        **{table: paths.AGGREGATE.replace("{table}", table) for table in paths.LOGGED},
    log:
        log_of(paths.AGGREGATE.replace("{table}", "logs")),
    params:
        **signed_job(
            "gather_logs",
            "aggregate.py",
            lambda wildcards: canonical_json(MEASUREMENTS.study_of("training")),
            code=code_of("aggregate.py"),
        ),
        folder=undeclared("results/{study}", paths.AGGREGATE),
        tables=lambda wildcards, output: named(paths.LOGGED, output),
    message:
        "Gather the logs of the trainings"
    shell:
        r"""
        python {params.script:q} \
            --study {params.file:q} \
            --folder {params.folder:q} \
            --tables {params.tables:q} \
            --made-by {params.made_by:q} \
            >{log:q} 2>&1
        """
