"""Print the main tables of a study in the terminal.

    innerloop results demo                   accuracies, and tuned methods at their best
    innerloop results demo paper_vs_ours     any other table

A star marks what is bold in the report.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from textwrap import wrap
from typing import Any

from innerloop.commands import NAME_OR_FOLDER, folder_of, parser_of
from innerloop.render.results import Results
from innerloop.render.tabulation import by_column, is_numeric
from innerloop.runtime.last_run import snakemake_for

#: Tables that are printed by default, if they have rows.
MAIN = ("own/accuracy", "own/tuned", "p1/table1_accuracy")

CAPTION_WIDTH = 100


def main(argv: list[str]) -> None:
    """Print tables, and the names of the others."""
    parser = parser_of("results", __doc__)
    parser.add_argument("study", help=NAME_OR_FOLDER)
    parser.add_argument("tables", nargs="*", metavar="TABLE", help="the tables to print")
    arguments = parser.parse_args(argv)
    made = Results(folder_of(arguments.study))
    main_ones = [name for name in MAIN if name in made.tables and made.printed(name)["rows"]]
    names = [_whole_name(table, made.tables) for table in arguments.tables] or main_ones
    for name in names:
        print("\n".join(in_text(made.printed(name))), end="\n\n")
    if others := [name for name in made.tables if name not in names]:
        print(f"Other tables: {', '.join(others)}")
    elif not names:
        command = snakemake_for(made.folder.name, "tables")
        print(f"{made.folder} has no tables yet: run `{command}`")


def _whole_name(table: str, tables: Sequence[str]) -> str:
    """The name with its paper's, if that is unique; otherwise the name unchanged."""
    ending = [name for name in tables if name.endswith(f"/{table}")]
    return ending[0] if len(ending) == 1 else table


def in_text(table: Mapping[str, Any]) -> Iterator[str]:
    """A written table as lines of text: numbers right-aligned, bold ones marked by a star."""
    bold = {tuple(place) for place in table["bold"]}
    rows = [
        [f"{cell}*" if (y, x) in bold else cell for x, cell in enumerate(row)]
        for y, row in enumerate(table["rows"])
    ]
    columns = by_column(table["columns"], rows)
    widths = [
        max(map(len, [name, *cells])) for name, cells in zip(table["columns"], columns, strict=True)
    ]
    right = [is_numeric(cell.rstrip("*") for cell in cells) for cells in columns]
    yield table["title"]
    yield ""
    yield _line(table["columns"], widths, right)
    yield "  ".join("-" * width for width in widths)
    for y, row in enumerate(rows):
        if y in table["rules"]:
            yield ""
        yield _line(row, widths, right)
    yield ""
    yield from wrap(table["caption"].replace("Bold:", "*:"), CAPTION_WIDTH)


def _line(cells: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    padded = (
        cell.rjust(width) if to_the_right else cell.ljust(width)
        for cell, width, to_the_right in zip(cells, widths, right, strict=True)
    )
    return "  ".join(padded).rstrip()
