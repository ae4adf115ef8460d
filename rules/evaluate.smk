# Models -> accuracies.


rule measure_accuracy:
    """Measure one model on the evaluation episodes of every data set that it is evaluated on."""
    input:
        model=paths.MODEL,
        images=lambda wildcards: measured_images(
            wildcards, evaluated_datasets(wildcards)
        ),
        splits=lambda wildcards: splits_of(evaluated_datasets(wildcards)),
        episodes=lambda wildcards: [
            in_study(paths.EPISODES, dataset=dataset, setting=wildcards.setting)
            for dataset in evaluated_datasets(wildcards)
        ],
    output:
        accuracy=paths.ACCURACY,
    log:
        log_of(paths.ACCURACY),
    benchmark:
        benchmark_of(paths.ACCURACY)
    threads: STUDY.compute.threads
    resources:
        gpu=GPUS,
        gpu_share=GPU_SHARE,
        mem_mb=mem_mb_of("measure_accuracy"),
        runtime=runtime_of("measure_accuracy", GPUS),
    params:
        **job(
            "measure_accuracy",
            "measure.py",
            lambda wildcards: canonical_json(JOBS.evaluate(key_of(wildcards))),
        ),
        images=lambda wildcards, input: named(
            evaluated_datasets(wildcards), input.images
        ),
        splits=lambda wildcards, input: named(
            evaluated_datasets(wildcards), input.splits
        ),
        episodes=lambda wildcards, input: named(
            evaluated_datasets(wildcards), input.episodes
        ),
        replaced=undeclared(paths.REPLACED, paths.ACCURACY),
    message:
        f"Measure the accuracy of {MODEL} trained on {TRAINED_ON}"
    shell:
        r"""
        python {params.script:q} \
            --spec {params.file:q} \
            --model {input.model:q} \
            --images {params.images:q} \
            --splits {params.splits:q} \
            --episodes {params.episodes:q} \
            --replaced {params.replaced:q} \
            --out {output.accuracy:q} \
            >{log:q} 2>&1
        """


rule measure_raw_pixels:
    """Measure the untrained baseline on raw pixels, on the same episodes."""
    input:
        images=lambda wildcards: images_of(
            wildcards.dataset,
            JOBS.evaluated_size(wildcards.dataset, wildcards.setting),
        ),
        episodes=paths.EPISODES,
    output:
        accuracy=paths.BASELINE,
    log:
        log_of(paths.BASELINE),
    benchmark:
        benchmark_of(paths.BASELINE)
    resources:
        mem_mb=mem_mb_of("measure_raw_pixels"),
        runtime=runtime_of("measure_raw_pixels"),
    params:
        **job(
            "measure_raw_pixels",
            "measure_raw_pixels.py",
            lambda wildcards: canonical_json(
                JOBS.baseline(wildcards.dataset, wildcards.setting)
            ),
        ),
    message:
        "Measure the baseline on raw pixels of {wildcards.dataset}, {wildcards.setting}"
    shell:
        r"""
        python {params.script:q} \
            --spec {params.file:q} \
            --images {input.images:q} \
            --episodes {input.episodes:q} \
            --out {output.accuracy:q} \
            >{log:q} 2>&1
        """
