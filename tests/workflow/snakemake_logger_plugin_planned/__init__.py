"""Prints each job that Snakemake would run, for tests: `planned: rule key=value, key=value`.

Each file that the job would make follows, as `made: path`.
"""

from __future__ import annotations

import sys
from logging import LogRecord

from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent


class LogHandler(LogHandlerBase):
    """Says rule and wildcards, where rules' messages are for people."""

    writes_to_stream = False
    writes_to_file = False
    has_filter = True
    has_formatter = True
    needs_rulegraph = False

    def emit(self, record: LogRecord) -> None:
        """Print the job that a record announces, if it announces one."""
        job = vars(record)
        if job.get("event") == LogEvent.JOB_INFO:
            wildcards = ", ".join(f"{name}={value}" for name, value in job["wildcards"].items())
            # one write: Snakemake's own handler writes to the same stream from another thread
            made = "".join(f"made: {file}\n" for file in job["output"])
            sys.stdout.write(f"\nplanned: {job['rule_name']} {wildcards}\n{made}")
