# Files -> images -> splits -> evaluation episodes.


localrules:
    fetch_dataset,


rule fetch_dataset:
    """Find or download a data set's files, and verify them."""
    output:
        record=paths.RAW,
    log:
        "resources/logs/raw/{collection}.log",
    # downloads retry by themselves: a profile's retries would multiply these
    retries: 0
    params:
        **job(
            "fetch_dataset",
            "fetch_dataset.py",
            lambda wildcards: canonical_json(JOBS.fetch(wildcards.collection)),
        ),
        registry=untracked(REGISTRY),
        access=untracked(canonical_json(STUDY.access)),
    message:
        "Fetch the files of {wildcards.collection}"
    shell:
        r"""
        python {params.script:q} \
            --spec {params.file:q} \
            {params.registry} \
            --access {params.access:q} \
            --out {output.record:q} \
            >{log:q} 2>&1
        """


# they take seconds, not worth waiting in a queue
localrules:
    draw_samples,
    make_splits,
    draw_episodes,


rule build_images:
    """Decode and resize a data set once, into one memory-mapped array."""
    input:
        raw=raw_files,
    output:
        manifest=paths.IMAGES,
        files=[paths.STORE.replace("{file}", file) for file in paths.STORE_FILES],
    log:
        "resources/logs/images/{dataset}/{store}.log",
    benchmark:
        "resources/benchmarks/images/{dataset}/{store}.tsv"
    threads: STUDY.compute.threads
    resources:
        mem_mb=mem_mb_of("build_images"),
        runtime=runtime_of("build_images"),
    params:
        **job(
            "build_images",
            "build_images.py",
            lambda wildcards: canonical_json(
                JOBS.images(wildcards.dataset, wildcards.store)
            ),
        ),
        registry=untracked(REGISTRY),
    message:
        "Build the images of {wildcards.dataset} ({wildcards.store})"
    shell:
        r"""
        python {params.script:q} \
            --spec {params.file:q} \
            --raw {input.raw:q} \
            {params.registry} \
            --threads {threads} \
            --manifest {output.manifest:q} \
            >{log:q} 2>&1
        """


rule draw_samples:
    """Draw a sheet of sample images of a data set."""
    input:
        images=paths.IMAGES,
    output:
        samples=paths.SAMPLES,
    log:
        "resources/logs/images/{dataset}/{store}_samples.log",
    params:
        script=untracked(f"{SCRIPTS}/draw_samples.py"),
        code=code_of("draw_samples.py"),
        made_by=digest_of(code_of("draw_samples.py")),
    message:
        "Show some images of {wildcards.dataset} ({wildcards.store})"
    shell:
        r"""
        python {params.script:q} \
            --images {input.images:q} \
            --made-by {params.made_by:q} \
            --out {output.samples:q} \
            >{log:q} 2>&1
        """


rule make_splits:
    """Divide the classes of a data set into train, val and test."""
    input:
        images=lambda wildcards: images_of(
            wildcards.dataset, JOBS.size_of(wildcards.dataset)
        ),
    output:
        splits=paths.SPLITS,
    log:
        log_of(paths.SPLITS),
    params:
        **job(
            "make_splits",
            "make_splits.py",
            lambda wildcards: canonical_json(JOBS.splits(wildcards.dataset)),
        ),
    message:
        "Divide the classes of {wildcards.dataset} into train, val and test"
    shell:
        r"""
        python {params.script:q} \
            --spec {params.file:q} \
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
        **job(
            "draw_episodes",
            "draw_episodes.py",
            lambda wildcards: canonical_json(
                JOBS.episodes(wildcards.dataset, wildcards.setting)
            ),
        ),
    message:
        "Draw the tasks of {wildcards.dataset} that models are evaluated on, {wildcards.setting}"
    shell:
        r"""
        python {params.script:q} \
            --spec {params.file:q} \
            --splits {input.splits:q} \
            --out {output.episodes:q} \
            >{log:q} 2>&1
        """
