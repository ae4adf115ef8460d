"""Jobs whose files say of themselves that something else made them than would make them now.

Snakemake's own notes of what made a file lie in .snakemake/metadata. Without a note it looks at
times alone: in a folder that was cleaned or copied without them, and of what another checkout has
written into the same resources/. There, what the files say decides.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from innerloop.runtime.errors import InnerloopError
from innerloop.runtime.files import canonical_json, read_json, short_digest

#: In a page's head, and where a PNG has a text of that name.
_IN_BYTES = re.compile(rb'made_by(?:" content="|\0)([0-9a-f]{16})')
_BEGINNING = 2**12


def choose_stale_too(workflow: Any, folder: Any, say: Callable[[str], None]) -> None:
    """Let Snakemake choose stale jobs, too, as if they were forced: of targets that are asked for.

    Args:
        workflow: Snakemake's, which has no jobs yet.
        folder: of the files that Innerloop's rules are in.
        say: tells people.
    """
    build = workflow._build_dag  # jobs are chosen in here; no handler is called before

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
            say(f"Made by other parameters or code than now, and made again: {first}{more}")

    workflow._build_dag = build_and_choose


def is_stale(job: Any, notes: Any) -> bool:
    """Whether a job's files were made by something else than the job as it is now.

    Args:
        job: whose first file says what made it; its params hold `spec`, or a digest `made_by`.
        notes: Snakemake's, which are believed where they are of this very file.
    """
    file = Path(job.output[0])
    if not file.exists():
        return False
    noted = notes.has_metadata(job) and not notes.has_outdated_metadata(job)
    if noted and notes.metadata(job.output[0]).endtime == file.stat().st_mtime:
        return False
    try:
        said = made_by(file)
    except (InnerloopError, OSError):  # damaged: whoever reads it says so
        return False
    now = job.params.get("made_by") or short_digest(job.params.get("spec", ""))
    return said != now if said else not noted


def made_by(file: Path) -> str | None:
    """The digest of what a file was made by; None where it does not say.

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
    said: str | None = record.get("made_by")
    return said
