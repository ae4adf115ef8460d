"""What the user sees of a run: what is running, how much is done, what was found, what failed.

The Snakefile announces its study and jobs; Snakemake's events arrive through the logger plugin
`snakemake_logger_plugin_innerloop`, in the same process. So nothing heavy is imported here.
"""
