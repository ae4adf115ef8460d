# Files -> images -> splits -> evaluation episodes.


localrules:
    fetch_dataset,


rule fetch_dataset:
    """Bring a data set's files into place: the user's own, or downloads; verified.

    It runs at the user's side, who sees terms and progress as they come.
    """
    output:
        record=paths.RAW,
    log:
        "resources/logs/raw/{collection}.log",
    # downloads are patient by themselves: a profile's retries would multiply that
    retries: 0
    params:
        script=f"{SCRIPTS}/fetch_dataset.py",
        spec=lambda wildcards: canonical_json(JOBS.fetch(wildcards.collection)),
    message:
        "Fetch the files of {wildcards.collection}"
    shell:
        r"""
        python {params.script:q} \
            --spec {params.spec:q} \
            --registry "$INNERLOOP_REGISTRY" \
            --access "$INNERLOOP_ACCESS" \
            --out {output.record:q} \
            2>&1 | tee {log:q}
        """


# seconds each, so not worth a place in a queue
localrules:
    make_splits,
    draw_episodes,


rule build_images:
    """Decode and resize a data set once, into one memory-mapped array."""
    input:
        raw=raw_files,
    output:
        manifest=paths.IMAGES,
        samples=paths.SAMPLES,
    log:
        "resources/logs/images/{dataset}/{store}.log",
    benchmark:
        "resources/benchmarks/images/{dataset}/{store}.tsv"
    threads: STUDY.compute["threads"]
    resources:
        mem_mb=mem_mb_of("build_images"),
        runtime=runtime_of("build_images"),
    params:
        script=f"{SCRIPTS}/build_images.py",
        spec=lambda wildcards: canonical_json(
            JOBS.images(wildcards.dataset, wildcards.store)
        ),
    message:
        "Build the images of {wildcards.dataset} ({wildcards.store})"
    shell:
        r"""
        python {params.script:q} \
            --spec {params.spec:q} \
            --raw {input.raw:q} \
            --registry "$INNERLOOP_REGISTRY" \
            --threads {threads} \
            --manifest {output.manifest:q} \
            --samples {output.samples:q} \
            >{log:q} 2>&1
        """


rule make_splits:
    """Divide the classes of a data set into train, val and test."""
    input:
        images=lambda wildcards: images_of(
            wildcards.dataset, JOBS.size_of(wildcards.dataset)
        ),
        own=lambda wildcards: own_splits(wildcards.dataset),
    output:
        splits=paths.SPLITS,
    log:
        log_of(paths.SPLITS),
    params:
        script=f"{SCRIPTS}/make_splits.py",
        spec=lambda wildcards: canonical_json(JOBS.splits(wildcards.dataset)),
    message:
        "Divide the classes of {wildcards.dataset} into train, val and test"
    shell:
        r"""
        python {params.script:q} \
            --spec {params.spec:q} \
            --images {input.images:q} \
            --out {output.splits:q} \
            >{log:q} 2>&1
        """


rule draw_episodes:
    """Draw the tasks that every model is evaluated on."""
    input:
        splits=paths.SPLITS,
    output:
        episodes=paths.EPISODES,
    log:
        log_of(paths.EPISODES),
    params:
        script=f"{SCRIPTS}/draw_episodes.py",
        spec=lambda wildcards: canonical_json(
            JOBS.episodes(wildcards.dataset, wildcards.setting)
        ),
    message:
        "Draw the tasks of {wildcards.dataset} that models are evaluated on, {wildcards.setting}"
    shell:
        r"""
        python {params.script:q} \
            --spec {params.spec:q} \
            --splits {input.splits:q} \
            --out {output.episodes:q} \
            >{log:q} 2>&1
        """
