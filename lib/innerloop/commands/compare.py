"""Two studies side by side: how their protocols and their numbers differ.

    innerloop compare demo mine
    innerloop compare demo mine --table accuracy --all --csv differences.csv
    innerloop compare demo --reference       your demo with the numbers that ship

Data sets and variants are compared under the names that the studies give them. The exit status is
0 whatever differs, and 1 if the studies cannot be compared at all. With --reference, it is also 1
if a table differs from the reference by more than trainings with different seeds do.
"""

from __future__ import annotations

import math
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.table import Table
from rich.text import Text

from innerloop.commands import NAME_OR_FOLDER, folder_of, parser_of
from innerloop.commands.reference import DIFFERENT, fits, machine, machine_of_reference
from innerloop.commands.study_comparison import (
    VERDICTS,
    Number,
    number_differences,
    protocol_differences,
)
from innerloop.measurements.finished import Finished, label_in_both
from innerloop.measurements.schemas import schema_of
from innerloop.render.tabulation import MISSING, number, p_equals, p_value, plus_minus_significant
from innerloop.runtime.errors import ConfigError
from innerloop.runtime.files import atomic_path
from innerloop.runtime.last_run import snakemake_for
from innerloop.runtime.suggestions import instead_of
from innerloop.stats.populations import Answer

#: Maximum number of rows of a table that are printed without --all.
SHOWN = 30
_STYLES = {"differs": "bold", "not comparable": "yellow"}


def main(argv: list[str]) -> None:
    """Print what differs in protocol and numbers; with --csv, write every number."""
    parser = parser_of("compare", __doc__)
    parser.add_argument("a", type=folder_of, help=NAME_OR_FOLDER)
    parser.add_argument("b", type=folder_of, nargs="?", help="another one")
    parser.add_argument(
        "--reference", action="store_true", help="compare with the demo's numbers that ship"
    )
    parser.add_argument("--table", action="append", help="only this table, for example accuracy")
    parser.add_argument(
        "--all",
        action="store_true",
        help="print every number, not only the first ones of each table",
    )
    parser.add_argument("--csv", type=Path, help="write every number to this CSV file")
    arguments = parser.parse_args(argv)
    if arguments.reference == (arguments.b is not None):
        parser.error("name a second study, or say --reference")
    if arguments.reference and (arguments.table or arguments.all or arguments.csv):
        parser.error("--table, --all and --csv compare two studies; --reference takes none of them")
    if arguments.reference:
        sys.exit(_print_reference(arguments.a))
    a, b = Finished.read(arguments.a), Finished.read(arguments.b)
    for study in (a, b):
        if not study.evidence.paths:
            raise ConfigError(
                f"{study.name} has no aggregates/*.parquet to compare: run "
                f"`{snakemake_for(study.name)}`, or record the study again"
            )
    _require_tables(arguments.table or [], a, b)
    numbers = [
        found
        for found in number_differences(a, b)
        if not arguments.table or found.table in arguments.table
    ]
    console = Console(width=None if Console().is_terminal else 160)
    console.print(Text(_headline(numbers, a, b)))
    _print_protocol(console, a, b)
    for table in dict.fromkeys(found.table for found in numbers):
        own = [found for found in numbers if found.table == table]
        _print_numbers(console, table, own, a, b, None if arguments.all else SHOWN)
    if arguments.csv:
        frame = pd.DataFrame([_record(found) for found in numbers])
        with atomic_path(arguments.csv) as temporary:
            frame.to_csv(temporary, index=False)


def _print_reference(folder: Path) -> bool:
    """Print how each table of a study fits the reference; return whether one is different."""
    study = Finished.read(folder)
    found = list(fits(study))
    table = Table(title=f"{study.name} beside the reference", title_justify="left")
    for heading in ("Table", "Verdict", "Rows of it", "Compared", "Differing", "Farthest out"):
        table.add_column(heading)
    for fit in found:
        rows = (f"{count:,}" for count in (fit.numbers, fit.measured, fit.differing))
        style = "bold" if fit.verdict == DIFFERENT else None
        table.add_row(*map(Text, (fit.table, fit.verdict, *rows, fit.worst)), style=style)
    console = Console(width=None if Console().is_terminal else 160)
    console.print(table)
    print(f"{study.name}: {machine(folder) or 'the machine is not recorded'}")
    print(f"reference: {machine_of_reference()}")
    return any(fit.verdict == DIFFERENT for fit in found)


def _require_tables(names: list[str], a: Finished, b: Finished) -> None:
    """Refuse the name of a table that neither study has."""
    known = sorted({*a.evidence.paths, *b.evidence.paths})
    for name in names:
        if name not in known:
            raise ConfigError(f"neither study has a table '{name}'{instead_of(name, known)}")


def _print_protocol(console: Console, a: Finished, b: Finished) -> None:
    found = protocol_differences(a, b)
    if not found:
        console.print("The protocols are the same.")
        return
    table = Table("What", f"a: {a.name}", f"b: {b.name}", title="Protocol", title_justify="left")
    for row in found:
        table.add_row(*map(Text, row))
    console.print(table)


def _print_numbers(
    console: Console, name: str, found: list[Number], a: Finished, b: Finished, most: int | None
) -> None:
    """Print the numbers that differ; only count equal and, without --all, one-sided ones."""
    table = Table(title=name, title_justify="left")
    table.add_column("What")
    for heading in (f"a: {a.name}", f"b: {b.name}"):
        table.add_column(heading, justify="right")
    for heading in ("a − b, these models", "a − b, the method"):
        table.add_column(heading)
    order = [*VERDICTS]
    folded = ("equal",) if most is None else ("equal", *ONE_SIDED)
    listed = [one for one in found if one.verdict not in folded]
    listed.sort(key=lambda one: (order.index(one.verdict), one.models.p_adjusted))
    for one in listed[:most]:
        table.add_row(*map(Text, _printed(one, a, b)), style=_STYLES.get(one.verdict))
    if listed:
        left = len(listed) - len(listed[:most])
        table.caption = f"{left:,} more are not shown (--all)" if left else None
        console.print(table)
    equal = sum(one.verdict == "equal" for one in found)
    if equal == len(found):
        console.print(f"{name}: all {equal:,} numbers are equal.")
    elif equal:
        console.print(f"{name}: {equal:,} {'more ' if listed else ''}numbers are equal.")
    for verdict, side in zip(ONE_SIDED, (a, b), strict=True):
        alone = [one for one in found if one.verdict == verdict]
        if alone and verdict in folded:
            console.print(
                Text(f"{name}: {len(alone):,} numbers {verdict}{_of_what(alone, found, side)}.")
            )


def _of_what(alone: Sequence[Number], found: Sequence[Number], side: Finished) -> str:
    """The values that only one study's numbers have, such as `: ANIL, Meta-SGD`; else empty."""
    shared = [one for one in found if one.verdict not in ONE_SIDED]
    names: dict[str, None] = {}
    for column in alone[0].key:
        there = {one.key[column] for one in shared}
        for one in alone:
            value = one.key[column]
            if column not in _NOT_SAID and isinstance(value, str) and value not in there:
                names[_label(one, column, [side])] = None
    return f": {', '.join(names)}" if names else ""


def _printed(found: Number, a: Finished, b: Finished) -> list[str]:
    percent = _is_fraction(found)
    shown = [
        number(each * (100 if percent else 1), 2 if percent else 4) for each in (found.a, found.b)
    ]
    return [
        _what(found, a, b),
        *(f"{text} %" if percent and text != MISSING else text for text in shown),
        _in_words(found, found.models),
        _in_words(found, found.method) if found.compared else "",
    ]


def _in_words(found: Number, answer: Answer) -> str:
    """`differs: 1.20 ± 0.40, p = 0.012, adjusted 0.03`, and the reason if there is no verdict."""
    numbers = [] if math.isnan(answer.p) else [_difference(found, answer), p_equals(answer.p)]
    if not math.isnan(answer.p_adjusted):
        numbers.append(f"adjusted {p_value(answer.p_adjusted)}")
    details = ", ".join(filter(None, [*numbers, answer.note]))
    return f"{answer.verdict}: {details}" if details else answer.verdict


def _difference(found: Number, answer: Answer) -> str:
    """The difference of the means, with its interval; in percentage points for fractions."""
    if answer.test is None:
        return MISSING
    factor = 100 if _is_fraction(found) else 1
    difference = answer.test.difference
    return plus_minus_significant(difference.mean * factor, difference.half_width * factor)


def _what(found: Number, a: Finished, b: Finished) -> str:
    sides = [side for side, value in ((a, found.a), (b, found.b)) if not math.isnan(value)]
    values = [_label(found, name, sides or [a]) for name in found.key if name not in _NOT_SAID]
    return f"{' '.join(values)}: {found.quantity}"


def _label(found: Number, column: str, sides: Sequence[Finished]) -> str:
    protocol = str(found.key.get("protocol", ""))
    return label_in_both(sides[0], sides[-1], column, found.key[column], protocol)


def _is_fraction(found: Number) -> bool:
    schema = schema_of(found.table)
    return (schema.field(found.quantity).metadata or {}).get(b"unit") == b"fraction"


#: Columns left out of labels, since the setting or the variant implies them.
_NOT_SAID = ("way", "shot", "method")
#: Verdicts on numbers that only one of the studies has.
ONE_SIDED = ("only in a", "only in b")


def _headline(numbers: Sequence[Number], a: Finished, b: Finished) -> str:
    """What differs, in one or two sentences."""
    counts = Counter(found.verdict for found in numbers)
    alone = sum(counts[verdict] for verdict in ONE_SIDED)
    shared, tested = len(numbers) - alone, [n for n in numbers if n.compared]
    rest = [f"{counts[name]:,} {name}" for name in ("equal", "not comparable") if counts[name]]
    headline = f"{a.name} (a) and {b.name} (b) share {shared:,} numbers"
    headline += f": {', '.join(rest)}." if rest else "."
    if tested:
        models, methods = (
            _counted([answer.verdict for answer in answers])
            for answers in ([n.models for n in tested], [n.method for n in tested])
        )
        headline += f" Of the others, for these models {models}; for the method {methods}."
    if alone:
        headline += f" {alone:,} are in one of them only."
    for whom, which in (("these models", "models"), ("the method", "method")):
        differing = [
            (number, answer)
            for number in tested
            if number.quantity == "accuracy"
            and (answer := getattr(number, which)).verdict == "differs"
        ]
        if differing:
            largest, answer = max(differing, key=lambda pair: abs(pair[0].a - pair[0].b))
            points, what = _difference(largest, answer), _what(largest, a, b)
            headline += f" The largest difference of an accuracy, for {whom}: {points} "
            headline += f"points ({largest.table}, {what.removesuffix(': accuracy')})."
    return headline


def _counted(verdicts: Sequence[str]) -> str:
    """`1 differs, 3 no difference shown`, in the order of `VERDICTS`."""
    counts = Counter(verdicts)
    return ", ".join(
        f"{counts[name]:,} {_IN_WORDS.get(name, name)}" for name in VERDICTS if counts[name]
    )


_IN_WORDS = {
    "differs": "different",
    "leans to a difference": "leaning to a difference",
    "no difference shown": "without a significant difference",
}


def _record(found: Number) -> dict[str, object]:
    method = _columns(found.method) if found.compared else {}
    return {
        "table": found.table,
        **found.key,
        "quantity": found.quantity,
        "a": found.a,
        "b": found.b,
        **_columns(found.models),
        **{f"method_{name}": value for name, value in method.items()},
        "trainings": found.method.trainings,
    }


def _columns(answer: Answer) -> dict[str, object]:
    test = answer.test
    numbers = (
        {}
        if test is None or math.isnan(answer.p)
        else {
            "difference": test.difference.mean,
            "low": test.difference.low,
            "high": test.difference.high,
            "n": test.difference.n,
            "missing": test.difference.missing,
        }
    )
    return {
        "population": answer.population,
        **numbers,
        "p": answer.p,
        "p_adjusted": answer.p_adjusted,
        "verdict": answer.verdict,
        "note": answer.note,
    }
