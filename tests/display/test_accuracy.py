"""The table of accuracies in the terminal."""

from __future__ import annotations

import json
import re

from innerloop.display.accuracy import main
from synthetic import describe, write_tables


def test_accuracies_of_any_protocol_stand_in_a_row_a_method_and_a_column_a_setting(
    tmp_path, capsys
):
    description = describe(("maml", "my_sgd"), ("maml",), others=())
    text = json.dumps({**description, "papers": []}).replace('"p1"', '"sweep"')
    (tmp_path / "study.json").write_text(text)
    (tmp_path / "aggregates").mkdir()
    write_tables(tmp_path / "aggregates", json.loads(text), omit=("cka", "training"))
    main([str(tmp_path)])
    lines = capsys.readouterr().out.splitlines()
    head = ["Protocol", "Data set", "Method", "5-way 1-shot", "5-way 5-shot"]
    assert re.split(r" {2,}", lines[1].strip()) == head
    own = next(line for line in lines if "my sgd" in line)
    assert own.count("±") == 2
    title = description["protocols"]["p1"]["title"]
    assert sum(line.startswith(title) for line in lines) >= 1
    assert max(map(len, lines)) <= 120
