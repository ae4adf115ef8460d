"""Whether a study's own claims were declared before or after the measurements that decide them."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from innerloop.papers.claims import read_claims
from innerloop.papers.paper import is_folder
from innerloop.runtime.files import read_json, write_json
from innerloop.study import paths
from innerloop.study.measurements import Measurements
from innerloop.study.study import Study

BEFORE, AFTER = "before measuring", "after measuring"


def declare(study: Study, measurements: Measurements) -> None:
    """Record the claims of the user's folders that are new, or edited, since the last run.

    A claim counts as declared before measuring if none of the measurements that decide it exists.
    Records are never deleted: an edited claim has a new digest and so counts as a new claim.

    Raises:
        DamagedFileError: the record of earlier runs cannot be read.
    """
    declared = declared_of(study)
    date = datetime.now().astimezone().isoformat(" ", "seconds")
    new = {
        claim.digest: {
            "claim": f"{paper.name}/{claim.name}",
            "declared": AFTER if _measured(claim.reads, study, measurements) else BEFORE,
            "date": date,
        }
        for place, paper in study.papers.items()
        if is_folder(place)
        for claim in read_claims(paper)
        if claim.digest not in declared
    }
    if new:
        write_json(_file(study), {**declared, **new})


def declared_of(study: Study) -> dict[str, dict[str, str]]:
    """The record of earlier runs: digest of a claim -> `claim`, `declared` and `date`."""
    file = _file(study)
    return dict(read_json(file)) if file.is_file() else {}


def _file(study: Study) -> Path:
    return Path(paths.fill(paths.DECLARED, study=study.name))


def _measured(tables: frozenset[str], study: Study, measurements: Measurements) -> bool:
    """Whether any file of some tables exists, whichever version of the study made it.

    For files of models that the study no longer has, the tables gathered from them are checked.
    """
    there = tables.intersection(measurements.tables())
    files = [file for table in there for file in measurements.files(table)]
    files += [paths.fill(paths.AGGREGATE, study=study.name, table=table) for table in there]
    return any(Path(file).exists() for file in files)
