"""`innerloop compare results/a results/b`: two studies side by side."""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.table import Table
from rich.text import Text

from innerloop.errors import ConfigError
from innerloop.files import atomic_path
from innerloop.render.tabulation import number, p_value, plus_minus_significant
from innerloop.suggestions import instead_of
from innerloop.tables.finished import Finished
from innerloop.tables.study_comparison import (
    VERDICTS,
    Number,
    number_differences,
    protocol_differences,
)

#: Rows of a table that are shown unless all are asked for.
SHOWN = 30
_STYLES = {"differs": "bold", "not comparable": "yellow"}


def main(argv: list[str]) -> None:
    """Print what differs in protocol and numbers; with --csv, write every number."""
    parser = argparse.ArgumentParser(prog="innerloop compare", description=__doc__)
    parser.add_argument("a", type=Path, help="results/<study>")
    parser.add_argument("b", type=Path, help="results/<another study>")
    parser.add_argument("--table", action="append", help="only this table, for example accuracy")
    parser.add_argument("--all", action="store_true", help="every number, not the first of a table")
    parser.add_argument("--csv", type=Path, help="write every number to this file")
    arguments = parser.parse_args(argv)
    a, b = Finished.read(arguments.a), Finished.read(arguments.b)
    _require_tables(arguments.table or [], a, b)
    numbers = [
        found
        for found in number_differences(a, b)
        if not arguments.table or found.table in arguments.table
    ]
    console = Console(width=None if Console().is_terminal else 160)
    _print_protocol(console, a, b)
    for table in dict.fromkeys(found.table for found in numbers):
        own = [found for found in numbers if found.table == table]
        _print_numbers(console, table, own, a, b, None if arguments.all else SHOWN)
    console.print(_summary(numbers))
    if arguments.csv:
        frame = pd.DataFrame([_record(found) for found in numbers])
        with atomic_path(arguments.csv) as temporary:
            frame.to_csv(temporary, index=False)


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
    table = Table(title=name, title_justify="left")
    table.add_column("What")
    for heading in (f"a: {a.name}", f"b: {b.name}", "a − b", "Adjusted p"):
        table.add_column(heading, justify="right")
    table.add_column("Verdict")
    order = [*VERDICTS]
    told = [one for one in found if one.verdict != "equal"]
    told.sort(key=lambda one: (order.index(one.verdict), one.p_adjusted))
    for one in told[:most]:
        table.add_row(*map(Text, _printed(one)), style=_STYLES.get(one.verdict))
    equal, left = len(found) - len(told), len(told) - len(told[:most])
    if not told:
        console.print(f"{name}: all {equal:,} numbers are equal.")
        return
    notes = [f"{equal:,} more are equal"] if equal else []
    notes += [f"{left:,} more are not shown (--all)"] if left else []
    table.caption = "; ".join(notes)
    console.print(table)


def _printed(found: Number) -> list[str]:
    difference = found.test.difference if found.test else None
    what = " ".join(str(value) for name, value in found.key.items() if name not in _NOT_SAID)
    return [
        f"{what}: {found.quantity}",
        number(found.a, 4),
        number(found.b, 4),
        plus_minus_significant(difference.mean, difference.half_width) if difference else "–",
        p_value(found.p_adjusted),
        f"{found.verdict}: {found.note}" if found.note else found.verdict,
    ]


#: Said by the setting, or by the variant.
_NOT_SAID = ("way", "shot", "method")


def _summary(numbers: list[Number]) -> str:
    counts = Counter(found.verdict for found in numbers)
    told = ", ".join(f"{counts[name]:,} {name}" for name in VERDICTS if name in counts)
    return f"{len(numbers):,} numbers: {told or 'none in both'}."


def _record(found: Number) -> dict[str, object]:
    test = found.test
    return {
        "table": found.table,
        **found.key,
        "quantity": found.quantity,
        "a": found.a,
        "b": found.b,
        "difference": test.difference.mean if test else found.a - found.b,
        "low": test.difference.low if test else None,
        "high": test.difference.high if test else None,
        "n": test.difference.n if test else None,
        "missing": test.difference.missing if test else None,
        "p": test.p if test else None,
        "p_adjusted": found.p_adjusted,
        "verdict": found.verdict,
        "note": found.note,
    }
