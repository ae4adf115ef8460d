"""Every table is made from any study, in numbers and in print."""

from __future__ import annotations

import re
from copy import deepcopy
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from innerloop.measurements.evidence import Evidence
from innerloop.runtime.built_in import PROBES
from innerloop.runtime.errors import SchemaError
from innerloop.runtime.extensions import load_entry
from shipped import FIGURES, TABLES, says_for_whom
from synthetic import ACCURACY, BUILDERS, OTHER_SETTINGS, ROLES, STUDIES, describe, write_tables

#: Tables of the papers' statements, which are there whatever was measured.
JUDGED = ("paper_vs_ours", "claims", "claim_comparisons")


def _tabulate(name, evidence):
    return load_entry(TABLES[name].entry)(evidence)


@pytest.mark.parametrize("study", STUDIES)
@pytest.mark.parametrize("name", TABLES)
def test_is_made_from_any_study(name, study, evidence_of):
    made = _tabulate(name, evidence_of(study))
    assert made.caption.endswith(".")
    assert says_for_whom(made.caption)
    assert all(0 < rule < len(made.display) for rule in made.rules)
    assert made.display.map(lambda cell: isinstance(cell, str)).all(axis=None)
    assert not made.display.isin(["nan", "NaN", "None"]).any(axis=None)


@pytest.mark.parametrize("name", [name for name in TABLES if name not in JUDGED])
def test_says_when_nothing_was_measured(name, evidence_of):
    made = _tabulate(name, evidence_of("no_tables"))
    assert made.display.empty
    assert made.caption.startswith("Not measured in this study")


def test_a_model_s_row_has_each_setting_that_it_was_tested_in(evidence_of):
    made = _tabulate("other_settings", evidence_of("full"))
    assert [*made.display.columns[-2:]] == ["5-way 1-shot", "5-way 5-shot"]
    assert {"5-way 1-shot", "5-way 5-shot"} <= set(made.display["Trained in"])
    for column, shot in zip(made.display.columns[-2:], OTHER_SETTINGS, strict=True):
        means = made.display[column].str.partition(" ± ")[0].astype(float)
        assert means.between(100 * OTHER_SETTINGS[shot] - 5, 100 * OTHER_SETTINGS[shot] + 5).all()


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
    assert "5-way 1-shot, for the method" not in one.display
    assert one.frame["method_half_width"].isna().all()
    assert re.fullmatch(
        r"± \d+\.\d \(sd \d\.\d of 3\)", three.display["5-way 1-shot, for the method"][0]
    )
    assert one.frame["seed_sd"].isna().all()
    assert "3 seeds" in three.caption


def test_raw_pixels_are_shown_in_the_settings_of_the_models_alone(tmp_path):
    description = describe(("maml",), ("maml",), others=("cub",))
    for model in description["models"]:  # P1's five shots are of another data set's models
        if model["protocol"] == "p1" and model["shot"] == 5:
            model["dataset"] = "people"
    tables = write_tables(tmp_path, description, episodes=5, omit=("cka", "training"))
    evidence = Evidence({"accuracy": tables["accuracy"]}, description)
    for name, heads in (("p1_table1_accuracy", []), ("p1_table2_transfer", ["Tested on"])):
        made = _tabulate(name, evidence).display
        assert made.columns.tolist() == [*heads, "Method", "5-way 1-shot"]
        assert "Raw pixels" in made["Method"].tolist()


def test_table2_leaves_out_the_training_data(evidence_of):
    made = _tabulate("p1_table2_transfer", evidence_of("full"))
    assert made.display["Tested on"].unique().tolist() == ["People", "Scripts"]


def test_every_accuracy_is_in_a_table(tmp_path):
    """Also that of a user's own protocol, on data that its models were not trained on."""
    description = describe(("maml",), ("maml",), settings=("5w1s",), roles=dict(ROLES))
    models = description["models"]
    models += [{**model, "protocol": "mine"} for model in models if model["protocol"] == "p1"]
    tables = write_tables(tmp_path, description, episodes=5, omit=("cka",))
    evidence = Evidence(tables, description)
    keys = ["protocol", "variant", "train_dataset", "eval_dataset"]
    measured = evidence.rows("accuracy", split="test").astype(dict.fromkeys(keys, str))[keys]
    names = ("p1_table1_accuracy", "p1_table2_transfer", "accuracy")
    printed = [_tabulate(name, evidence).frame.astype(dict.fromkeys(keys, str)) for name in names]
    found = {row for frame in printed for row in frame[keys].itertuples(index=False, name=None)}
    wanted = {*measured[measured["protocol"] != "baseline"].itertuples(index=False, name=None)}
    assert ("mine", "maml", "symbols", "people") in wanted
    assert wanted <= found


def test_step_sizes_of_weights_come_first(evidence_of):
    made = _tabulate("p2_table1_step_sizes", evidence_of("full"))
    assert made.display["Parameter"].tolist()[:7] == ["weight"] * 5 + ["gamma", "beta"]
    assert made.display["Mean"].tolist()[0] == "−0.006"
    assert made.rules == (5,)


def test_step_sizes_that_nothing_moves_are_left_out_and_named(evidence_of):
    made = _tabulate("p2_table1_step_sizes", evidence_of("full"))
    places = {*zip(made.frame["layer"], made.frame["parameter"], strict=True)}
    assert ("head", "bias") in places
    assert not {place for place in places if place[1] == "bias" and place[0] != "head"}
    assert "never moved them: bias of conv1, conv2, conv3, conv4." in made.caption


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


def test_of_what_step_sizes_are_learned_is_said_where_it_is_not_of_each_weight(uneven, per_step):
    said = _tabulate("p2_table1_step_sizes", per_step).caption
    assert "one for each tensor of a layer and inner step, at least 0 (my sgd)" in said
    assert "Step sizes: one for each weight (Meta-SGD), " in said
    assert "one for each" not in _tabulate("p2_table1_step_sizes", uneven).caption


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
    assert "step sizes over seeds" in caption
    assert "each first averaged over seeds" in caption


def test_ttest_compares_every_model_with_maml(evidence_of):
    made = _tabulate("p2_ttest_prototypes", evidence_of("users_method"))
    between = made.display["Model"].tolist()[made.rules[0] : made.rules[1]]
    assert set(between) == {"my sgd − MAML", "Meta-SGD − MAML"}
    assert made.frame["mean"].notna().all()


@pytest.mark.parametrize(("name", "trainings"), [("full", 1), ("users_method", 3)])
def test_ttest_has_p_of_the_method_beside_that_of_the_models(evidence_of, name, trainings):
    made = _tabulate("p2_ttest_prototypes", evidence_of(name))
    assert made.frame["p"].notna().any()
    if trainings == 1:
        assert set(made.display["For the method"]) == {"one training"}
        assert made.frame["method_p"].isna().all()
    else:
        assert made.frame.loc[made.frame["p"].notna(), "method_p"].between(0, 1).all()


def test_ttest_covers_every_split_test_first(evidence_of):
    made = _tabulate("p2_ttest_prototypes", evidence_of("full"))
    assert list(made.display["Split"].unique()) == ["test", "validation"]
    assert made.display["Split"].value_counts().nunique() == 1
    assert made.rules == (6, 8, 14)
    one = made.frame.groupby(["model", "quantity"])["mean"].nunique()
    assert set(one) == {2}


def test_p2_s_contradiction_is_told_once_beside_its_tests(evidence_of, drawing_of):
    told = "P2 contradicts itself on the on-task change"
    assert told in _tabulate("p2_ttest_prototypes", evidence_of("full")).caption
    for figure in ("p2_figure7_prototypes", "p2_figure7_prototypes_fuller"):
        caption = drawing_of(figure, "full").caption
        assert told not in caption
        assert "Only test tasks are drawn; the t-tests' table has every split" in caption


def test_stand_ins_get_no_verdict_on_their_numbers(evidence_of):
    frame = _tabulate("paper_vs_ours", evidence_of("full")).frame
    assert len(frame) == 47
    assert set(frame["verdict"]) == {"stand-in", "quoted"}
    assert frame["ours"].notna().all()


def test_what_was_not_run_says_so(evidence_of):
    frame = _tabulate("paper_vs_ours", evidence_of("no_tables")).frame
    assert set(frame["verdict"]) == {"not run", "quoted"}


def test_real_data_are_judged(tmp_path):
    description = describe(roles={name: name for name in ROLES})
    for model in description["models"]:
        model.update({"image_size": 84, "filters": 64, "iterations": 60000})
    tables = write_tables(tmp_path, description, episodes=600, omit=("cka", "training"))
    made = _tabulate("paper_vs_ours", Evidence(tables, description))
    frame = made.frame
    for rule in ("tolerance", "by their sign alone", "factor of two", "joint interval of both"):
        assert rule in made.caption
    table1 = frame[(frame["item"] == "Table 1") & (frame["shot"] == 1) & (frame["paper"] == "P1")]
    assert set(table1["verdict"]) == {"agrees"}
    assert set(frame["verdict"]) >= {"agrees", "differs", "quoted"}
    assert frame.loc[frame["metric"].str.endswith("p_value"), "verdict"].item() == "not judged"
    by_sign = frame["metric"].str.startswith(("step_size_mean", "protonet"))
    assert not set(frame.loc[by_sign, "verdict"]) & {"agrees", "differs"}
    assert frame.loc[frame["metric"] == "accuracy", "difference_half_width"].gt(0).all()


@pytest.mark.parametrize("smaller", [{"image_size": 32}, {"iterations": 4000}])
def test_numbers_of_models_of_another_size_are_not_compared(tmp_path, smaller):
    description = describe(roles={name: name for name in ROLES})
    for model in description["models"]:
        model.update({"image_size": 84, "filters": 64, "iterations": 60000} | smaller)
    tables = write_tables(tmp_path, description, episodes=20, omit=("cka", "training"))
    made = _tabulate("paper_vs_ours", Evidence(tables, description))
    frame = made.frame
    for rule in ("agrees", "by their sign alone", "factor of two", "Difference"):
        assert rule not in made.caption  # what no row needs
    assert "mean step size, conv1, miniImageNet (ours: mini_imagenet)" in {
        *made.display["Quantity"]
    }
    assert set(frame["verdict"]) <= {"other size", "quoted", "not run"}
    sized = frame[frame["verdict"] == "other size"]
    assert len(sized) > 10
    assert sized["ours"].notna().all()
    assert frame["difference"].isna().all()  # of what the paper quotes, too


def test_ours_is_of_the_data_set_that_the_paper_tested_on(tables_of, tmp_path):
    """Also where models were tested on others too."""
    paths = dict(tables_of("full"))
    rows = pq.read_table(paths["protonet"])
    frame = rows.to_pandas()
    frame["eval_dataset"], frame["accuracy"] = "people", 0.9
    away = pa.Table.from_pandas(frame, rows.schema, preserve_index=False)
    paths["protonet"] = tmp_path / "protonet.parquet"
    pq.write_table(pa.concat_tables([rows, away]), paths["protonet"])
    there, alone = (
        _tabulate("paper_vs_ours", Evidence(files, STUDIES["full"][0])).frame
        for files in (paths, tables_of("full"))
    )
    assert there["ours"].tolist() == alone["ours"].tolist()


def test_our_data_set_is_named_where_its_name_is_another(tmp_path):
    description = describe(roles={role: role for role in ROLES})
    labels = {"mini_imagenet": "miniImageNet, sample", "cub": "CUB", "fc100": "FC100"}
    for name, label in labels.items():
        description["datasets"][name]["label"] = label
    tables = write_tables(tmp_path, description, episodes=5)
    shown = " ".join(_tabulate("paper_vs_ours", Evidence(tables, description)).display["Quantity"])
    assert "miniImageNet (ours: miniImageNet, sample), 5-way 1-shot" in shown
    assert "(ours: CUB)" not in shown
    assert "(ours: FC100)" not in shown


def _of_probe(name, tables, description):
    return _tabulate("probe", Evidence({name: tables[name]}, description))


def test_a_users_probe_has_its_table(tables_of):
    made = _of_probe("sharpness", tables_of("full"), STUDIES["full"][0])
    assert made.title == "Probe: sharpness"
    assert set(made.display["Layer"]) == {"conv4", "whole network"}
    assert "split test" in made.caption


def test_a_users_probe_has_its_models_in_the_studys_order(tables_of):
    described = STUDIES["full"][0]
    for models in (described["models"], described["models"][::-1]):
        described = {**described, "models": models}
        frame = _of_probe("sharpness", tables_of("full"), described).frame
        shown = zip(*(frame[key] for key in ("train_dataset", "setting", "variant")), strict=True)
        asked = ((model["dataset"], model["setting"], model["variant"]) for model in models)
        assert [*dict.fromkeys(shown)] == [*dict.fromkeys(asked)]


@pytest.mark.parametrize("name", sorted(PROBES.keys() & BUILDERS.keys()))
def test_a_probe_of_ours_that_nothing_else_shows_has_one_too(name, tables_of):
    tables, described = tables_of("full"), STUDIES["full"][0]
    made, rows = _of_probe(name, tables, described), Evidence(tables, described).rows(name)
    for metric, summaries in made.frame.groupby("metric"):
        column, percent, _ = metric.partition(" (%)")
        values = rows[column] if column in rows else rows[rows["quantity"] == column]["value"]
        assert summaries["values"].sum() == len(values)
        mean = values.mean() * (100 if percent else 1)
        assert summaries["mean"].min() <= mean <= summaries["mean"].max()
    assert set(made.frame["variant"]) == set(rows["variant"])
    assert says_for_whom(made.caption)
    assert not made.display.isin(["nan"]).any(axis=None)
    assert not made.display.map(lambda cell: "_" in cell).any(axis=None)


def test_tasks_measured_twice_are_refused(tables_of, tmp_path):
    path = tmp_path / "accuracy.parquet"
    table = pq.read_table(tables_of("two_methods")["accuracy"])
    pq.write_table(pa.concat_tables([table, table]), path)
    with pytest.raises(SchemaError, match="more than once"):
        _tabulate("p1_table1_accuracy", Evidence({"accuracy": path}, STUDIES["two_methods"][0]))


def _of_trainings(folder, seeds, classes=0):
    """Evidence of MAML, scaled LR and unit norm by so many trainings each."""
    from synthetic import BUILDERS, ROLES, describe, write_tables

    description = describe(
        ("maml", "scaled_lr", "unit_norm"), (), roles=dict(ROLES), seeds=seeds, others=()
    )
    for dataset in description["datasets"].values():
        dataset["classes"] = {"test": classes}
    folder.mkdir()
    tables = write_tables(folder, description, episodes=100, omit=set(BUILDERS) - {"accuracy"})
    return Evidence(tables, description)


def test_more_classes_than_were_drawn_make_an_interval_for_the_method_wider(tmp_path):
    these, new = (
        _tabulate("p1_table1_accuracy", _of_trainings(tmp_path / str(classes), 5, classes)).frame
        for classes in (0, 20)
    )
    assert (these["method_half_width"] > these["half_width"])[~these["baseline"]].all()
    assert not np.allclose(new["method_half_width"], these["method_half_width"], equal_nan=True)
    assert new["half_width"].equals(these["half_width"])


def test_a_best_value_is_marked_only_where_trainings_tell(tmp_path):
    few, many = (
        _tabulate("p1_table1_accuracy", _of_trainings(tmp_path / str(seeds), seeds))
        for seeds in (4, 6)
    )
    assert not few.bold
    assert not few.frame["best"].any()
    bold = {many.display.columns[column] for _, column in many.bold}
    assert bold == {"5-way 1-shot", "5-way 5-shot"}
    assert {row for row, _ in many.bold} == {1}
    assert many.display["Method"][1] == "Scaled LR"
    assert "Bold" in many.caption
    assert "Bold" not in few.caption


def test_every_published_number_appears_exactly_once(evidence_of):
    from innerloop.papers.published import published

    evidence = evidence_of("full")
    frame = _tabulate("paper_vs_ours", evidence).frame
    keys = ["paper", "item", "train_dataset", "eval_dataset", "split", "method", "way", "shot"]
    keys += ["metric"]
    assert not frame.duplicated(keys).any()
    assert frame["value"].tolist() == [row["value"] for row in published(evidence.study)]


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


@pytest.mark.parametrize("study", ["full", "users_method", "anil_too"])
def test_a_test_has_one_adjusted_p_wherever_it_is_printed(study, prototype_tables):
    """And the number of comparisons in a caption is that of the p-values adjusted together."""
    claims, tests = prototype_tables(study)
    tests = tests.frame[tests.frame["split"] == "test"].set_index(["model", "quantity"])
    decided = claims.frame[claims.frame["quantity"] == "prototype_change"]
    assert len(decided) == 6
    for row in decided.itertuples():
        label = {"maml": "MAML", "meta_sgd": "Meta-SGD"}[row.of_variant]
        between = row.of_condition == "relative"
        quantity = {"on_task": "on-task − before", "off_task": "off-task − before"}
        found = tests.loc[
            (f"{label} − MAML", "d, paired on tasks")
            if between
            else (label, quantity[row.of_condition])
        ]
        assert found["p"] == pytest.approx(row.p, rel=1e-6)
        same = decided[(decided["p"] == row.p) & (decided["of_condition"] == row.of_condition)]
        assert found["p_adjusted"] == same["p_adjusted"].max()


@pytest.mark.parametrize("study", ["full", "users_method", "anil_too"])
def test_the_comparisons_counted_are_those_adjusted_for(study, prototype_tables):
    claims, tests = prototype_tables(study)
    decide = claims.frame[claims.frame["decides"]]
    largest = int(decide.groupby("claim", sort=False)["p"].count().max())
    pairs = {(f"{row.p:.5g}", row.p_adjusted) for row in decide.itertuples()}
    shared = tests.frame.apply(lambda row: (f"{row.p:.5g}", row.p_adjusted) in pairs, axis=1)
    own = tests.frame[~shared]["p"].notna().sum()
    named = [int(n) for n in re.findall(r"for the (\d+) comparisons", tests.caption)]
    assert named == [largest, own]
    assert f"for the {largest} comparisons" in claims.caption
    smallest = tests.frame[~shared].nsmallest(1, "p").iloc[0]
    assert smallest["p_adjusted"] == pytest.approx(min(1, own * smallest["p"]))


@pytest.fixture(scope="module")
def prototype_tables(evidence_of, tmp_path_factory):
    """The tables of claims' comparisons and of t-tests, of a study by name."""

    @cache
    def made(study):
        evidence = evidence_of(study) if study in STUDIES else _with_anil(tmp_path_factory)
        return tuple(_tabulate(n, evidence) for n in ("claim_comparisons", "p2_ttest_prototypes"))

    return made


def _with_anil(tmp_path_factory):
    """ANIL's features do not change: its changes are exactly zero and have no test."""
    description = describe(("maml",), ("maml", "meta_sgd", "anil"), others=())
    folder = tmp_path_factory.mktemp("anil")
    tables = write_tables(folder, description, episodes=10, omit=("cka", "training"))
    rows = pq.read_table(tables["protonet"]).to_pandas()
    rows.loc[rows["variant"] == "anil", "accuracy"] = 0.5
    pq.write_table(pa.Table.from_pandas(rows, preserve_index=False), tables["protonet"])
    return Evidence(tables, description)


def test_tasks_that_diverged_are_counted_by_method_and_left_out(tables_of, tmp_path):
    paths = dict(tables_of("full"))
    for name in ("accuracy", "protonet"):
        rows = pq.read_table(paths[name]).to_pandas()
        bad = (rows["variant"] == "maml") & (rows["episode"] < 3) & (rows["split"] == "test")
        rows["accuracy"] = rows["accuracy"].mask(bad & (rows["train_dataset"] == "symbols"))
        paths[name] = tmp_path / f"{name}.parquet"
        pq.write_table(pa.Table.from_pandas(rows, preserve_index=False), paths[name])
    evidence = Evidence(paths, STUDIES["full"][0])
    table = _tabulate("p1_table1_accuracy", evidence)
    assert "left out of means and tests: MAML (6 of 50 tasks)." in table.caption
    assert table.frame.loc[table.frame["variant"] == "maml", "n"].tolist() == [22, 22]
    figure = load_entry(FIGURES["p2_figure7_prototypes"].entry)(evidence)
    assert "left out of means and tests: MAML (3 of 500 tasks)." in figure.caption


def test_the_most_and_the_least_accurate_are_named_for_the_abstract(evidence_of):
    made = _tabulate("accuracy", evidence_of("full"))
    own = made.frame[made.frame["train_dataset"] == made.frame["eval_dataset"]]
    own = own[(own["protocol"] == "p1") & (own["shot"] == 1) & ~own["baseline"]]
    means = own[own["train_dataset"] == ROLES["mini_imagenet"]].set_index("Method")["mean"]
    assert made.finding.startswith(
        "On Symbols, 5-way 1-shot, under protocol P1, the test accuracy of "
    )
    assert f" of {len(means)} trained variants ranges from " in made.finding
    least, most = made.finding.partition("ranges from ")[2].split(" to ", 1)
    for said, name in ((least, means.idxmin()), (most, means.idxmax())):
        assert said.startswith(f"{means[name]:.1f} ± ")
        assert f" % ({name})" in said
    assert f", with 95 % intervals over {own['n'].iloc[0]} tasks; " in most
    # of one training each, and of three of each, which tell none from all others
    assert most.endswith("; one training of each cannot rank methods.")
    of_three = _tabulate("accuracy", evidence_of("users_method")).finding
    assert of_three.endswith("; no method is shown to differ from all others as a method.")


def test_growth_is_the_mean_over_logged_steps_in_percent_of_100(evidence_of):
    made = _tabulate("norm_growth", evidence_of("full"))
    iterations = np.arange(20, 201, 20)  # of 200; tests/synthetic.py plants what grows
    head = made.display[(made.display["Method"] == "MAML") & (made.display["Layer"] == "head")]
    along, across = (f"+{1e4 * np.mean(1e-3 / iterations):.2f}",) * 2
    assert head[["Along (% in 100 steps)", "Across (% in 100 steps)"]].to_numpy().tolist() == [
        [along, across]
    ]
    assert [*head["Steps"]] == ["10"]
    assert "Untrained" not in {*made.display["Method"]}
    assert [*made.display["Layer"][:5]] == ["conv1", "conv2", "conv3", "conv4", "head"]
    assert "One seed." in made.caption


def test_growth_says_of_how_many_seeds_if_methods_differ_in_that(evidence_of, tmp_path):
    """An older training has no such rows."""
    files = dict(evidence_of("users_method").paths)
    whole = pq.read_table(files["outer_step"])
    rows = whole.to_pandas()
    few = rows[(rows["variant"] != "maml") | (rows["seed"] == 0)]
    assert 0 < len(few) < len(rows)
    files["outer_step"] = tmp_path / "outer_step.parquet"
    pq.write_table(
        pa.Table.from_pandas(few, whole.schema, preserve_index=False), files["outer_step"]
    )
    made = _tabulate("norm_growth", Evidence(files, STUDIES["users_method"][0]))
    assert "Mean of 1–3 seeds." in made.caption


def test_the_share_of_negative_step_sizes_is_in_percent_for_the_abstract(evidence_of):
    made = _tabulate("p2_table1_step_sizes", evidence_of("full"))
    learned = made.frame[(made.frame["variant"] == "meta_sgd")]
    weights = learned[learned["parameter"] == "weight"]
    share = np.average(weights["share_negative"], weights=weights["count"])
    assert made.finding.startswith(f"{100 * share:.1f} % of Meta-SGD's learned step sizes")
