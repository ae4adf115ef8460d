"""The reference: numbers of the demo that ship with Innerloop, and how a study fits them.

    innerloop compare demo --reference

It has the form of a study's results: all rows of seed 0, and beside them the spread of the means of
several trainings. It is made again only on purpose, by `make reference`:

    python -m innerloop.commands.reference results/demo_seeds
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from scipy import stats

from innerloop.commands.study_comparison import LEFT_OUT, quantities_of
from innerloop.measurements.finished import Finished
from innerloop.measurements.schemas import schema_of
from innerloop.measurements.selection import at_end
from innerloop.runtime.errors import ConfigError
from innerloop.runtime.files import atomic_path, read_json, write_json
from innerloop.runtime.provenance import commit_in_words, read_table, write_table
from innerloop.stats.moderated import moderated_sds

REFERENCE = Path(__file__).parent / "demo_reference"
SEED = 0
#: Verdicts on a table, from the best to the worst.
SAME, ROUNDING, WITHIN, DIFFERENT, MISSING = (
    "same bits", "same to rounding", "within the spread of seeds", "different", "not measured here"
)  # fmt: skip
#: Values that differ by no more than this, relatively or absolutely, are the same to rounding.
_ROUNDING = 1e-6
#: The same of a mean that depends on no seed, that of raw pixels: in some task an image is equally
#: near to two classes.
_TIES = 1e-3
#: Probability that a table is called different by chance, divided among its numbers (Bonferroni).
_LEVEL = 0.01
#: Maximum size of the reference in bytes: it is part of the package.
_MOST_BYTES = 1_000_000


@dataclass(frozen=True)
class Fit:
    """How one table of a study fits the reference.

    Attributes:
        table: its name.
        verdict: one of the verdicts above.
        numbers: number of rows of the reference.
        measured: number of these that the study has; only they are compared.
        differing: number of these whose value is not the same to rounding.
        worst: the mean that is farthest outside its seeds' spread, in words; empty if none is.
    """

    table: str
    verdict: str
    numbers: int
    measured: int = 0
    differing: int = 0
    worst: str = ""


def fits(study: Finished, reference: Path = REFERENCE) -> Iterator[Fit]:
    """How a study fits the reference, table by table.

    Raises:
        ConfigError: there is no reference, or the study has none of its rows.
    """
    if not (reference / "study.json").is_file():
        raise ConfigError(
            f"there is no reference in {reference}: `make reference` makes one, of several "
            "trainings of everything in the demo"
        )
    theirs = Finished.read(reference)
    spread = pd.read_parquet(reference / "spread.parquet")
    compared = 0
    for table in theirs.evidence.paths:
        expected = _rows(theirs, table)
        fit = Fit(table, MISSING, len(expected))
        if table in study.evidence.paths:
            mine = _rows(study, table)
            shared = expected[expected.index.isin(mine.index)]
            if len(shared):
                found = mine.reindex(shared.index)
                fit = _fit(fit, shared, found, spread[spread["table"] == table])
        compared += fit.measured
        yield fit
    if not compared:
        raise ConfigError(
            f"{study.name} has no row of the reference, which is of the demo (config/config.yaml)"
        )


def _fit(empty: Fit, expected: pd.DataFrame, found: pd.DataFrame, spread: pd.DataFrame) -> Fit:
    """How a table's rows fit those of the reference, which have the same index."""
    table, fit = empty.table, replace(empty, measured=len(found))
    one, other = expected.to_numpy(float), found.to_numpy(float)
    if one.tobytes() == other.tobytes():
        return replace(fit, verdict=SAME)
    close = np.isclose(one, other, rtol=_ROUNDING, atol=_ROUNDING, equal_nan=True).all(axis=1)
    fit = replace(fit, differing=int((~close).sum()))
    if not fit.differing:
        return replace(fit, verdict=ROUNDING)
    mine = pd.Series(dict(_means(table, found.reset_index())), dtype=float)
    known = spread.set_index("number").reindex(mine.index)
    seeds = known["seeds"].clip(lower=2)
    sd, freedom = _sds_of_seeds(known["sd"], seeds)
    # prediction interval of a new mean from those of the seeds: Student's t, two-sided
    factor = stats.t.ppf(1 - _LEVEL / (2 * len(known)), freedom) * np.sqrt(1 + 1 / seeds)
    rounding = np.where(known["seeds"] == 1, _TIES, _ROUNDING)
    allowed = factor * sd + rounding * (1 + known["mean"].abs())
    excess = ((mine - known["mean"]).abs() / allowed).fillna(np.inf)
    excess[mine.isna() & known["mean"].isna()] = 0.0
    if (excess <= 1).all():
        return replace(fit, verdict=WITHIN)
    number = str(excess.idxmax())
    row = known.loc[number]
    worst = f"{number}: {mine[number]:.4g}, of {row['mean']:.4g} ± {row['sd']:.2g} (sd of seeds)"
    return replace(fit, verdict=DIFFERENT, worst=worst)


def _sds_of_seeds(
    sds: pd.Series[float], seeds: pd.Series[int]
) -> tuple[pd.Series[float], pd.Series[float]]:
    """Standard deviations over seeds, shrunk towards those of similar numbers."""
    sd, freedom = sds.copy(), seeds - 1.0
    for _, numbers in sds.groupby([number.rpartition(": ")[2] for number in sds.index]):
        place = numbers.index
        sd[place], freedom[place] = moderated_sds(
            np.asarray(numbers, float), np.asarray(seeds[place], int)
        )
    return sd, freedom


def machine(folder: Path) -> str:
    """What a study was computed on, in words; empty if none of its trainings records it."""
    for file in sorted(folder.glob("models/**/run.json")):
        run, made = read_json(file), read_json(file.with_name("model.json"))
        return _machine({**run, "torch": made["versions"]["torch"]})
    return ""


def machine_of_reference(reference: Path = REFERENCE) -> str:
    """What the reference was computed on, in words."""
    return str(read_json(reference / "machine.json")["machine"])


def _machine(run: dict[str, Any]) -> str:
    return (
        f"{run['processor']}, device {run['device']}, torch {run['torch']}, {run['date'][:10]}, "
        f"commit {commit_in_words(run)}"
    )


def write_reference(study: Path, reference: Path = REFERENCE) -> int:
    """Write the reference from the results of the demo with several seeds; return its size.

    Raises:
        ConfigError: the study has fewer than three seeds, or the reference would be too large.
    """
    finished = Finished.read(study)
    seeds = sorted({model.seed for model in finished.study.models})
    if SEED not in seeds or len(seeds) < 3:
        raise ConfigError(f"{study} has the seeds {seeds}; a reference needs seed 0 and two more")
    spread: list[dict[str, Any]] = []
    for table, path in finished.evidence.paths.items():
        rows = read_table(path)
        kept = rows.filter(pc.fill_null(pc.equal(rows["seed"], SEED), True))
        if table in LEFT_OUT or not kept.num_rows:
            continue
        write_table(kept, reference / f"aggregates/{table}.parquet", {"table": table})
        spread += _spread(table, _named(rows.to_pandas()))
    with atomic_path(reference / "spread.parquet") as temporary:
        pq.write_table(pa.Table.from_pylist(spread), temporary, compression="zstd")
    description = dict(finished.description)
    description["models"] = [each for each in description["models"] if each["seed"] == SEED]
    write_json(reference / "study.json", {**description, "study": "demo"})
    write_json(reference / "machine.json", {"machine": machine(study)})
    size = sum(file.stat().st_size for file in reference.rglob("*") if file.is_file())
    if size > _MOST_BYTES:
        raise ConfigError(f"the reference has {size:,} bytes; {_MOST_BYTES:,} are allowed")
    return size


def _spread(table: str, rows: pd.DataFrame) -> Iterator[dict[str, Any]]:
    by_seed = {seed: dict(_means(table, part)) for seed, part in rows.groupby("seed")}
    for number in dict.fromkeys(name for means in by_seed.values() for name in means):
        values = [means[number] for means in by_seed.values() if number in means]
        sd = float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
        row = {"mean": float(np.mean(values)), "sd": sd, "seeds": len(values)}
        yield {"table": table, "number": number, **row}


def _rows(side: Finished, table: str) -> pd.DataFrame:
    """A table's quantities for the reference's seed, indexed by all columns that identify a row."""
    rows = _named(side.evidence.rows(table))
    rows = rows[rows["seed"].fillna(SEED) == SEED]
    return rows.set_index(_identity(table))[quantities_of(table)]


def _named(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows that a best checkpoint's iteration, which is a result, does not identify."""
    rows = rows.astype(dict.fromkeys(rows.select_dtypes("category").columns, object))
    if "checkpoint" in rows:
        rows["iteration"] = rows["iteration"].mask(rows["checkpoint"] == "best", -1)
    return rows


def _identity(table: str) -> list[str]:
    return [name for name in schema_of(table).names if name not in quantities_of(table)]


def _means(table: str, rows: pd.DataFrame) -> Iterator[tuple[str, float]]:
    """Each number's name and its mean over tasks; for curves, of the last point."""
    dropped = ["seed", "episode", "method", "count", "images", "tasks"]
    if "episode" not in rows and {"iteration", "epoch"} & set(rows):
        rows = at_end(rows)
        dropped += ["iteration", "epoch"]
    of = [name for name in _identity(table) if name not in dropped]
    for key, part in rows.groupby(of, observed=True, dropna=False, sort=False):
        named = " ".join(str(value) for value in key)
        for quantity in quantities_of(table):
            yield f"{named}: {quantity}", float(part[quantity].mean())


def main(argv: Sequence[str] | None = None) -> None:
    """Write the reference from a study's results."""
    (study,) = sys.argv[1:] if argv is None else argv
    print(f"{REFERENCE}: {write_reference(Path(study)):,} bytes")


if __name__ == "__main__":
    main()
