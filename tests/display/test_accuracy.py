"""The table of accuracies in the terminal."""

from __future__ import annotations

import json

from innerloop.display.accuracy import main
from synthetic import describe, write_tables


def test_accuracies_of_any_protocol_stand_in_a_row_a_method_and_a_column_a_setting(
    tmp_path, capsys
):
    description = describe(("maml", "my_sgd"), ("maml",), others=())
    text = json.dumps(description).replace('"p1"', '"sweep"')
    (tmp_path / "study.json").write_text(text)
    (tmp_path / "aggregates").mkdir()
    write_tables(tmp_path / "aggregates", json.loads(text), omit=("cka", "training"))
    main([str(tmp_path)])
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == ["Protocol", "Data", "set", "Method", "5w1s", "5w5s"]
    own = next(line for line in lines if "my sgd" in line)
    assert own.count("±") == 2
    assert sum(line.startswith("sweep") for line in lines) >= 1
    assert max(map(len, lines)) <= 120
