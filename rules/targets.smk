# All files of each kind, for the targets and the report; no rules.

from innerloop.render.pdf import require_latex


def all_raw():
    """The record of every collection of files that the study needs."""
    return [paths.fill(paths.RAW, collection=name) for name in JOBS.collections()]


def all_data():
    """Every file of image stores, splits and episode tables."""
    stores = sorted(JOBS.image_stores())
    episodes = JOBS.episode_tables()
    return [
        *(images_of(dataset, size) for dataset, size in stores),
        *(
            paths.fill(
                paths.STORE, dataset=dataset, store=JOBS.store(dataset, size), file=file
            )
            for dataset, size in stores
            for file in paths.STORE_FILES
        ),
        *all_samples(),
        *splits_of(used_datasets()),
        *(
            in_study(paths.EPISODES, dataset=dataset, setting=setting)
            for dataset, setting in episodes
        ),
    ]


def all_models():
    """Every model's manifest."""
    return MEASUREMENTS.manifests()


def all_model_files():
    """Every file of every model."""
    return all_models() + [
        key.fill(paths.LOG, study=STUDY.name, file=file)
        for key in STUDY.models
        for file in paths.MODEL_FILES
    ]


def all_accuracies():
    """Every file of accuracies."""
    return list(MEASUREMENTS.files("accuracy"))


def all_probes():
    """Every file that a probe writes."""
    tables = [
        table
        for table in MEASUREMENTS.tables()
        if table != "accuracy" and table not in paths.LOGGED
    ]
    return [path for table in tables for path in MEASUREMENTS.files(table)]


def all_aggregates():
    """Every gathered table."""
    return [in_study(paths.AGGREGATE, table=table) for table in MEASUREMENTS.tables()]


def all_figures(*suffixes):
    """Every figure, as files of some kinds."""
    return [
        f"{in_study(paths.FIGURE, paper=paper, figure=name)}.{suffix}"
        for paper, name in FIGURES
        for suffix in suffixes
    ]


def all_tables(*suffixes):
    """Every table, as files of some kinds."""
    return [
        f"{in_study(paths.TABLE, paper=paper, table=name)}.{suffix}"
        for paper, name in TABLES
        for suffix in suffixes
    ]


def all_samples():
    """A sheet of sample images of every data set."""
    return [
        paths.fill(paths.SAMPLES, dataset=dataset, store=store)
        for dataset, store in JOBS.shown_stores()
    ]


def printed_report(wildcards):
    """The report as a PDF; without LaTeX, the run stops before any job starts."""
    try:
        require_latex()
    except InnerloopError as error:
        raise WorkflowError(str(error)) from None
    return in_study(paths.PDF)
