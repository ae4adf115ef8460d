"""Innerloop: two papers on the inner loop of meta-learning, from images to report.

    snakemake                                        the embedded demo study
    snakemake --configfile config/paper.yaml         both papers at full size
    snakemake fetch|data|train|evaluate|probes|figures|tables|report    up to that stage
    snakemake pdf                                    report.pdf too, where LaTeX is installed
    snakemake --cores 4                              on four cores; profiles/default takes all

A study's results are in results/<study>/, by stage:
    data, episodes -> models -> measurements -> aggregates -> figures, tables -> report.html
Downloads and built images are shared by all studies and are in resources/raw/<collection>/ and
resources/images/<dataset>/<variant>-<size>/, or <size>/ where a data set has no variants.
lib/innerloop/study/ knows it all: keys.py what a study file may say, paths.py every path, jobs.py
what each job depends on (in the terms of lib/innerloop/specs/), and measurements.py which files
each table is gathered from.
"""

from snakemake.utils import min_version

min_version("9.20")

# A study file is complete: the default is loaded only when no other is given, by --configfile or by
# the Snakefile that this one is included in.
if config.keys() <= workflow.config_settings.config.keys():

    configfile: f"{workflow.current_basedir}/config/config.yaml"


include: "rules/common.smk"
include: "rules/products.smk"
include: "rules/targets.smk"
include: "rules/data.smk"
include: "rules/train.smk"
include: "rules/evaluate.smk"
include: "rules/probe.smk"
include: "rules/aggregate.smk"
include: "rules/render.smk"


localrules:
    all,
    fetch,
    data,
    train,
    evaluate,
    probes,
    figures,
    tables,
    report,
    pdf,


onstart:
    look_for_jobs_when_one_ends()
    hold_folder()
    refuse_while_earlier_jobs_run()
    refuse_unaccepted_licences()
    rehearse_users_code()
    record_claims()
    keep_what_is_replaced()
    announce_jobs(workflow)
    show_terms()


onerror:
    report_what_is_there()


rule fetch:
    """The files of every data set, downloaded or found, and verified."""
    input:
        all_raw(),
    message:
        "Every file of the data sets is there"


rule data:
    """Images, splits and evaluation episodes."""
    input:
        all_data(),
    message:
        "All images, splits and evaluation tasks are there"


rule train:
    """Every trained model."""
    input:
        all_model_files(),
    message:
        "Every model is trained"


rule evaluate:
    """Accuracy of every model, and the baseline on raw pixels."""
    input:
        all_accuracies(),
    message:
        "Every accuracy is measured"


rule probes:
    """Every probe of every model."""
    input:
        all_probes(),
    message:
        "Every probe is measured"


rule figures:
    """Every figure."""
    input:
        all_figures("pdf", "png", "svg", "json"),
    message:
        "Every figure is drawn"


rule tables:
    """Every table."""
    input:
        all_tables("csv", "tex", "json"),
        all_aggregates(),
    message:
        "Every table is written"


rule report:
    """The report."""
    input:
        rules.write_report.output.html,
    message:
        "The report is written"


rule pdf:
    """The report as a PDF; says how to install LaTeX where it is not."""
    input:
        printed_report,
    message:
        "The PDF is written"


rule all:
    """Everything: the report, and every file behind it; what was deleted is made again."""
    default_target: True
    input:
        rules.write_report.output.html,
        rules.data.input,
        rules.train.input,
        rules.evaluate.input,
        rules.probes.input,
        rules.figures.input,
        rules.tables.input,
    message:
        "Everything is there"
