"""The programs train, measure and gather any learner; what adapts nothing is left out by word."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from training_job import run

import draw_episodes
import innerloop
import measure
import tiny
from innerloop.data.image_store import ImageStore
from innerloop.measurements.aggregate import gather
from innerloop.measurements.expected import require_expected
from innerloop.runtime.built_in import ACCURACY, LEARNERS, PROBES
from innerloop.runtime.errors import SchemaError
from innerloop.runtime.files import canonical_json
from innerloop.runtime.typed_json import as_json
from innerloop.specs.data import EpisodesSpec
from innerloop.specs.measure import MeasureSpec
from innerloop.study.paths import LOGGED

OPTIONS = {"accuracy": {"checkpoint": "best", "splits": ["test"], "tasks": 3}}
OPTIONS |= {name: {} if name == "scale_invariance" else {"tasks": 2} for name in PROBES}
OPTIONS |= {"other_settings": {"settings": ["4w2s"], "tasks": 2}}


@pytest.mark.parametrize("name", [*LEARNERS, "documented"])
def test_it_is_trained_and_measured(
    images: ImageStore, tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if name == "documented":
        page = Path(__file__).parents[2] / "docs/extending.md"
        _, _, block = page.read_text(encoding="utf-8").partition("`my_learner.py`:\n\n```python\n")
        (tmp_path / "my_learner.py").write_text(block.partition("```")[0], encoding="utf-8")
        name = f"{tmp_path / 'my_learner.py'}:Matching"
    training = replace(tiny.TRAINING, learner=innerloop.learner(name))
    out = run(images, tmp_path, {"learner": as_json(training.learner)})
    for table in LOGGED:
        gather(table, {str(out.with_name(LOGGED[table])): training})
    draw = EpisodesSpec(
        dataset=tiny.DATASET, setting="3w1s", way=3, shot=1, queries=4, tasks=3,
        splits=("test",), seed=0,
    )  # fmt: skip
    splits, episodes = tmp_path / "splits.parquet", tmp_path / "episodes.parquet"
    draw_episodes.main(
        ["--spec", canonical_json(draw), "--splits", str(splits), "--out", str(episodes)]
    )
    for table, options in OPTIONS.items():
        spec = MeasureSpec(
            table=table, entry={"accuracy": ACCURACY, **PROBES}[table], options=options,
            datasets=(tiny.DATASET,), queries=4, test_steps=1, tasks_at_once=2, model=training,
            compute=training.compute, code="0",
        )  # fmt: skip
        path = tmp_path / f"{table}.parquet"
        measure.main(
            [
                *("--spec", canonical_json(spec)),
                *("--model", str(out)),
                *("--images", f"{tiny.DATASET}={images.folder / 'manifest.json'}"),
                *("--splits", f"{tiny.DATASET}={splits}"),
                *("--episodes", f"{tiny.DATASET}={episodes}"),
                *("--out", str(path)),
            ]
        )
        rows, _ = gather(table, {str(path): spec})
        left_out = table not in ("accuracy", "other_settings", "scale_invariance")
        assert (rows.num_rows == 0) == left_out
        said = f"left out: p1 maml on {tiny.DATASET} 3w1s, seed 0: no weight adapts"
        assert (said in capsys.readouterr().err) == left_out
        if left_out:  # of a method that adapts, no table may be empty
            with pytest.raises(SchemaError, match="rows are missing"):
                require_expected(rows, table, replace(spec, model=tiny.TRAINING), str(path))
