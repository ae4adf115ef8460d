"""What one sees of a run: what runs, how much is done, what was found, what failed and why.

The Snakefile announces its study and jobs; Snakemake's events arrive through the logger plugin
`snakemake_logger_plugin_innerloop`, in the same process. So nothing heavy is imported here.
"""
