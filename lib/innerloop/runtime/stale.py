"""Jobs whose files, by their own record, were made with other parameters or code than now.

Snakemake records what made a file in .snakemake/metadata. Without such a record it compares times
alone: in a folder that was cleaned or copied without them, and for files that another checkout has
written into the same resources/. There, the record in the file itself decides.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from innerloop.runtime.errors import InnerloopError
from innerloop.runtime.files import canonical_json, read_json, short_digest

#: `made_by` in the head of an HTML page, or in a text chunk of a PNG.
_IN_BYTES = re.compile(rb'made_by(?:" content="|\0)([0-9a-f]{16})')
_BEGINNING = 2**12


def choose_stale_too(workflow: Any, folder: Any, say: Callable[[str], None]) -> None:
    """Make Snakemake run stale jobs as if they were forced, too, where the targets need them.

    Args:
        workflow: Snakemake's workflow, before it has any jobs.
        folder: the folder of the files with Innerloop's rules.
        say: shows a message to the user.
    """
    build = workflow._build_dag  # chooses the jobs; there is no earlier hook

    def build_and_choose() -> None:
        build()
        if all(trigger.name != "PARAMS" for trigger in workflow.rerun_triggers):
            return  # --rerun-triggers mtime
        dag = workflow.dag
        ours = (job for job in dag.jobs if job.output and job.rule.basedir == folder)
        asked = (job for job in ours if dag.forcefiles.isdisjoint(job.output))
        stale = [job for job in asked if is_stale(job, workflow.persistence)]
        if stale:
            for job in stale:
                dag.forcefiles.update(job.output)
            workflow.async_run(dag.update_needrun())
            first, *left = sorted(str(job.output[0]) for job in stale)
            more = f", and {len(left)} more" if left else ""
            say(f"Made with other parameters or code than now, so made again: {first}{more}")

    workflow._build_dag = build_and_choose


def is_stale(job: Any, notes: Any) -> bool:
    """Whether a job's files were made with other parameters or code than the job has now.

    Args:
        job: its first file records what made it; its params hold `spec`, or a digest `made_by`.
        notes: Snakemake's metadata records, which decide if they are about this very file.
    """
    file = Path(job.output[0])
    if not file.exists():
        return False
    noted = notes.has_metadata(job) and not notes.has_outdated_metadata(job)
    if noted and notes.metadata(job.output[0]).endtime == file.stat().st_mtime:
        return False
    try:
        recorded = made_by(file)
    except (InnerloopError, OSError):  # damaged: whoever reads it reports that
        return False
    now = job.params.get("made_by") or short_digest(job.params.get("spec", ""))
    return recorded != now if recorded else not noted


def made_by(file: Path) -> str | None:
    """The digest of what a file was made by; None if the file does not record it.

    JSON and Parquet files hold it as `made_by`, or hold the `spec` that it is the digest of.

    Raises:
        InnerloopError: the file is damaged.
        OSError: it cannot be read.
    """
    if file.suffix == ".json":
        record = read_json(file)
    elif file.suffix == ".parquet":
        from innerloop.runtime.provenance import read_provenance  # pyarrow takes a moment

        record = read_provenance(file)
    else:
        with file.open("rb") as opened:
            found = _IN_BYTES.search(opened.read(_BEGINNING))
        return found[1].decode() if found else None
    if "spec" in record:
        return short_digest(canonical_json(record["spec"]))
    digest: str | None = record.get("made_by")
    return digest
