# Everything that there is of a kind, for the targets and the report; no rules.

from innerloop.render.pdf import require_latex


def all_raw():
    """The record of every collection of files that the study needs."""
    return [paths.RAW.format(collection=name) for name in JOBS.collections()]


def all_data():
    """Every image store, split and episode table."""
    stores = sorted(JOBS.image_stores())
    episodes = JOBS.episode_tables()
    return [
        *(images_of(dataset, size) for dataset, size in stores),
        *splits_of(sorted({dataset for dataset, _ in stores})),
        *(
            in_study(paths.EPISODES, dataset=dataset, setting=setting)
            for dataset, setting in episodes
        ),
    ]


def all_models():
    """Every model's manifest."""
    return [key.fill(paths.MODEL, study=STUDY.name) for key in STUDY.models]


def all_probes():
    """Every file that a probe writes."""
    tables = [
        table
        for table in MEASUREMENTS.tables()
        if table != "accuracy" and table not in paths.LOGGED
    ]
    return [path for table in tables for path in MEASUREMENTS.files(table)]


def all_figures(suffix):
    """Every figure, as files of one kind."""
    return [f"{in_study(paths.FIGURE, figure=name)}.{suffix}" for name in FIGURES]


def all_tables(suffix):
    """Every table, as files of one kind."""
    return [f"{in_study(paths.TABLE, table=name)}.{suffix}" for name in study_tables()]


def all_samples():
    """A sheet of sample images of every data set."""
    sizes = {
        dataset: JOBS.size_of(dataset) for dataset, _ in sorted(JOBS.image_stores())
    }
    return [
        paths.SAMPLES.format(dataset=dataset, store=JOBS.store(dataset, size))
        for dataset, size in sizes.items()
    ]


def printed_report(wildcards):
    """The report as a PDF; without LaTeX that is refused before anything runs."""
    try:
        require_latex()
    except InnerloopError as error:
        raise WorkflowError(str(error)) from None
    return in_study(paths.PDF)
