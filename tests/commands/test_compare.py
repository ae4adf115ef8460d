"""Two studies side by side: protocol and numbers, and nothing compared that must not be."""

from __future__ import annotations

import json
import shutil
from copy import deepcopy

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from innerloop.commands import main
from innerloop.commands.study_comparison import (
    VERDICTS,
    number_differences,
    protocol_differences,
)
from innerloop.measurements.finished import Finished
from innerloop.runtime.provenance import write_table
from synthetic import describe, write_tables

DESCRIPTION = describe(("maml", "scaled_lr"), ("maml", "meta_sgd"), settings=("5w1s",), others=())


def write_study(folder, description=DESCRIPTION):
    (folder / "aggregates").mkdir(parents=True)
    write_tables(folder / "aggregates", description, episodes=30, probe="sharpness")
    (folder / "study.json").write_text(json.dumps(description), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    return write_study(tmp_path_factory.mktemp("studies") / "one")


@pytest.fixture
def other(one, tmp_path):
    return shutil.copytree(one, tmp_path / "other")


def change(folder, table, edit):
    """Edit the rows of one table."""
    path = folder / f"aggregates/{table}.parquet"
    old = pq.read_table(path)
    frame = edit(old.to_pandas())
    # NaN is a number here, and no null
    columns = [pa.array(frame[field.name].to_numpy(), field.type) for field in old.schema]
    pq.write_table(pa.Table.from_arrays(columns, schema=old.schema), path)


def numbers(one, other, table="accuracy"):
    found = number_differences(Finished.read(one), Finished.read(other))
    return [number for number in found if number.table == table]


def test_a_study_equals_itself(one, other):
    assert protocol_differences(Finished.read(one), Finished.read(other)) == []
    found = number_differences(Finished.read(one), Finished.read(other))
    assert {number.verdict for number in found} == {"equal"}
    tables = {number.table for number in found}
    assert tables >= {"accuracy", "cka", "protonet", "weight_norm", "step_size", "sharpness", "toy"}


def test_a_planted_difference_is_found_by_pairing(one, other):
    def better(rows):
        planted = (rows["variant"] == "scaled_lr") & (rows["eval_dataset"] == "people")
        planted &= rows["split"] == "test"
        rows.loc[planted, "accuracy"] += 0.01 + 0.001 * (rows["episode"] % 3)
        return rows

    change(other, "accuracy", better)
    differing = [number for number in numbers(one, other) if number.verdict != "equal"]
    assert [number.verdict for number in differing] == ["differs"]
    (found,) = differing
    assert (found.key["variant"], found.key["eval_dataset"]) == ("scaled_lr", "cub")
    assert found.models.test.difference.mean == pytest.approx(-0.011, abs=0.0005)
    assert found.models.test.difference.n == 30


def test_other_tasks_are_not_paired(one, tmp_path):
    description = {**DESCRIPTION, "seed": 1}
    found = numbers(one, write_study(tmp_path / "b", description))
    assert {number.verdict for number in found} == {"equal"}  # values that happen to be the same

    def noisy(rows):
        rows["accuracy"] = (rows["accuracy"] + 0.002 * (rows["episode"] % 5)).clip(upper=1)
        return rows

    change(tmp_path / "b", "accuracy", noisy)
    found = [n for n in numbers(one, tmp_path / "b") if n.quantity == "accuracy"]
    assert {number.verdict for number in found} == {"no difference shown"}
    assert {number.models.test.difference.n for number in found} == {60}


@pytest.fixture
def trainings(one, tmp_path):
    """Writes a study of accuracies alone: better by some gain in each training, by its seed."""

    def write(name, gains, seed=0):
        folder = tmp_path / name
        (folder / "aggregates").mkdir(parents=True)
        shutil.copy(one / "aggregates/accuracy.parquet", folder / "aggregates")
        description = {**DESCRIPTION, "seed": seed}
        (folder / "study.json").write_text(json.dumps(description), encoding="utf-8")

        def trained(rows):
            rows = rows[(rows["variant"] == "maml") & (rows["split"] == "test")]
            rows = rows[(rows["seed"] == 0) & (rows["eval_dataset"] == "symbols")]
            rng = np.random.default_rng(ord(name))
            noise = 0.01 * rng.normal(size=(len(gains), len(rows)))
            return pd.concat(
                rows.assign(seed=training, accuracy=0.4 + gain + of_tasks)
                for (training, gain), of_tasks in zip(gains.items(), noise, strict=True)
            )

        change(folder, "accuracy", trained)
        return folder

    return write


def told(one, other):
    """Both answers on MAML's accuracy."""
    of_maml = [n for n in numbers(one, other) if n.key["protocol"] == "p1"]
    (found,) = [n for n in of_maml if n.quantity == "accuracy"]
    return found.models, found.method


def test_one_training_tells_models_apart_and_no_method(trainings):
    models, method = told(trainings("a", {0: 0.1}), trainings("b", {0: 0.0}))
    assert (models.verdict, method.verdict, method.note) == (
        "differs",
        "not judged",
        "one training",
    )
    assert np.isnan([method.p, method.test.difference.low]).all()


@pytest.mark.parametrize(
    ("gains", "verdict"),
    [
        ([0.1, 0.11, 0.12], "leans to a difference"),
        ([0.1, 0.11, -0.12], "no difference shown"),
        ([0.1, 0.11, 0.12, 0.1, 0.11], "differs"),
        ([0.2, -0.11, 0.12, -0.1, 0.2], "no difference shown"),
    ],
)
@pytest.mark.parametrize("first", [0, 7])
def test_a_method_differs_only_by_its_trainings(trainings, gains, verdict, first):
    """Whether or not the trainings are pairs: those of unequal seeds are not."""
    a = trainings("a", dict(enumerate(gains)))
    b = trainings("b", {first + i: 0.001 * i for i in range(len(gains))})
    models, method = told(a, b)
    assert (models.verdict, method.verdict) == ("differs", verdict)
    assert method.trainings == len(gains)


def test_the_side_with_fewer_trainings_says_how_much_is_known(trainings):
    a, b = trainings("a", {0: 0.1}), trainings("b", {s: 0.001 * s for s in range(6)})
    assert told(a, b)[1].note == "one training"


def test_a_training_that_diverged_is_left_out(trainings):
    a = trainings("a", {s: 0.1 + 0.001 * s for s in range(6)} | {6: np.nan})
    b = trainings("b", {s: 0.001 * (s % 2) for s in range(7)})
    models, method = told(a, b)
    assert (models.verdict, method.verdict, method.trainings) == ("differs", "differs", 6)


def test_other_tasks_and_trainings_are_independent(trainings):
    a = trainings("a", {s: 0.1 + 0.01 * s for s in range(5)})
    b = trainings("b", {s: 0.01 * s for s in range(5)}, seed=1)
    paired = told(a, trainings("c", {s: 0.01 * s for s in range(5)}))[1]
    method = told(a, b)[1]
    assert (paired.verdict, method.verdict) == ("differs", "differs")
    assert method.test.standard_error > 3 * paired.test.standard_error


def test_what_no_tasks_repeat_speaks_of_the_method_alone(trainings, one):
    """Weight norms: the test is over trainings, paired by seed."""
    norms = one / "aggregates/weight_norm.parquet"
    sides = []
    for name, of_b in (("a", 0.0), ("b", 1.0)):
        folder = trainings(name, {0: 0.0})
        shutil.copy(norms, folder / "aggregates")

        def trained(rows, of_b=of_b):
            rows = rows[(rows["variant"] == "maml") & (rows["seed"] == 0)]
            return pd.concat(
                rows.assign(seed=s, norm=rows["norm"] + s + of_b * (1 + 0.01 * s)) for s in range(5)
            )

        change(folder, "weight_norm", trained)
        sides.append(folder)
    for found in numbers(*sides, "weight_norm"):
        if found.quantity != "norm":
            continue
        assert (found.models.verdict, found.models.note) == (
            "not judged",
            "one number per training",
        )
        assert (found.method.verdict, found.method.population) == ("differs", "new trainings")


def test_unequal_protocol_is_refused_with_the_column_named(one, other):
    change(other, "accuracy", lambda rows: rows.assign(queries=5))
    found = numbers(one, other)
    assert {number.verdict for number in found} == {"not comparable"}
    assert {number.models.note for number in found} == {"queries is 15 and 5"}
    assert all(number.method.test is None for number in found)


def record_data(folder, **digests):
    """Say of what data a study's tables were made, as gathering them does."""
    for path in folder.glob("aggregates/*.parquet"):
        write_table(pq.read_table(path), path, {"data_digests": digests})


@pytest.fixture
def one_of_data(one, tmp_path):
    return shutil.copytree(one, tmp_path / "one")


@pytest.fixture
def of_data(one_of_data, other):
    """Records digests of both studies' data, and plants differences: answers on People, others."""

    def record(**of_b):
        def better(rows):
            rows["accuracy"] = (rows["accuracy"] + 0.01 + 0.001 * (rows["episode"] % 3)).clip(0, 1)
            return rows

        change(other, "accuracy", better)
        digests = {"people (28 px)": "aa", "people splits (28 px)": "bb", "symbols (28 px)": "cc"}
        record_data(one_of_data, **digests)
        record_data(other, **digests | of_b)
        found = [n for n in numbers(one_of_data, other) if n.quantity == "accuracy"]
        return [
            [n.models for n in found if (n.key["eval_dataset"] == "cub") == of_people]
            for of_people in (True, False)
        ]

    return record


def test_what_was_measured_on_other_classes_is_not_compared(one_of_data, other, of_data, capsys):
    people, others = of_data(**{"people splits (28 px)": "dd"})
    assert {answer.verdict for answer in people} == {"not comparable"}
    assert {answer.note for answer in people} == {"the splits of People have other classes"}
    assert {answer.verdict for answer in others} == {"differs"}
    main(["compare", str(one_of_data), str(other), "--table", "accuracy"])
    said = [line for line in capsys.readouterr().out.splitlines() if "digest" in line]
    assert [" ".join(line.split()) for line in said] == [
        "│ People classes of the splits, 28 px │ digest bb │ digest dd │"
    ]


def test_tasks_of_other_images_are_no_pairs(of_data):
    paired = of_data()[0]
    assert {answer.test.difference.n for answer in paired} == {30}
    people, others = of_data(**{"people (28 px)": "dd"})
    assert {answer.test.difference.n for answer in people} == {60}
    assert {answer.test.difference.n for answer in others} == {30}


def test_of_data_that_one_study_has_not_recorded_nothing_is_said(one, other):
    record_data(other, **{"people splits (28 px)": "bb"})
    assert {number.verdict for number in numbers(one, other)} == {"equal"}


def test_what_only_one_has_is_said(one, other):
    change(other, "accuracy", lambda rows: rows[rows["variant"] != "scaled_lr"])
    found = {number.verdict: number for number in numbers(one, other)}
    assert set(found) == {"equal", "only in a"}
    assert found["only in a"].key["variant"] == "scaled_lr"


def test_differences_of_protocol_are_told(one, tmp_path):
    description = deepcopy(DESCRIPTION)
    description["seed"] = 7
    description["models"] = [m for m in description["models"] if m["variant"] != "meta_sgd"]
    description["models"][0]["step_size"] = 0.01
    found = protocol_differences(
        Finished.read(one), Finished.read(write_study(tmp_path / "b", description))
    )
    assert ("seed", "0", "7") in found
    assert ("p1 Symbols MAML 5w1s step_size", "0.05", "0.01") in found
    assert ("p2 Symbols Meta-SGD 5w1s", "trained", "–") in found
    assert len(found) == 3


def test_it_prints_and_writes_every_number(one, other, tmp_path, capsys):
    change(other, "accuracy", lambda rows: rows.assign(queries=5))
    main(["compare", str(one), str(other), "--csv", str(tmp_path / "all.csv")])
    said = capsys.readouterr().out
    assert "The protocols are the same." in said
    assert "queries is 15 and 5" in said
    frame = pd.read_csv(tmp_path / "all.csv")
    assert set(frame["verdict"]) <= set(VERDICTS)
    assert {"accuracy", "cka", "toy"} <= set(frame["table"])
    main(["compare", str(one), str(other), "--table", "toy"])
    assert "accuracy scaled_lr" not in capsys.readouterr().out


def test_the_headline_comes_first_and_accuracies_are_percent(one, other, capsys):
    def better(rows):
        planted = (rows["variant"] == "scaled_lr") & (rows["eval_dataset"] == "people")
        planted &= rows["split"] == "test"
        rows.loc[planted, "accuracy"] = 0.25 + 0.001 * (rows["episode"] % 3)
        return rows

    change(other, "accuracy", better)
    main(["compare", str(one), str(other), "--table", "accuracy"])
    headline, *rest = " ".join(capsys.readouterr().out.split()).partition(
        "The protocols are the same"
    )
    assert headline.startswith("one (a) and other (b) share ")
    assert "39 equal. Of the others, for these models 1 different; for the method 1" in headline
    assert "difference of an accuracy, for these models: 19.6 ± 3.1 points" in headline
    assert "not judged: one training" in " ".join(rest)
    assert "(accuracy, p1 Scaled LR Symbols 5w1s People test best 6)" in headline
    assert "25.10 %" in "".join(rest)
    assert "cub" not in "".join(rest)


def test_what_one_study_has_alone_is_counted_and_named(one, other, capsys):
    change(other, "accuracy", lambda rows: rows[rows["variant"] != "scaled_lr"])
    main(["compare", str(one), str(other), "--table", "accuracy"])
    said = capsys.readouterr().out
    assert "numbers only in a: Scaled LR." in said
    assert "–" not in said  # no rows of dashes
    main(["compare", str(one), str(other), "--table", "accuracy", "--all"])
    assert "│ only in a" in capsys.readouterr().out


def test_a_folder_without_results_is_named(one, tmp_path):
    with pytest.raises(SystemExit, match="nowhere holds no finished study"):
        main(["compare", str(one), str(tmp_path / "nowhere")])


def test_a_mistyped_table_is_refused(one, other):
    with pytest.raises(SystemExit, match=r"neither study has a table 'acuracy'.*'accuracy'\?"):
        main(["compare", str(one), str(other), "--table", "acuracy"])
