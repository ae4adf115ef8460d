"""Planted effects are found, nulls are not, and what does not decide is inconclusive."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from innerloop.data.task_classes import task_key, task_shares
from innerloop.measurements.described_study import DescribedStudy
from innerloop.papers.claims import Claim, Comparison, Selection, is_asked
from innerloop.papers.judgement import VERDICTS, judge_claims
from innerloop.papers.readings import shares_of_sides
from innerloop.papers.words import compared, for_method, in_short, trained
from innerloop.papers.words import method_verdict as method_in_words
from innerloop.papers.words import verdict as in_words
from shipped import CLAIMS
from synthetic import ROLES, Memory, describe, measured

ROLE = {name: name for name in ROLES}
TASKS = 100


def tasks(gain=0.0, seed=0, spread=0.05, n=TASKS):
    """Accuracies on tasks whose difficulty all variants share."""
    difficulty = np.random.default_rng(99).normal(0.5, 0.1, n)
    return difficulty + gain + np.random.default_rng(seed).normal(0, spread, n)


def side(variant, **other):
    where = {"protocol": "p1", "trained_on": "mini_imagenet", "tested_on": "mini_imagenet"}
    return Selection(**{"quantity": "accuracy", "variant": variant, **where, **other})


def claim(expected="greater", *comparisons, **options):
    found = comparisons or (Comparison(side("new"), side("maml"), expected, **options),)
    return Claim("c", "P1", "Table 1", "New beats MAML.", found)


def judge(frames, *claims, roles=ROLE, classes=20, **statistics):
    description = describe(("maml", "new"), (), roles=roles)
    for about in description["datasets"].values():
        about["classes"] = {"test": classes}
    rows = pd.concat(frames) if frames else None
    description["statistics"] = statistics
    evidence = Memory({} if rows is None else {"accuracy": rows}, description)
    return judge_claims(claims or [claim()], evidence)


@pytest.mark.parametrize(
    ("gain", "expected", "verdict"),
    [
        (0.05, "greater", "holds"),
        (-0.05, "greater", "fails"),
        (-0.05, "less", "holds"),
        (0.05, "less", "fails"),
        (0.0, "greater", "inconclusive"),
        (0.0, "less", "inconclusive"),
    ],
)
def test_a_planted_difference_decides(gain, expected, verdict):
    frames = [measured("maml", tasks(seed=1)), measured("new", tasks(gain, seed=2))]
    (judgement,) = judge(frames, claim(expected))
    assert judgement.verdict == verdict
    (outcome,) = judgement.outcomes
    assert outcome.test.difference.mean == pytest.approx(100 * gain, abs=2.5)
    assert (outcome.test.difference.n, outcome.trainings) == (TASKS, 1)
    assert np.isnan(outcome.seed_sd)


@pytest.mark.parametrize(
    ("gain", "spread", "verdict"),
    [(0.0, 0.02, "holds"), (0.1, 0.02, "fails"), (0.0, 0.3, "inconclusive")],
)
def test_equality_is_shown_not_assumed(gain, spread, verdict):
    frames = [
        measured("maml", tasks(seed=1, spread=spread)),
        measured("new", tasks(gain, seed=2, spread=spread)),
    ]
    (judgement,) = judge(frames, claim("equal", margin=2))
    assert judgement.verdict == verdict


@pytest.mark.parametrize(
    ("gain", "verdict"), [(-0.05, "holds"), (0.05, "fails"), (0.013, "inconclusive")]
)
def test_not_beating_needs_a_margin(gain, verdict):
    frames = [
        measured("maml", tasks(seed=1, spread=0.01)),
        measured("new", tasks(gain, seed=2, spread=0.01)),
    ]
    (judgement,) = judge(frames, claim("not_greater", margin=2))
    assert judgement.verdict == verdict


def test_the_smallest_detectable_difference_stands_beside_what_does_not_decide():
    frames = [measured("maml", tasks(seed=1, n=8)), measured("new", tasks(seed=2, n=8))]
    (outcome,) = judge(frames)[0].outcomes
    assert outcome.test.smallest_detectable > 4


CLASSES, STUDIES = 20, 25


def studies(trainings, gain=0.0, training_sd=0.01, class_sd=0.02, seed=0, n=TASKS):
    """Frames of one study: two methods whose difference depends on trainings and classes."""
    rng = np.random.default_rng(seed)
    shares = task_shares(task_key(0, "mini_imagenet", "test"), range(n), classes=CLASSES, way=5)
    of_classes = rng.normal(0, class_sd, CLASSES)
    for training in range(trainings):
        moved = rng.normal(0, training_sd) + shares @ of_classes
        yield measured("maml", 0.5 + rng.normal(0, 0.04, n), training)
        yield measured("new", 0.5 + gain + moved + rng.normal(0, 0.04, n), training)


def decided(trainings, name, count=STUDIES, **effects):
    """In how many studies without, or with, an effect a verdict is more than inconclusive."""
    verdicts = [
        getattr(judge([*studies(trainings, seed=seed, **effects)])[0], name)
        for seed in range(count)
    ]
    return sum(verdict.startswith(("holds", "fails", "leans")) for verdict in verdicts)


def test_models_that_differ_by_chance_are_told_apart_and_methods_are_not():
    """The models of one study do differ: their tasks say so, and are right. The methods do not."""
    effects = {"training_sd": 0.02, "class_sd": 0.04, "n": 600}
    assert decided(5, "verdict", **effects) >= STUDIES / 3
    assert (
        decided(5, "method", **effects) <= 0.05 * STUDIES + 4
    )  # of a binomial count, nearly 3 sd above


@pytest.mark.long
@pytest.mark.parametrize(
    ("trainings", "training_sd", "class_sd", "n"),
    [
        (3, 0.005, 0.02, 600),
        (3, 0.02, 0.04, 100),
        (5, 0.002, 0.04, 600),
        (5, 0.01, 0.02, 100),
        (5, 0.02, 0.06, 600),
        (10, 0.005, 0.04, 600),
        (10, 0.01, 0.06, 100),
        (10, 0.02, 0.02, 600),
        (20, 0.002, 0.02, 100),
        (20, 0.02, 0.04, 600),
    ],
)
def test_without_an_effect_a_method_is_judged_wrongly_no_more_often_than_is_said(
    trainings, training_sd, class_sd, n
):
    """Ten kinds of study of benchmarks/verdict_nulls.py, through the claims."""
    count, level = 60, 0.05 if trainings >= 5 else 0.1  # fewer lean at an unadjusted 0.1
    wrong = decided(trainings, "method", count, training_sd=training_sd, class_sd=class_sd, n=n)
    assert wrong <= stats.binom.ppf(0.999, count, level)


def test_a_method_that_is_better_is_found():
    assert decided(5, "method", gain=0.06, n=600) >= 0.8 * STUDIES


def test_one_training_says_nothing_of_a_method():
    (judgement,) = judge([*studies(1, gain=0.2)])
    assert (judgement.verdict, judgement.method) == ("holds", "not judged")
    (outcome,) = judgement.outcomes
    assert np.isnan([outcome.method.p, outcome.method.test.difference.low]).all()
    assert method_in_words(judgement) == "not judged: one training"


@pytest.mark.parametrize(
    ("trainings", "gain", "verdict"),
    [
        (3, 0.2, "leans to it"),
        (4, -0.2, "leans against it"),
        (3, 0.0, "inconclusive"),
        (5, 0.2, "holds"),
    ],
)
def test_few_trainings_at_most_lean(trainings, gain, verdict):
    (judgement,) = judge([*studies(trainings, gain=gain)])
    assert judgement.method == verdict


def test_trainings_that_disagree_do_not_lean():
    frames = [measured("maml", tasks(seed=s, n=600), seed=s) for s in range(4)]
    gains = (0.1, 0.1, 0.1, -0.02)
    frames += [measured("new", tasks(g, 9 + s, n=600), seed=s) for s, g in enumerate(gains)]
    assert judge(frames)[0].method == "inconclusive"


def diverge(frames, variant, seeds):
    """The same rows, where a variant's trainings of these seeds have not one number."""
    return [
        frame.assign(accuracy=np.nan)
        if frame["variant"].iloc[0] == variant and frame["seed"].iloc[0] in seeds
        else frame
        for frame in frames
    ]


@pytest.mark.parametrize(
    ("trainings", "diverged", "models", "method"),
    [
        (7, 2, "holds", "holds"),
        (6, 2, "holds", "leans to it"),
        (2, 1, "holds", "not judged"),
        (2, 2, "not judged", "not judged"),
    ],
)
def test_a_training_that_diverged_is_no_training(trainings, diverged, models, method):
    frames = diverge([*studies(trainings, gain=0.2)], "new", range(diverged))
    (judgement,) = judge(frames)
    assert (judgement.verdict, judgement.method) == (models, method)
    (outcome,) = judgement.outcomes
    assert (outcome.trainings, outcome.diverged) == (trainings - diverged, diverged)
    left = "every training diverged" if trainings == diverged else f"{diverged} more diverged"
    assert left in for_method(outcome)


@pytest.mark.parametrize(("trainings", "method"), [(2, "inconclusive"), (6, "holds"), (1, None)])
def test_equal_values_count_as_trainings_and_not_as_tasks(trainings, method):
    """As ANIL's CKA, which is 1 whatever is drawn."""
    frames = [
        measured(name, np.full(TASKS, accuracy), seed)
        for name, accuracy in (("maml", 0.25), ("new", 0.5))
        for seed in range(trainings)
    ]
    (judgement,) = judge(frames)
    assert judgement.verdict == "holds"
    assert judgement.method == (method or "not judged")


@pytest.mark.parametrize("trainings", [3, 6])
def test_a_difference_above_zero_and_below_the_margin_decides_nothing(trainings):
    frames = [*studies(trainings, gain=0.012, training_sd=0.0002, class_sd=0.0002, n=2000)]
    (judgement,) = judge(frames, claim("not_greater", margin=2))
    assert (judgement.verdict, judgement.method) == ("inconclusive", "inconclusive")
    (outcome,) = judgement.outcomes
    note = "above zero, and below the margin"
    assert outcome.note == outcome.method.note == note
    study = DescribedStudy(describe(("maml", "new"), (), roles=ROLE))
    assert note in in_short(outcome, study)
    assert note in for_method(outcome)


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        (["pre_adaptation"], {"evaluation"}),
        (["pre_adaptation_off_task"], {"off-task"}),
        (["relative"], {"evaluation", "off-task"}),
        (["pre_adaptation", "off_task"], {"evaluation", "off-task"}),
        (["pre_adaptation_off_task", "on_task"], {"evaluation", "off-task"}),
        (["another_task", "nothing"], {"evaluation", "off-task"}),
        (["another_task_of_same_classes"], {"evaluation"}),
    ],
)
def test_classes_are_those_of_the_tasks_on_both_sides(conditions, expected):
    description = describe(("maml",), (), roles=ROLE)
    for about in description["datasets"].values():
        about["classes"] = {"test": CLASSES}
    sides = [side("maml", quantity="prototype_accuracy", condition=name) for name in conditions]
    tasks_of = pd.Index(range(20))
    shares = shares_of_sides(sides, tasks_of, {"way": (5,)}, Memory({}, description))
    keys = [task_key(0, "mini_imagenet", "test", purpose) for purpose in expected]
    each = [task_shares(key, tasks_of, classes=CLASSES, way=5) for key in keys]
    np.testing.assert_allclose(shares, np.mean(each, 0))


@pytest.mark.parametrize(
    ("condition", "disjoint", "known"),
    [
        ("off_task", False, True),
        ("off_task", True, False),
        ("another_task", True, True),  # that option is of the probe protonet
        ("another_task_of_other_classes", False, False),
    ],
)
def test_tasks_that_avoid_each_other_s_classes_are_no_sample_of_them(condition, disjoint, known):
    description = {**describe(("maml",), (), roles=ROLE), "disjoint_off_tasks": disjoint}
    for about in description["datasets"].values():
        about["classes"] = {"test": CLASSES}
    sides = [side("maml", condition=condition)]
    shares = shares_of_sides(sides, pd.Index(range(9)), {"way": (5,)}, Memory({}, description))
    assert (shares is not None) == known


def intervened(intervention, accuracy, variant="maml", layer="", seed=0, **other):
    """Rows of the table `interventions` of one training."""
    of = {"checkpoint": "last", "iteration": 9, "intervention": intervention, "layer": layer}
    return measured(variant, accuracy, seed, **{**of, **other})


def judge_interventions(*frames, **comparison):
    of = comparison.pop("of")
    against = comparison.pop("against", None)
    compared_sides = Comparison(of, against, **{"expected": "less", **comparison})
    description = describe(("maml", "new"), (), roles=ROLE)
    evidence = Memory({"interventions": pd.concat(frames)}, description)
    (judgement,) = judge_claims([claim("", compared_sides)], evidence)
    return judgement.outcomes[0], evidence.study


def test_the_change_by_an_intervention_is_of_the_same_training_on_the_same_task():
    whole = {seed: tasks(0.1 * seed, seed=seed) for seed in range(3)}
    frozen = whole[0] - 0.05
    frozen[3] = np.nan  # it diverged
    frames = [
        *(intervened("everything", values, seed=seed) for seed, values in whole.items()),
        intervened("frozen", frozen, layer="head"),
        intervened("frozen", whole[1] - 0.03, layer="head", seed=1),  # seed 2 was not measured
        intervened("frozen", whole[0] - 0.2, layer="conv4"),
        intervened("only", whole[0] - 0.2, layer="head"),
        intervened("everything", whole[0] - 0.3, checkpoint="named"),
        intervened("frozen", whole[0], layer="head", checkpoint="named"),
    ]
    of = side("maml", quantity="intervention_change", condition="frozen", layer="head")
    outcome, _ = judge_interventions(*frames, of=of)
    found = outcome.test.difference
    assert (outcome.trainings, found.n, found.missing) == (2, TASKS - 1, 1)
    assert found.mean == pytest.approx(-4)
    of = replace(of, quantity="intervention_accuracy")
    outcome, _ = judge_interventions(*frames, of=of, than=20, expected="greater")
    mean = 100 * (np.mean([whole[0] - 0.05, whole[1] - 0.03], 0)[np.arange(TASKS) != 3]).mean()
    assert outcome.test.difference.mean == pytest.approx(mean - 20)


def test_interventions_are_named_with_their_layers_and_compared_across_numbers_of_steps():
    values = tasks()
    frames = [
        intervened(name, values - lost, variant, layer, steps=steps)
        for variant, steps in (("maml", 10), ("new", 6))
        for name, layer, lost in (
            ("everything", "", 0),
            ("nothing", "", 0.3 + 0.01 * (variant == "new")),
            ("frozen", "conv1", 0.1),
            ("frozen", "conv4", 0.02),
        )
    ]
    of = side("maml", quantity="intervention_change", condition="frozen")
    outcome, study = judge_interventions(*frames, of=of, layers=("conv1", "conv4"))
    place = "mini_imagenet, 5-way 1-shot"
    assert compared(outcome, study) == (
        f"MAML, change of accuracy, conv4 (of 2 layers) frozen, {place}"
    )
    nothing = replace(of, condition="nothing", layer="conv1")  # inherited, and of no effect
    of = replace(of, layer="conv1")
    outcome, _ = judge_interventions(*frames, of=of, against=nothing, expected="greater")
    assert compared(outcome, study) == (
        f"MAML, change of accuracy, conv1 frozen − nothing adapts, {place}"
    )
    assert outcome.test.difference.mean == pytest.approx(20)
    new = replace(nothing, variant="new")
    outcome, _ = judge_interventions(*frames, of=new, against=nothing)
    assert compared(outcome, study) == f"new − MAML, change of accuracy, nothing adapts, {place}"
    assert outcome.test.difference.mean == pytest.approx(-1)
    whole = replace(new, quantity="intervention_accuracy", condition="everything")
    outcome, _ = judge_interventions(*frames, of=side("new"), against=whole)
    assert outcome.verdict == "not run"
    assert "accuracy − everything adapts" in compared(outcome, study)


def probed(values, variant="maml", layer="", seed=0, **other):
    """Rows of a probe of the study's own."""
    of = {"checkpoint": "last", "iteration": 9, "layer": layer, **other}
    rows = measured(variant, values, seed, **of)
    return rows.rename(columns={"accuracy": "value"}).assign(metric="mean turn")


def judge_probe(*frames, against=None, **comparison):
    of = side("maml", **{"quantity": "probe", "probe": "my_turn", **comparison.pop("of", {})})
    evidence = Memory({"my_turn": pd.concat(frames)}, describe(("maml", "new"), (), roles=ROLE))
    compared_sides = Comparison(of, against and replace(of, **against), **comparison)
    (judgement,) = judge_claims([claim("", compared_sides)], evidence)
    return judgement.outcomes[0], evidence.study


@pytest.mark.parametrize(("size", "shown"), [(1e-5, "0.0000300"), (1.0, "3.00"), (1e4, "30,000")])
def test_a_probe_of_one_s_own_is_judged_with_digits_that_fit_its_values(size, shown):
    head, conv4 = size * (5 + tasks(seed=1)), size * (2 + tasks(seed=1))
    frames = [
        *(probed(head + size * (-1) ** np.arange(TASKS), layer="head", seed=s) for s in range(2)),
        *(probed(conv4, layer="conv4", seed=s) for s in range(3)),
        *(probed(size * tasks(), "new", "head", seed=s, steps=6) for s in range(2)),
        probed(head, layer="head", split="val"),
    ]
    outcome, study = judge_probe(
        *frames, of={"layer": "head"}, against={"layer": "conv4"}, expected="greater"
    )
    assert outcome.verdict == "holds"
    assert outcome.test.difference.mean == pytest.approx(3 * size)
    assert (outcome.trainings, outcome.test.difference.n) == (2, TASKS)
    place = "mini_imagenet, 5-way 1-shot"
    assert compared(outcome, study) == f"MAML, head − conv4, my turn, {place}"
    said = in_short(outcome, study)
    assert f": +{shown} ± " in said
    assert " (expected > 0)" in said
    outcome, _ = judge_probe(
        *frames, of={"layer": "head"}, against={"variant": "new"}, expected="greater"
    )
    assert outcome.verdict == "holds"  # the number of steps belongs to the method
    assert compared(outcome, study) == f"MAML − new, my turn, head, {place}"


def test_a_probe_of_the_whole_network_has_no_layer():
    frames = [probed(3 + tasks()), probed(tasks(), layer="head")]
    outcome, study = judge_probe(*frames, expected="greater", than=3)
    assert outcome.verdict == "holds"
    assert compared(outcome, study) == "MAML, my turn, mini_imagenet, 5-way 1-shot"
    outcome, study = judge_probe(*frames, expected="greater", against={"layer": "head"})
    assert compared(outcome, study).startswith("MAML, whole network − head, my turn, ")


@pytest.mark.parametrize(
    ("frames", "layer", "said"),
    [
        (
            [probed(tasks(), layer="head")],
            "hed",
            "'my_turn' has no values of hed; it has those of head",
        ),
        ([probed(tasks(), layer="head")], "", "has no values of the network; it has those of head"),
        ([probed(tasks())], "head", "has no values of head; it has those of the network"),
        ([probed(tasks()), probed(tasks(1)).assign(metric="worst turn")], "", "several values"),
        ([probed(tasks()), probed(tasks(1), checkpoint="named")], "", "checkpoint is last, named"),
    ],
)
def test_values_that_a_claim_does_not_choose_between_are_not_compared(frames, layer, said):
    outcome, _ = judge_probe(*frames, of={"layer": layer}, expected="greater")
    assert outcome.verdict == outcome.method.verdict == "not comparable"
    assert said in outcome.note


def curves(variant, ends, start=20.0, seeds=1, **other):
    """Rows of the table `training`: validation accuracy in percent at the ends of the quarters."""
    return pd.DataFrame(
        [
            {
                **{"protocol": "p1", "variant": variant, "train_dataset": "mini_imagenet"},
                **{"setting": "5w1s", "seed": seed, "split": "val", "tasks": 100},
                **{"iteration": 10 * i, "accuracy": accuracy / 100 + 0.001 * seed},
                **{"accuracy_sd": 0.1, **other},
            }
            for seed in range(seeds)
            for i, accuracy in enumerate((start, *ends))
        ]
    )


def judge_trained(*training, pixels=None):
    """The claim that New beats MAML, which tasks show, by how the two were trained."""
    description = describe(("maml", "new", "untrained"), (), roles=ROLE)
    for model in description["models"]:
        model["method"] = "maml"  # untrained, too, is of a method that is trained
    rows = [measured("maml", tasks(seed=1)), measured("new", tasks(0.1, 2))]
    if pixels is not None:
        rows.append(measured("raw_pixels", np.full(9, pixels / 100), protocol="baseline"))
        rows[-1] = rows[-1].assign(split="val", checkpoint="none")
    frames = {"accuracy": pd.concat(rows), "training": pd.concat(training)}
    evidence = Memory(frames, description)
    return judge_claims([claim()], evidence)[0], trained(evidence)


LEVEL = (40, 40, 40, 40)


@pytest.mark.parametrize(
    ("new", "others", "verdict"),
    [
        ({}, {}, "holds"),
        ({"ends": (21.5, 21, 20, 21)}, {}, "not judged"),  # within its tasks' error
        ({"ends": (21.5, 21, 20, 21), "seeds": 3}, {}, "holds"),  # trainings agree that it rose
        ({}, {"untrained": 39}, "not judged"),
        ({}, {"untrained": 30}, "holds"),
        ({}, {"pixels": 39}, "not judged"),
        ({}, {"pixels": 30}, "holds"),
    ],
)
def test_what_is_no_better_than_without_training_is_not_judged(new, others, verdict):
    training = [curves("maml", LEVEL), curves("new", **{"ends": LEVEL, **new})]
    training.append(curves("untrained", (), start=others.get("untrained", 20)))
    judgement, said = judge_trained(*training, pixels=others.get("pixels"))
    assert (judgement.verdict, judgement.outcomes[0].test is None) == (verdict, False)
    short = verdict == "not judged"
    assert in_words(judgement) == ("not judged: undertrained" if short else "holds")
    assert np.isnan(judgement.outcomes[0].p_adjusted) == short
    assert ("Undertrained" in said) == short


@pytest.mark.parametrize(("other", "verdict"), [(34, "holds"), (21, "not judged")])
def test_two_trainings_may_differ_if_each_has_learned(other, verdict):
    """Their interval over trainings, with 1 degree of freedom, is too wide to tell."""
    new = [curves("new", (end,) * 4).assign(seed=seed) for seed, end in enumerate((30, other))]
    judgement, _ = judge_trained(curves("maml", LEVEL), *new)
    assert judgement.verdict == verdict


def test_a_curve_that_still_rises_is_told_and_forbids_nothing():
    judgement, said = judge_trained(curves("maml", LEVEL), curves("new", (30, 35, 40, 42)))
    assert judgement.verdict == "holds"
    assert "new, mini_imagenet, 5-way 1-shot, +2.0." in said
    assert "MAML" not in said


def test_few_classes_are_no_sample_of_others():
    frames = [*studies(5, gain=0.02, class_sd=0.06)]
    many, few = judge(frames), judge(frames, classes=9)
    (wide,), (narrow,) = (judged[0].outcomes for judged in (many, few))
    assert wide.method.population == "new trainings, new classes"
    assert narrow.method.population == "new trainings, these classes"
    assert narrow.method.test.standard_error < wide.method.test.standard_error


def test_planted_effects_are_found_in_nearly_every_study():
    found = sum(
        judge([measured("maml", tasks(seed=i)), measured("new", tasks(0.03, seed=500 + i))])[
            0
        ].verdict
        == "holds"
        for i in range(100)
    )
    assert found >= 95


def test_a_claim_is_a_family_and_other_claims_do_not_change_its_p():
    comparison = Comparison(side("new"), side("maml"), "greater")
    one, ten = claim("", comparison), claim("", *[comparison] * 10)
    frames = [measured("maml", tasks(seed=1)), measured("new", tasks(0.02, seed=2))]
    alone = judge(frames, one, correction="bonferroni")[0].outcomes[0]
    beside, many = judge(frames, one, ten, correction="bonferroni")
    assert alone.p_adjusted == alone.p == beside.outcomes[0].p_adjusted
    assert many.outcomes[0].p_adjusted == pytest.approx(10 * alone.p)


@pytest.mark.parametrize(
    ("column", "value"), [("queries", 5), ("batch_norm", "support"), ("way", 3)]
)
def test_unequal_protocol_is_no_comparison(column, value):
    frames = [measured("maml", tasks(seed=1)), measured("new", tasks(0.1, 2), **{column: value})]
    (judgement,) = judge(frames)
    assert judgement.verdict == "not comparable"
    assert column in judgement.outcomes[0].note


def test_inner_steps_are_part_of_the_method():
    frames = [measured("maml", tasks(seed=1)), measured("new", tasks(0.1, 2), steps=6)]
    assert judge(frames)[0].verdict == "holds"


def test_models_of_two_data_sets_were_trained_on_two_stores():
    frames = [
        measured("maml", tasks(0.1, 2), train_store="pickles-84"),
        measured("maml", tasks(seed=1), train_dataset="cub", train_store="84"),
        measured("new", tasks(0.1, 2), train_store="84"),
    ]
    elsewhere = Comparison(side("maml"), side("maml", trained_on="cub"), "greater")
    assert judge(frames, claim("", elsewhere))[0].verdict == "holds"
    assert judge(frames)[0].verdict == "not comparable"  # new and MAML, of one data set


def test_what_was_measured_on_two_data_sets_is_no_comparison():
    frames = [measured("maml", tasks(0.1, 2)), measured("maml", tasks(seed=1), eval_dataset="cub")]
    elsewhere = Comparison(side("maml"), side("maml", tested_on="cub"), "greater")
    assert judge(frames, claim("", elsewhere))[0].verdict == "not comparable"


def test_rows_that_were_measured_twice_are_no_comparison():
    twice = pd.concat([measured("new", tasks(0.1, 2)), measured("new", tasks(0.1, 2), queries=5)])
    (judgement,) = judge([measured("maml", tasks(seed=1)), twice])
    assert judgement.verdict == "not comparable"
    assert "queries" in judgement.outcomes[0].note


def test_what_was_not_measured_was_not_run():
    assert judge([])[0].verdict == "not run"
    assert judge([measured("maml", tasks())])[0].verdict == "not run"


def test_missing_values_and_unpaired_tasks_are_counted():
    new = tasks(0.1, 2)
    new[:3] = np.nan
    frames = [measured("maml", tasks(seed=1)[:90]), measured("new", new)]
    (outcome,) = judge(frames)[0].outcomes
    assert outcome.test.difference.missing == 3
    assert (outcome.test.difference.n, outcome.unpaired) == (87, 10)


def test_seeds_are_averaged_and_their_spread_is_told():
    frames = [measured("maml", tasks(seed=s), seed=s) for s in range(3)]
    frames += [measured("new", tasks(0.03 + 0.02 * s, seed=9 + s), seed=s) for s in range(3)]
    (outcome,) = judge(frames)[0].outcomes
    assert outcome.trainings == 3
    assert outcome.seed_sd == pytest.approx(2, abs=1)
    assert outcome.test.difference.mean == pytest.approx(5, abs=1)


def test_a_claim_holds_if_all_comparisons_do_and_fails_if_one_does():
    def between(*gains):
        frames = [measured("maml", tasks(seed=1))]
        frames += [measured(f"v{i}", tasks(gain, 2 + i)) for i, gain in enumerate(gains)]
        comparisons = [
            Comparison(side(f"v{i}"), side("maml"), "greater") for i, _ in enumerate(gains)
        ]
        return judge(frames, claim("greater", *comparisons))[0].verdict

    assert between(0.1, 0.1) == "holds"
    assert between(0.1, -0.1) == "fails"
    assert between(0.1, 0.0) == "inconclusive"


@pytest.mark.parametrize(
    ("gains", "verdict"),
    [
        ((0.1, None), "holds where judged"),
        ((None, 0.1, 0.1), "holds where judged"),
        ((-0.1, None), "fails"),
        ((0.0, None), "inconclusive"),
        ((0.1, 0.0, None), "inconclusive"),
        ((None, None), "not run"),
    ],
)
def test_a_claim_run_in_part_says_so(gains, verdict):
    frames = [measured("maml", tasks(seed=1))]
    frames += [measured(f"v{i}", tasks(g, 2 + i)) for i, g in enumerate(gains) if g is not None]
    comparisons = [Comparison(side(f"v{i}"), side("maml"), "greater") for i, _ in enumerate(gains)]
    (judgement,) = judge(frames, claim("greater", *comparisons))
    assert judgement.verdict == verdict
    assert in_words(judgement) == {
        "holds where judged": f"holds where judged ({len(gains) - 1} of {len(gains)} comparisons)"
    }.get(verdict, verdict)


def test_stand_in_data_are_told_apart():
    frames = [measured("maml", tasks(seed=1)), measured("new", tasks(0.1, 2))]
    assert not judge(frames)[0].stand_in
    moved = [frame.assign(train_dataset="symbols", eval_dataset="symbols") for frame in frames]
    assert judge(moved, roles=ROLES)[0].stand_in


def norms(end, seeds):
    return pd.DataFrame(
        [
            {
                "protocol": "p1",
                "variant": "maml",
                "train_dataset": "mini_imagenet",
                "setting": "5w1s",
                "seed": seed,
                "layer": layer,
                "iteration": iteration,
                "norm": norm * (1 + 0.01 * seed),
            }
            for seed in range(seeds)
            for layer in ("conv1", "conv2")
            for iteration, norm in ((0, 1.0), (50, 1.2), (100, end[layer] * (1 + 0.02 * seed)))
        ]
    )


def along_training(kept, length=4000):
    """Rows of CKA of one model, at kept checkpoints and after training, that falls all the time."""
    places = [*(("named", iteration) for iteration in kept), ("last", length)]
    rows = [
        measured("maml", tasks(-0.4 * iteration / length, seed=iteration, spread=0.01))
        .rename(columns={"accuracy": "similarity"})
        .assign(checkpoint=checkpoint, iteration=iteration, estimator="debiased", layer="head")
        for checkpoint, iteration in places
    ]
    return Memory({"cka": pd.concat(rows)}, describe(("maml", "new"), (), roles=ROLE))


CKA = {"quantity": "cka", "layer": "head", "estimator": "debiased"}


@pytest.mark.parametrize(
    ("kept", "at", "before", "said", "loss"),
    [
        ((0, 500, 1000, 4000), 1, 0.1, "MAML after training − after 12.5 % of it, ", 0.35),
        ((0, 500, 1000), 1, 0.1, "MAML after 25 % of it − after 12.5 % of it, ", 0.05),
        ((0, 330, 4000), 0.1, 1, "MAML after 8.25 % of it − after training, ", -0.367),
    ],
)
def test_a_comparison_says_at_which_fractions_of_training_it_was_measured(
    kept, at, before, said, loss
):
    evidence = along_training(kept)
    of = side("maml", at=at, **CKA)
    asked = Comparison(of, replace(of, at=before), "less", decides=False)
    (outcome,) = judge_claims([claim("", asked)], evidence)[0].outcomes
    assert compared(outcome, evidence.study).startswith(f"{said}debiased CKA, head, ")
    assert outcome.test.difference.mean == pytest.approx(-loss, abs=0.01)


@pytest.mark.parametrize(("kept", "at"), [((0, 4000), 0.2), ((0, 4000), 1), ((500,), 0.2)])
def test_two_times_at_one_checkpoint_are_no_comparison(kept, at):
    of = side("maml", at=at, **CKA)
    evidence = along_training(kept)
    (judgement,) = judge_claims(
        [claim("", Comparison(of, replace(of, at=0.1), "equal", margin=0.1))], evidence
    )
    assert (judgement.verdict, judgement.method) == ("not run", "not run")
    note = "nothing was measured between its two times"
    assert note in in_short(judgement.outcomes[0], evidence.study)


@pytest.mark.parametrize(
    ("start", "at", "verdict", "said"),
    [
        (0, 0.6, "holds", "growth of the weight norm from 0 to 50 % of training"),
        (0.7, 1, "holds", "growth of the weight norm from 50 to 100 % of training"),
        (0, 0.2, "holds", "growth of the weight norm from 0 to 50 % of training"),
        (0.2, 0.4, "not run", "growth of the weight norm from 50 to 50 % of training"),
    ],
)
def test_growth_says_between_which_times_it_was_measured(start, at, verdict, said):
    of = side("maml", quantity="weight_norm_growth", layer="conv2", start=start, at=at)
    frames = {"weight_norm": norms({"conv1": 1.2, "conv2": 1.8}, 5)}
    evidence = Memory(frames, describe(("maml",), (), roles=ROLE))
    (judgement,) = judge_claims([claim("", Comparison(of, None, "greater"))], evidence)
    assert judgement.method == verdict
    assert compared(judgement.outcomes[0], evidence.study).startswith(f"MAML, {said}, conv2")


def test_sides_may_be_of_two_protocols_which_the_words_tell_apart():
    other = {"protocol": "no_norm", "batch_norm": "none"}
    frames = [
        measured("maml", tasks(seed=1)),
        measured("maml", tasks(0.05, seed=2), **other),
        measured("new", tasks(0.1, seed=3), **other),
    ]
    rises = curves("maml", (30, 35, 40, 42)), curves("maml", (30, 35, 40, 42), protocol="no_norm")
    made = {"accuracy": pd.concat(frames), "training": pd.concat(rises)}
    description = describe(("maml", "new"), (), roles=ROLE)
    about = {"title": "No normalisation", "variants": ["maml", "new"]}
    description["protocols"]["no_norm"] = about
    evidence = Memory(made, description)
    of = side("maml", protocol="no_norm")
    across = Comparison(of, side("maml"), "greater", may_differ=("batch_norm",))
    within = Comparison(side("new", protocol="no_norm"), of, "greater")
    (judgement,) = judge_claims([claim("", across, within)], evidence)
    title = description["protocols"]["p1"]["title"]
    assert judgement.verdict == "holds"
    assert [compared(outcome, evidence.study) for outcome in judgement.outcomes] == [
        f"MAML, No normalisation − {title}, accuracy, mini_imagenet, 5-way 1-shot",
        "new − MAML, accuracy, No normalisation, mini_imagenet, 5-way 1-shot",
    ]
    place = "MAML, mini_imagenet, 5-way 1-shot"
    assert f"P1, {place}, +2.0; No normalisation, {place}, +2.0." in trained(evidence)
    refused = replace(across, may_differ=())
    assert judge_claims([claim("", refused)], evidence)[0].verdict == "not comparable"


def test_sides_may_be_two_layers_of_one_model():
    where = ("p1", "mini_imagenet", "mini_imagenet")
    of = Selection("weight_norm_growth", "maml", *where, layer="conv2", start=0, at=1)
    more = claim("", Comparison(of, replace(of, layer="conv1"), "greater"))
    frames = {"weight_norm": norms({"conv1": 1.2, "conv2": 1.8}, 5)}
    evidence = Memory(frames, describe(("maml",), (), roles=ROLE))
    (outcome,) = judge_claims([more], evidence)[0].outcomes
    assert outcome.method.verdict == "holds"
    assert outcome.test.difference.mean == pytest.approx(100 * np.log(1.8 / 1.2), rel=0.01)
    assert compared(outcome, evidence.study).startswith("MAML, conv2 − conv1, growth")


@pytest.mark.parametrize(("step_size", "mean"), [(0.001, 4), (0.1, -4), (None, 0)])
@pytest.mark.parametrize("at", [0.5, 1])
def test_the_toy_is_compared_at_a_step_size_and_along_its_curve(step_size, mean, at):
    """Averaged over step sizes, opposite differences would be none."""
    gain = {0.001: 0.04, 0.1: -0.04}
    rows = [
        {"arm": arm, "dataset": "cifar10", "split": "test", "step_size": size, "seed": seed}
        | {"epoch": epoch, "accuracy": 0.5 + epoch * 0.5 * gain[size] * (arm == "unit_norm")}
        for arm in ("unit_norm", "scaled_lr")
        for size in gain
        for seed in range(3)
        for epoch in range(3)
    ]
    toy = Selection("toy_accuracy", "unit_norm", "p1", "cifar10", "cifar10")
    of = replace(toy, step_size=step_size, at=at - 0.1)
    evidence = Memory({"toy": pd.DataFrame(rows)}, describe(("maml",), (), roles=ROLE))
    same = claim("", Comparison(of, replace(of, variant="scaled_lr"), "equal", margin=2))
    (outcome,) = judge_claims([same], evidence)[0].outcomes
    assert outcome.test.difference.mean == pytest.approx(at * mean)
    assert f", at {100 * at:g} % of training, " in compared(outcome, evidence.study)


@pytest.mark.parametrize(
    ("conv2", "seeds", "verdict", "layer"),
    [
        (1.6, 5, "holds", "conv1"),
        (0.8, 5, "fails", "conv2"),
        (1.6, 3, "leans to it", "conv1"),
        (1.6, 1, "not judged", "conv1"),
    ],
)
def test_every_layer_must_agree_and_without_tasks_trainings_decide(conv2, seeds, verdict, layer):
    where = ("p1", "mini_imagenet", "mini_imagenet")
    of = Selection("weight_norm_growth", "maml", *where, start=0, at=1)
    grows = claim("", Comparison(of, None, "greater", layers=("conv1", "conv2")))
    frames = {"weight_norm": norms({"conv1": 1.5, "conv2": conv2}, seeds)}
    evidence = Memory(frames, describe(("maml",), (), roles=ROLE))
    (judgement,) = judge_claims([grows], evidence)
    assert (judgement.verdict, judgement.method) == ("not judged", verdict)
    (outcome,) = judgement.outcomes
    assert (outcome.method.layer, outcome.trainings) == (layer, seeds)
    assert outcome.method.population == "new trainings"
    assert np.isnan(outcome.method.p) == (seeds == 1)
    assert for_method(replace(outcome, layer=layer)).startswith("new trainings: ")
    assert for_method(replace(outcome, layer="conv3")).startswith(f"new trainings, {layer}: ")


def test_a_complete_study_can_be_judged_on_every_claim(evidence_of):
    study = evidence_of("full").study
    asked = [claim for claim in CLAIMS if is_asked(claim, study)]
    judged = judge_claims(asked, evidence_of("full"))
    assert {judgement.verdict for judgement in judged} <= {
        "holds", "fails", "inconclusive", "not judged",
    }  # fmt: skip
    assert all(judgement.method in VERDICTS for judgement in judged)
    assert not [o.note for j in judged for o in j.outcomes if "unequal protocol" in o.note]
