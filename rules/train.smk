# Data -> models.


rule train_model:
    """Meta-train one variant on one data set, in one setting, from one seed."""
    input:
        images=model_images,
        splits=paths.SPLITS,
    output:
        manifest=paths.MODEL,
        files=[paths.LOG.replace("{file}", file) for file in paths.MODEL_FILES],
    log:
        log_of(paths.MODEL),
    benchmark:
        benchmark_of(paths.MODEL)
    threads: STUDY.compute.threads
    resources:
        gpu=GPUS,
        gpu_share=GPU_SHARE,
        mem_mb=mem_mb_of("train_model"),
        runtime=runtime_of("train_model", GPUS),
    params:
        **job(
            "train_model",
            "train.py",
            lambda wildcards: canonical_json(JOBS.train(key_of(wildcards))),
        ),
        curve=undeclared(paths.CURVE, paths.MODEL),
        checkpoints=undeclared(paths.CHECKPOINTS, paths.MODEL),
        replaced=undeclared(paths.REPLACED, paths.MODEL),
        kept_log=kept_log,
        running=lambda wildcards, output: training_options(wildcards),
    message:
        f"Train {MODEL} on {TRAINED_ON}"
    shell:
        r"""
        # a continued training goes on in its log, which Snakemake deletes at each start
        kept={params.kept_log:q}
        mkdir -p "$(dirname "$kept")" && touch "$kept"
        ln -f "$kept" {log:q} || true
        # the training saves and ends by itself: this shell must outlive it
        trap : TERM INT
        python {params.script:q} \
            --spec {params.file:q} \
            --images {input.images:q} \
            --splits {input.splits:q} \
            --curve {params.curve:q} \
            --checkpoints {params.checkpoints:q} \
            --replaced {params.replaced:q} \
            --out {output.manifest:q} \
            {params.running} \
            >>{log:q} 2>&1
        rm "$kept"
        """
