"""A learner under which nothing adapts has accuracies, and no place where adaptation is shown."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from innerloop.measurements.evidence import Evidence
from innerloop.render.style import theme
from innerloop.runtime.extensions import load_entry
from shipped import FIGURES, TABLES
from synthetic import describe, write_tables


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    """As the workflow has it: no CKA of the learner, and no effective step sizes."""
    description = describe(("maml", "unit_norm", "prototypes"), settings=("5w1s",), others=())
    tables = write_tables(tmp_path_factory.mktemp("tables"), description, episodes=8)
    for model in description["models"]:
        if model["variant"] == "prototypes":
            del model["step_size"]
            model["learner"] = "innerloop.learners.prototypes:Prototypes"
    _edit(tables["cka"], lambda rows, ours: rows.filter(pc.invert(ours)))
    _edit(tables["protonet"], lambda rows, ours: rows.filter(pc.invert(ours)))
    _edit(tables["weight_norm"], _without_step_sizes)
    return Evidence(tables, description)


def _edit(path: Path, edit: Callable[[pa.Table, pa.ChunkedArray], pa.Table]) -> None:
    rows = pq.read_table(path)
    pq.write_table(edit(rows, pc.equal(rows["variant"], "prototypes")), path)


def _without_step_sizes(rows: pa.Table, ours: pa.ChunkedArray) -> pa.Table:
    place = rows.schema.get_field_index("effective_step_size")
    sizes = pc.if_else(ours, float("nan"), rows.column(place))
    return rows.set_column(place, rows.schema.field(place), sizes)


@pytest.mark.parametrize(
    ("name", "shown"),
    [("effective_step_sizes", False), ("p1_figure2_cka", False), ("p1_figure1_weight_norms", True)],
)
def test_figures_show_what_was_measured(evidence: Evidence, name: str, shown: bool) -> None:
    with theme():
        figure = load_entry(FIGURES[name].entry)(evidence).figure
        figure.draw_without_rendering()
    texts = {text.get_text() for legend in figure.legends for text in legend.get_texts()}
    assert "MAML" in texts
    assert ("prototypes" in texts) == shown


def test_a_figure_of_adaptation_says_whom_it_leaves_out(evidence: Evidence) -> None:
    with theme():
        caption = load_entry(FIGURES["p1_figure2_cka"].entry)(evidence).caption
    assert "does not ask for it): prototypes." in caption


def test_tables_have_its_row(evidence: Evidence) -> None:
    table = load_entry(TABLES["p1_table1_accuracy"].entry)(evidence)
    assert (table.display == "prototypes").any(axis=None)
