"""Every table is made from any study, in numbers and in print."""

from __future__ import annotations

from copy import deepcopy

import pytest

from innerloop.errors import SchemaError
from innerloop.extensions import load_entry
from innerloop.render import captions
from innerloop.render.registry import TABLES
from innerloop.tables.evidence import Evidence
from synthetic import ACCURACY, STUDIES

#: Tables of the papers' statements, which are there whatever was measured.
JUDGED = ("paper_vs_ours", "claims", "claim_comparisons")


def _tabulate(name, evidence):
    return load_entry(TABLES[name].entry)(evidence)


@pytest.mark.parametrize("study", STUDIES)
@pytest.mark.parametrize("name", TABLES)
def test_is_made_from_any_study(name, study, evidence_of):
    made = _tabulate(name, evidence_of(study))
    assert made.caption.endswith(".")
    assert all(0 < rule < len(made.display) for rule in made.rules)
    assert made.display.map(lambda cell: isinstance(cell, str)).all(axis=None)
    assert not made.display.isin(["nan", "NaN", "None"]).any(axis=None)


@pytest.mark.parametrize("name", [name for name in TABLES if name not in JUDGED])
def test_says_when_nothing_was_measured(name, evidence_of):
    made = _tabulate(name, evidence_of("no_tables"))
    assert made.display.empty
    assert made.caption.startswith("Not measured in this study")


def test_table1_has_every_method_and_the_baselines_below(evidence_of):
    made = _tabulate("p1_table1_accuracy", evidence_of("full"))
    methods = made.display["Method"].tolist()
    assert methods[-2:] == ["Untrained", "Raw pixels"]
    assert {"BOIL", "Meta-SGD", "MAML 3x"} <= set(methods)
    assert made.rules == (len(methods) - 2,)
    assert list(made.display.columns) == ["Method", "5-way 1-shot", "5-way 5-shot"]


def test_table1_finds_the_planted_accuracy(evidence_of):
    frame = _tabulate("p1_table1_accuracy", evidence_of("full")).frame
    row = frame[(frame["variant"] == "scaled_lr") & (frame["shot"] == 1)].iloc[0]
    assert row["mean"] == pytest.approx(100 * ACCURACY["scaled_lr"], abs=2 * row["half_width"])
    assert row["n"] == 25


def test_spread_between_seeds_is_printed_only_with_several(evidence_of):
    one, three = (
        _tabulate("p1_table1_accuracy", evidence_of(study)) for study in ("full", "users_method")
    )
    assert "5-way 1-shot, over seeds" not in one.display
    assert "sd" in three.display["5-way 1-shot, over seeds"][0]
    assert one.frame["seed_sd"].isna().all()
    assert "3 seeds" in three.caption


def test_table2_leaves_out_the_training_data(evidence_of):
    made = _tabulate("p1_table2_transfer", evidence_of("full"))
    assert made.display["Tested on"].unique().tolist() == ["People", "Scripts"]


def test_every_accuracy_is_in_a_table(tmp_path):
    """Also that of a user's own protocol, on data that its models were not trained on."""
    from synthetic import ROLES, describe, write_tables

    description = describe(("maml",), ("maml",), settings=("5w1s",), roles=dict(ROLES))
    models = description["models"]
    models += [{**model, "protocol": "mine"} for model in models if model["protocol"] == "p1"]
    tables = write_tables(tmp_path, description, episodes=5, omit=("cka",))
    evidence = Evidence(tables, description)
    keys = ["protocol", "variant", "train_dataset", "eval_dataset"]
    measured = evidence.rows("accuracy", split="test").astype(dict.fromkeys(keys, str))[keys]
    names = ("p1_table1_accuracy", "p1_table2_transfer", "other_accuracy")
    printed = [_tabulate(name, evidence).frame.astype(dict.fromkeys(keys, str)) for name in names]
    found = {row for frame in printed for row in frame[keys].itertuples(index=False, name=None)}
    wanted = {*measured[measured["protocol"] != "baseline"].itertuples(index=False, name=None)}
    assert ("mine", "maml", "symbols", "people") in wanted
    assert wanted <= found


def test_step_sizes_of_weights_come_first(evidence_of):
    made = _tabulate("p2_table1_step_sizes", evidence_of("full"))
    assert made.display["Parameter"].tolist()[:6] == ["weight"] * 5 + ["bias"]
    assert made.display["Mean"].tolist()[0] == "−0.006"
    assert made.rules == (5,)


def test_step_sizes_are_those_of_each_variants_last_iteration(uneven):
    made = _tabulate("p2_table1_step_sizes", uneven)
    assert set(made.display["Method"]) == {"Meta-SGD", "my sgd"}
    assert "after 200 (Meta-SGD), 100 (my sgd) iterations" in made.caption


def test_where_step_sizes_start_is_said_of_every_variant(uneven, evidence_of):
    caption = _tabulate("p2_table1_step_sizes", uneven).caption
    assert "0.05 everywhere (Meta-SGD)" in caption
    assert "drawn uniformly between 0.005 and 0.1 (my sgd)" in caption
    caption = _tabulate("p2_table1_step_sizes", evidence_of("full")).caption
    assert "Start: 0.05 everywhere." in caption
    assert "biases the sign of their final mean" in caption


def test_variants_of_one_label_have_a_row_each(tables_of):
    description = deepcopy(STUDIES["two_methods"][0])
    description["protocols"]["p1"]["labels"] = {"maml": "Same", "scaled_lr": "Same"}
    evidence = Evidence(tables_of("two_methods"), description)
    made = _tabulate("p1_table1_accuracy", evidence)
    assert made.display["Method"].tolist() == ["Same", "Same", "Raw pixels"]
    assert made.display["5-way 1-shot"].nunique() == 3
    assert made.rules == (2,)


def test_intervals_beside_published_numbers_are_named_by_kind(evidence_of):
    caption = _tabulate("paper_vs_ours", evidence_of("users_method")).caption
    assert "step sizes: over seeds" in caption
    assert "each averaged over the seeds first" in caption


def test_ttest_compares_every_model_with_maml(evidence_of):
    made = _tabulate("p2_ttest_prototypes", evidence_of("users_method"))
    between = made.display["Model"].tolist()[made.rules[0] : made.rules[1]]
    assert set(between) == {"my sgd − MAML", "Meta-SGD − MAML"}
    assert made.frame["mean"].notna().all()


def test_ttest_covers_every_split_test_first(evidence_of):
    made = _tabulate("p2_ttest_prototypes", evidence_of("full"))
    assert list(made.display["Split"].unique()) == ["test", "validation"]
    assert made.display["Split"].value_counts().nunique() == 1
    assert made.rules == (6, 8, 14)
    one = made.frame.groupby(["model", "quantity"])["mean"].nunique()
    assert set(one) == {2}


def test_ttest_says_what_p2_claims_of_the_on_task_change(evidence_of):
    assert captions.ON_TASK_CLAIMS in _tabulate("p2_ttest_prototypes", evidence_of("full")).caption
    for claim in ("abstract says", "improves MAML", "5.3", "both models get worse on-task"):
        assert claim in captions.ON_TASK_CLAIMS


def test_stand_ins_get_no_verdict_on_their_numbers(evidence_of):
    frame = _tabulate("paper_vs_ours", evidence_of("full")).frame
    assert len(frame) == 47
    assert set(frame["verdict"]) == {"stand-in", "quoted"}
    assert frame["ours"].notna().all()


def test_what_was_not_run_says_so(evidence_of):
    frame = _tabulate("paper_vs_ours", evidence_of("no_tables")).frame
    assert set(frame["verdict"]) == {"not run", "quoted"}


def test_real_data_are_judged(tmp_path):
    from synthetic import ROLES, describe, write_tables

    description = describe(roles={name: name for name in ROLES})
    tables = write_tables(tmp_path, description, episodes=600, omit=("cka", "training"))
    frame = _tabulate("paper_vs_ours", Evidence(tables, description)).frame
    table1 = frame[(frame["item"] == "Table 1") & (frame["shot"] == 1) & (frame["paper"] == "P1")]
    assert set(table1["verdict"]) == {"agrees"}
    assert set(frame["verdict"]) >= {"agrees", "differs", "quoted"}
    assert frame.loc[frame["metric"].str.endswith("p_value"), "verdict"].item() == "agrees"


def test_a_users_probe_has_its_table(evidence_of):
    made = _tabulate("user_probe", evidence_of("full"))
    assert made.title == "Probe: sharpness"
    assert set(made.display["Layer"]) == {"conv4", "whole network"}
    assert "split test" in made.caption


def test_tasks_measured_twice_are_refused(tables_of, tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = tmp_path / "accuracy.parquet"
    table = pq.read_table(tables_of("two_methods")["accuracy"])
    pq.write_table(pa.concat_tables([table, table]), path)
    with pytest.raises(SchemaError, match="more than once"):
        _tabulate("p1_table1_accuracy", Evidence({"accuracy": path}, STUDIES["two_methods"][0]))


def test_a_best_value_is_marked_only_where_tests_tell(tmp_path):
    from synthetic import ROLES, describe, write_tables

    description = describe(("maml", "scaled_lr", "unit_norm"), (), roles=dict(ROLES))
    folders = {}
    for episodes in (4, 600):
        folder = tmp_path / str(episodes)
        folder.mkdir()
        folders[episodes] = write_tables(folder, description, episodes=episodes, omit=("cka",))
    few, many = (
        _tabulate("p1_table1_accuracy", Evidence(folders[n], description)) for n in (4, 600)
    )
    assert not few.bold
    assert not few.frame["best"].any()
    assert many.bold == {(1, 1), (1, 2)}  # scaled LR, in both settings
    assert many.display["Method"][1] == "Scaled LR"
    assert "Bold" in many.caption
    assert "Bold" not in few.caption


def test_every_published_number_appears_exactly_once(evidence_of):
    from innerloop.tables.published import published

    frame = _tabulate("paper_vs_ours", evidence_of("full")).frame
    keys = ["paper", "item", "train_dataset", "eval_dataset", "split", "method", "way", "shot"]
    keys += ["metric"]
    assert not frame.duplicated(keys).any()
    assert frame["value"].tolist() == [row["value"] for row in published()]


def test_ours_has_interval_counts_and_protocol(evidence_of):
    frame = _tabulate("paper_vs_ours", evidence_of("full")).frame
    accuracy = frame[frame["metric"] == "accuracy"]
    assert ((accuracy["low"] < accuracy["ours"]) & (accuracy["ours"] < accuracy["high"])).all()
    assert (accuracy["n"] == 25).all()
    assert accuracy["measured"].str.contains("10 inner steps, 15 queries, best").any()
    assert accuracy["measured"].str.endswith("images: centre-28").sum() == 10


def test_the_study_chooses_the_interval(tables_of):
    description = deepcopy(STUDIES["two_methods"][0])
    widths = {}
    for kind in ("normal", "t", "bootstrap"):
        description["statistics"] = {"interval": kind, "level": 0.9}
        made = _tabulate("p1_table1_accuracy", Evidence(tables_of("two_methods"), description))
        widths[kind] = made.frame["half_width"].iloc[0]
        assert "90 % interval" in made.caption
    assert widths["t"] > widths["normal"]
    assert len(set(widths.values())) == 3
