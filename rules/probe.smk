# Models -> what adaptation changes in them.


rule measure_probe:
    """Measure one model with one probe."""
    input:
        model=paths.MODEL,
        beside=seen_beside,
        images=lambda wildcards: measured_images(wildcards, probed_datasets(wildcards)),
        splits=lambda wildcards: splits_of(probed_datasets(wildcards)),
    output:
        measurements=paths.PROBE,
    log:
        log_of(paths.PROBE),
    benchmark:
        benchmark_of(paths.PROBE)
    wildcard_constraints:
        probe="|".join(STUDY.config.get("probes", {})) or "(?!)",
    threads: STUDY.compute.threads
    resources:
        gpu=GPUS,
        gpu_share=GPU_SHARE,
        mem_mb=mem_mb_of("measure_probe"),
        runtime=runtime_of("measure_probe", GPUS),
    params:
        **job(
            "measure_probe",
            "measure.py",
            lambda wildcards: canonical_json(
                JOBS.probe(wildcards.probe, key_of(wildcards))
            ),
        ),
        images=lambda wildcards, input: named(probed_datasets(wildcards), input.images),
        splits=lambda wildcards, input: named(probed_datasets(wildcards), input.splits),
        replaced=undeclared(paths.REPLACED, paths.PROBE),
    message:
        f"Measure {{wildcards.probe}} of {MODEL} trained on {TRAINED_ON}"
    shell:
        r"""
        python {params.script:q} \
            --spec {params.file:q} \
            --model {input.model:q} \
            --beside {input.beside:q} \
            --images {params.images:q} \
            --splits {params.splits:q} \
            --replaced {params.replaced:q} \
            --out {output.measurements:q} \
            >{log:q} 2>&1
        """


rule train_toy:
    """Train a plain classifier by one of P1's two updates (P1 A.2)."""
    input:
        images=lambda wildcards: images_of(wildcards.dataset, STUDY.keys.toy.image_size),
        splits=paths.SPLITS,
    output:
        curves=paths.TOY,
    log:
        log_of(paths.TOY),
    benchmark:
        benchmark_of(paths.TOY)
    threads: STUDY.compute.threads
    resources:
        gpu=GPUS,
        gpu_share=GPU_SHARE,
        mem_mb=mem_mb_of("train_toy"),
        runtime=runtime_of("train_toy", GPUS),
    params:
        **job(
            "train_toy",
            "train_toy.py",
            lambda wildcards: canonical_json(
                JOBS.toy(wildcards.dataset, wildcards.arm, wildcards.seed)
            ),
        ),
        replaced=undeclared(paths.REPLACED, paths.TOY),
    message:
        "Train the toy classifier on {wildcards.dataset} with {wildcards.arm}, seed {wildcards.seed}"
    shell:
        r"""
        python {params.script:q} \
            --spec {params.file:q} \
            --images {input.images:q} \
            --splits {input.splits:q} \
            --replaced {params.replaced:q} \
            --out {output.curves:q} \
            >{log:q} 2>&1
        """
