"""Tables as files: numbers for programs, of which a spreadsheet computes none."""

from __future__ import annotations

import pandas as pd

from innerloop.render.files import About, write_tabulation
from innerloop.render.tabulation import Tabulation


def written(tmp_path, frame: pd.DataFrame) -> str:
    made = Tabulation(frame, frame.map(str), "A caption.")
    write_tabulation(made, About("own", "table", "A table"), tmp_path / "table")
    return (tmp_path / "table.csv").read_text(encoding="utf-8")


def test_no_label_is_a_formula(tmp_path):
    labels = ["=cmd|' /C calc'!A0", "+a", "@sum(1)", "-x", "MAML", "-0.1"]
    text = written(tmp_path, pd.DataFrame({"=label": labels, "value": [-1.5, 0.1, 2, 3, 4, 5]}))
    assert [line.partition(",")[0] for line in text.splitlines()] == [
        "'=label", "'=cmd|' /C calc'!A0", "'+a", "'@sum(1)", "'-x", "MAML", "-0.1",
    ]  # fmt: skip
    assert "-1.5" in text


def test_all_else_is_as_it_was(tmp_path):
    frame = pd.DataFrame({"label": ["MAML", None], "count": [1, 2], "value": [0.1 + 0.2, None]})
    assert written(tmp_path, frame) == frame.to_csv(index=False, lineterminator="\n")
