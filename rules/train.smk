# Data -> models.


rule train_model:
    """Meta-train one variant on one data set, in one setting, from one seed."""
    input:
        images=model_images,
        splits=paths.SPLITS,
    output:
        manifest=paths.MODEL,
        weights=paths.LOG.replace("{file}", "model.pt"),
        facts=paths.LOG.replace("{file}", "run.json"),
        logs=[
            paths.LOG.replace("{file}", file)
            for file in sorted(set(paths.LOGGED.values()))
        ],
    log:
        log_of(paths.MODEL),
    benchmark:
        benchmark_of(paths.MODEL)
    threads: STUDY.compute["threads"]
    resources:
        gpu=GPUS,
        gpu_share=GPU_SHARE,
        mem_mb=mem_mb_of("train_model"),
        runtime=runtime_of("train_model", GPUS),
    params:
        script=f"{SCRIPTS}/train.py",
        spec=lambda wildcards: canonical_json(JOBS.train(key_of(wildcards))),
        curve=paths.CURVE,
        checkpoints=paths.CHECKPOINTS,
    message:
        f"Train {MODEL} on {TRAINED_ON}"
    shell:
        r"""
        python {params.script:q} \
            --spec {params.spec:q} \
            --images {input.images:q} \
            --splits {input.splits:q} \
            --curve {params.curve:q} \
            --checkpoints {params.checkpoints:q} \
            --out {output.manifest:q} \
            $INNERLOOP_TRAINING \
            >{log:q} 2>&1
        """
