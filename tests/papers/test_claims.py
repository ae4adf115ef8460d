"""The claims are complete, and a file that says something unknown is refused."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from innerloop.measurements.described_study import DescribedStudy
from innerloop.measurements.schemas import ALLOWED, SCHEMAS
from innerloop.papers.claims import is_asked, lacking, read_claims
from innerloop.papers.judgement import judge_claims
from innerloop.papers.paper import read_facts, read_paper
from innerloop.papers.prototypes import CHANGES
from innerloop.papers.published import published
from innerloop.papers.quantities import QUANTITIES
from innerloop.papers.readings import READERS
from innerloop.runtime.errors import ConfigError
from innerloop.specs.interventions import OF_A_LAYER, interventions
from innerloop.study.reading import read_study_file
from innerloop.study.study import Study
from shipped import CLAIMS as ALL
from synthetic import ROLES, Memory, describe, measured

CLAIM = {"name": "c", "source": "s", "claim": "c"}
FACTS = {"title": "Mine", "protocol": "p1", "trained_on": "mini_imagenet"}
CLAIM |= {"where": {"quantity": "accuracy"}}
CHANGE = {"quantity": "intervention_change", "expected": "less"}


def read(tmp_path, **other):
    for name, content in (("claims.yaml", [{**CLAIM, **other}]), ("paper.yaml", FACTS)):
        (tmp_path / name).write_text(yaml.safe_dump(content), encoding="utf-8")
    return read_claims(read_paper(f"{tmp_path}"))


def test_names_are_unique_and_quantities_known():
    assert len({claim.name for claim in ALL}) == len(ALL)
    assert Counter(claim.paper for claim in ALL) == {"P1": 27, "P2": 10, "Questions": 43}
    for claim in ALL:
        assert any(comparison.decides for comparison in claim.comparisons)
        for comparison in claim.comparisons:
            assert comparison.of.quantity in QUANTITIES
    assert {quantity.reads for quantity in QUANTITIES.values()} <= {*SCHEMAS, ""}
    assert READERS.keys() == QUANTITIES.keys()


def test_each_quantity_is_on_the_page_with_its_keys():
    docs = Path(__file__).parents[2] / "docs"
    page = (docs / "extending.md").read_text(encoding="utf-8")
    table = page.partition("| `quantity` |")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| `(\w+)` \| (?:(\S+) )?\| (.*?) ?\|$", table, re.M)
    evidence = (docs / "evidence.md").read_text(encoding="utf-8")
    interventions = evidence.partition("| `which` |")[2].partition("\n\n")[0]
    elsewhere = set(re.findall(r"`(\w+)`", interventions))
    found = {name: (unit, set(re.findall(r"`(\w+)`", keys))) for name, unit, keys in rows}
    assert found == {
        name: (quantity.unit, {*quantity.takes, *quantity.conditions} - elsewhere)
        for name, quantity in QUANTITIES.items()
    }
    assert {*QUANTITIES["intervention_accuracy"].conditions} <= elsewhere


CONFIG = Path(__file__).parents[2] / "config"
QUESTIONS = [*sorted((CONFIG / "questions").glob("*.yaml")), CONFIG / "compact.yaml"]


def asked(claims, study):
    return [one for one in claims if is_asked(one, study)]


def test_each_claim_of_a_question_is_asked_by_one_study_which_trains_all_that_it_compares():
    of_questions = [one for one in ALL if one.source.startswith("Question ")]
    found = []
    for file in QUESTIONS:
        study = Study(read_study_file(file))
        for one in asked(of_questions, study):
            found.append(one)
            alone = [replace(one, comparisons=(comparison,)) for comparison in one.comparisons]
            assert asked(alone, study) == alone
    assert len(of_questions) == 26
    assert sorted(one.name for one in found) == sorted(one.name for one in of_questions)


def test_a_grid_is_asked_about_only_where_validation_chooses_its_point():
    tuned = next(one for one in ALL if one.name == "scaled_lr_tuned")
    study = Study(read_study_file(CONFIG / "questions/tuned.yaml"))
    assert is_asked(tuned, study)
    study.sweeps = tuple(replace(sweep, choose="") for sweep in study.sweeps)
    assert not is_asked(tuned, study)


def test_a_folder_of_no_protocol_is_asked_what_the_study_trains(tmp_path):
    where = {"protocol": "p1", "trained_on": "mini_imagenet", "tested_on": "mini_imagenet"}
    entry = {"name": "c", "claim": "c", "where": {"quantity": "accuracy", **where}}
    parts = [{"of": "boil", "against": ["maml", "anil"], "expected": "greater"}]
    toy = {"quantity": "toy_accuracy", "of": "unit_norm", "than": 1, "expected": "less"}
    content = [{**entry, "comparisons": parts}, {**entry, "comparisons": [toy]}]
    (tmp_path / "claims.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    facts = tmp_path / "paper.yaml"
    facts.write_text("title: Mine\n", encoding="utf-8")
    claims = read_claims(replace(read_paper("questions"), folder=tmp_path, facts=read_facts(facts)))
    for variants, n in ((["boil", "anil"], 2), (["boil"], 1), (["maml", "anil"], 1)):
        study = DescribedStudy(describe(variants, (), others=()))
        assert len(asked(claims, study)) == n
    facts.write_text("title: Mine\nprotocol: p1\n", encoding="utf-8")
    of_one = read_claims(replace(read_paper("questions"), folder=tmp_path, facts=read_facts(facts)))
    assert asked(of_one, study) == of_one


def test_conditions_are_those_that_are_measured():
    assert {*QUANTITIES["prototype_accuracy"].conditions} == ALLOWED["condition"]
    assert QUANTITIES["prototype_change"].conditions == (*CHANGES, "relative")
    assert {*QUANTITIES["intervention_accuracy"].conditions} == ALLOWED["intervention"]
    assert "everything" not in QUANTITIES["intervention_change"].conditions
    moving = {"conv_weight", "conv_bias", "norm", "head"}
    measured = interventions("all", ["conv1", "head"], moving=moving, learned="parameter")
    assert {name for name, _ in measured} == ALLOWED["intervention"]
    assert {name for name, layer in measured if layer} == {*OF_A_LAYER}


def test_a_side_without_a_layer_stands_against_interventions_on_layers(tmp_path):
    compared = {"quantity": "intervention_accuracy", "variant": "maml", "expected": "less"}
    against = {"condition": "nothing"}
    (one,) = read(
        tmp_path,
        comparisons=[
            {**compared, "of": {"condition": "only", "layer": "head"}, "against": against}
        ],
    )
    assert one.comparisons[0].against.condition == "nothing"
    several = {**compared, "of": {"condition": "frozen"}, "layers": ["conv1", "conv2"]}
    (one,) = read(tmp_path, comparisons=[{**several, "against": against}])
    assert one.comparisons[0].layers == ("conv1", "conv2")


def test_what_is_judged_by_own_change_is_what_p1_claims_of_the_whole():
    """The same comparisons, with the same thresholds."""
    by_name = {claim.name: claim for claim in ALL}
    judged_twice = [claim for claim in ALL if claim.name.endswith("_own")]
    assert len(judged_twice) == 7
    for own in judged_twice:
        whole = by_name[own.name.removesuffix("_own")]
        assert own.claim == f"{whole.claim.rstrip('.')}, by each layer's own change."
        assert own.comparisons == tuple(
            replace(
                one,
                **{
                    side: replace(selection, quantity="own_cka")
                    for side in ("of", "against")
                    if (selection := getattr(one, side)) is not None
                },
            )
            for one in whole.comparisons
        )


@pytest.mark.parametrize(
    "said",
    [
        "Scaled LR beats MAML on miniImageNet",
        "Scaled LR beats MAML on CUB",
        "On new data scaled LR beats every other method",
        "On FC-100 5-shot scaled LR is level",
        "MAML 3x is level with scaled LR",
        "Scaled LR beats MAML 3x",
        "Unit norm loses accuracy against MAML on miniImageNet",
        "Unit norm loses accuracy against MAML on CUB",
        "changes conv2 and conv4.",
        "changes conv2 and conv4 more than MAML",
        "changes conv3.",
        "changes conv3 more than MAML",
        "change the head more than any other layer",
        "more than scaled LR, and earlier",
        "Trained on CUB or FC-100, MAML changes only the head",
        "Trained on each of the data sets",
        "adapts each layer like MAML and ANIL",
        "more than MAML on all data sets",
        "in every quarter of training",
        "Meta-SGD beats MAML with the full procedure",
        "change only the head",
        "follows MAML's weight norms",
        "conv4 grows most under scaled LR",
        "grow throughout",
        "settles early",
        "adapts less on CUB",
        "On FC-100 unit norm is level",
        "step sizes become negative",
        "every conv layer is negative",
        "about as good as the full procedure",
        "Before adaptation Meta-SGD",
        "both models worse on-task",
        "makes MAML better on-task",
        "Meta-SGD better off-task",
        "MAML worse off-task",
    ],
)
def test_what_the_papers_say_is_there(said):
    assert sum(said in claim.claim for claim in ALL if claim.paper != "Questions") == 1


def printed(draws=600):
    """Accuracies of every method that P1's Tables 1 and 2 print, with exactly those means."""
    study = DescribedStudy(describe(roles={name: name for name in ROLES}))
    rng = np.random.default_rng(0)
    for row in published(study):
        if row["paper"] == "P1" and row["metric"] == "accuracy":
            noise = rng.normal(0, 1, draws)
            yield measured(
                row["method"],
                (row["value"] + noise - noise.mean()) / 100,
                eval_dataset=row["eval_dataset"],
                setting=f"{row['way']}w{row['shot']}s",
                shot=row["shot"],
            )


def test_the_papers_own_numbers_hold_but_where_its_words_contradict_them():
    """Of two readings the one that is not of the tables fails; nothing else does."""
    description = describe(roles={name: name for name in ROLES})
    evidence = Memory({"accuracy": pd.concat(printed())}, description)
    of_accuracy = [
        claim
        for claim in ALL
        if claim.paper == "P1" and claim.comparisons[0].of.quantity == "accuracy"
    ]
    verdicts = {one.claim.name: one.verdict for one in judge_claims(of_accuracy, evidence)}
    against = {"maml_3x_scaled_lr", "scaled_lr_new_data"}
    assert len(verdicts) == 9
    assert verdicts == {name: "fails" if name in against else "holds" for name in verdicts}
    assert {f"{name}_table" for name in against} <= verdicts.keys()


def test_what_p2_prints_of_step_sizes_accuracies_and_prototypes_holds():
    description = describe(roles={name: name for name in ROLES})
    model = {"protocol": "p2", "train_dataset": "mini_imagenet", "train_store": "84"}
    model |= {"setting": "5w1s", "way": 5, "shot": 1}
    frames = {"accuracy": [], "step_size": [], "protonet": []}
    noise = np.random.default_rng(0).normal(0, 0.01, 600)
    noise -= noise.mean()
    for row in published(DescribedStudy(description)):
        metric, _, layer = row["metric"].partition(".")
        if row["paper"] != "P2" or row["kind"] != "measured":
            continue
        for seed in range(6):
            of = {**model, "variant": row["method"], "method": row["method"], "seed": seed}
            if metric == "accuracy":
                frames[metric].append(measured(**{**of, "accuracy": row["value"] / 100 + noise}))
            if metric == "step_size_mean":
                mean = row["value"] * (1 + 0.01 * seed)
                weights = {"layer": layer, "parameter": "weight", "iteration": 60000}
                frames["step_size"].append(pd.DataFrame([{**of, **weights, "mean": mean, "sd": 0}]))
            if metric == "protonet_off_task_minus_pre":
                for condition, change in (
                    ("pre_adaptation_off_task", 0),
                    ("off_task", row["value"]),
                ):
                    tested = {**of, "condition": condition, "accuracy": 0.5 + change / 100 + noise}
                    frames["protonet"].append(measured(**tested))
                    noise = np.roll(noise, 1)
    evidence = Memory({name: pd.concat(parts) for name, parts in frames.items()}, description)
    names = {"meta_sgd_accuracy", "mean_step_sizes", "meta_sgd_off_task", "maml_off_task"}
    judged = judge_claims([claim for claim in ALL if claim.name in names], evidence)
    assert {one.claim.name: one.method for one in judged} == dict.fromkeys(names, "holds")


def test_a_list_means_one_comparison_each(tmp_path):
    comparisons = [
        {"of": ["maml", "anil"], "against": "boil", "setting": ["5w1s", "5w5s"], "expected": "less"}
    ]
    (claim,) = read(tmp_path, comparisons=comparisons)
    found = {(c.of.variant, c.of.setting, c.against.setting) for c in claim.comparisons}
    assert found == {(v, s, s) for v in ("maml", "anil") for s in ("5w1s", "5w5s")}
    assert {comparison.against.variant for comparison in claim.comparisons} == {"boil"}


def test_cka_has_both_estimators_and_the_debiased_one_decides(tmp_path):
    comparisons = [{"of": "maml", "against": "anil", "quantity": "cka", "expected": "less"}]
    (claim,) = read(tmp_path, comparisons=comparisons)
    debiased, biased = claim.comparisons
    assert (debiased.of.estimator, debiased.decides) == ("debiased", True)
    assert (biased.of.estimator, biased.against.estimator, biased.decides) == (
        "biased",
        "biased",
        False,
    )


def test_the_second_side_is_the_first_but_for_what_it_overrides(tmp_path):
    of = {"variant": "maml", "quantity": "cka", "layer": "head", "at": 1}
    comparisons = [{"of": of, "against": {"at": 0.1}, "expected": "less"}]
    (claim,) = read(tmp_path, comparisons=comparisons)
    against = claim.comparisons[0].against
    assert (against.variant, against.layer, against.at) == ("maml", "head", 0.1)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (CLAIM | {"comparison": []}, "claim 'c': unknown key 'comparison'; did you mean 'compar"),
        (CLAIM, "claim 'c': comparisons is missing"),
        (CLAIM | {"comparisons": [{"of": "a", "expected": "greatr"}]}, "expected is 'greatr'"),
        ("c", "a claim is 'c'; expected the keys"),
    ],
)
def test_a_fault_in_a_claim_is_told_with_its_line(tmp_path, entry, said):
    fine = {**CLAIM, "comparisons": [{"of": "maml", "expected": "less"}]}
    text = yaml.safe_dump([fine, entry], sort_keys=False, default_flow_style=False)
    (tmp_path / "paper.yaml").write_text(yaml.safe_dump(FACTS), encoding="utf-8")
    (tmp_path / "claims.yaml").write_text(text, encoding="utf-8")
    words = [word for word in ("comparison:", "greatr") if word in text]
    lines = text.splitlines()
    begins = max(at for at, line in enumerate(lines) if line.startswith("- "))
    at = next((n for n, line in enumerate(lines) for word in words if word in line), begins)
    with pytest.raises(ConfigError, match=rf"claims.yaml, line {at + 1}: .*{said}"):
        read_claims(read_paper(f"{tmp_path}"))


def test_all_faults_of_a_folder_are_told_at_once_with_their_lines(tmp_path):
    (tmp_path / "paper.yaml").write_text("title: Mine\nprotcol: p1\n", encoding="utf-8")
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures/one.py").write_text("def drew(): ...\n", encoding="utf-8")
    published = "dataset,metric\ncub,accuracy\n"
    (tmp_path / "published.csv").write_text(published, encoding="utf-8")
    with pytest.raises(ConfigError) as refused:
        read_paper(f"{tmp_path}")
    figure, lacks, facts = str(refused.value).splitlines()
    assert "one.py defines no function draw(evidence)" in figure
    assert "published.csv lacks the columns item, train_dataset, " in lacks
    assert "unknown key 'protcol'; did you mean 'protocol'?" in facts


FAULTY = """\
- name: a
  claim: A.
  where: {quantity: acuracy, protocol: p, trained_on: d, tested_on: d}
  comparisons:
    - {of: maml, expected: less}
    - {of: anil, expected: less}
- name: b
  claim: B.
  sauce: s
  where: {quantity: accuracy, protocol: p, trained_on: d, tested_on: d}
  comparisons:
    - {of: maml, expected: less}
    - {of: maml, expected: greatr}
    - {of: anil,
       expected: greatr}
    - {expected: less}
    - maml
- name: c
  claim: C.
- d
"""


def test_all_faults_of_all_claims_are_told_at_once_with_their_lines(tmp_path):
    (tmp_path / "paper.yaml").write_text("title: Mine\n", encoding="utf-8")
    (tmp_path / "claims.yaml").write_text(FAULTY, encoding="utf-8")
    with pytest.raises(ConfigError) as refused:
        read_claims(read_paper(f"{tmp_path}"))
    told = [line.rpartition("claims.yaml, line ")[2] for line in str(refused.value).splitlines()]
    assert [line.partition("; ")[0] for line in told] == [
        "3: claim 'a': quantity 'acuracy' is unknown",
        "9: claim 'b': unknown key 'sauce'",
        "13: claim 'b': expected is 'greatr'",
        "15: claim 'b': expected is 'greatr'",
        "16: claim 'b': of is missing",
        "17: claim 'b': a comparison is 'maml'",
        "18: claim 'c': comparisons is missing",
        "20: a claim is 'd'",
    ]


def test_a_claim_lacks_the_probes_of_choice_of_both_sides(tmp_path):
    of = {"variant": "maml", "quantity": "probe", "probe": "distance"}
    against = {"quantity": "intervention_accuracy", "condition": "nothing"}
    parts = [{"of": of, "against": against, "expected": "less"}]
    (one,) = read(tmp_path, comparisons=[*parts, {"of": "maml", "expected": "less"}])
    assert one.reads == {"distance", "interventions", "accuracy"}
    assert lacking(one, ["accuracy"]) == {"distance", "interventions"}
    assert lacking(one, ["distance", "interventions"]) == set()


def test_one_layer_may_be_written_without_a_list(tmp_path):
    (claim,) = read(
        tmp_path,
        comparisons=[{"of": "maml", "expected": "less", "layers": "head"} | {"quantity": "cka"}],
    )
    assert claim.comparisons[0].layers == ("head",)


def test_a_claim_without_a_comparison_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="claim 'c': comparisons is empty"):
        read(tmp_path, comparisons=[])


@pytest.mark.parametrize(
    ("comparison", "named"),
    [
        ({"of": "maml", "expected": "bigger"}, "bigger"),
        ({"of": "maml", "expected": "equal"}, "margin"),
        ({"of": "maml", "expected": "less", "colour": "red"}, "colour"),
        ({"of": {"variant": "maml", "shade": 1}, "expected": "less"}, "shade"),
        ({"expected": "less"}, "of"),
        ({"of": "maml", "expected": "less", "than": "1e-3"}, "than is '1e-3', expected a number"),
        ({"of": "maml", "expected": "equal", "margin": "2"}, "margin is '2', expected a number"),
        (
            {"of": "maml", "against": {"at": 50}, "quantity": "cka", "expected": "less"},
            "at is '50', expected a fraction of training",
        ),
        ({"of": {"layer": "head"}, "quantity": "cka", "expected": "less"}, "variant is missing"),
        ({"of": "maml", "expected": "less", "at": 1}, "accuracy takes no at; it takes none"),
        ({"of": {"variant": "maml", "layer": "head"}, "expected": "less"}, "takes no layer"),
        ({"of": "maml", "expected": "less", "layers": ["head"]}, "takes no layer"),
        (
            {"of": "maml", "against": {"condition": "on_task"}, "expected": "less"},
            "accuracy takes no condition",
        ),
        (
            {"of": "maml", "quantity": "cka", "estimator": "biased", "expected": "less"},
            "cka takes no estimator; it takes at, layer, steps",
        ),
        (
            {"of": "maml", "quantity": "prototype_change", "expected": "less"},
            "condition: None of prototype_change is none of on_task, off_task, relative",
        ),
        (
            {"of": "maml", "quantity": "prototype_accuracy", "condition": "on", "expected": "less"},
            "condition: on of prototype_accuracy is none of pre_adaptation, on_task",
        ),
        (
            {"of": "maml", **CHANGE, "condition": "frozen"},
            "condition: frozen concerns a layer; say which, as in layer: head",
        ),
        (
            {"of": "maml", **CHANGE, "condition": "nothing", "layer": "head"},
            "condition: nothing takes no layer; those that do are frozen, only,",
        ),
        (
            {"of": "maml", **CHANGE, "condition": "norm_frozen", "layers": ["conv1"]},
            "condition: norm_frozen takes no layer",
        ),
        (
            {
                "of": {"variant": "maml", "condition": "only", "layer": "head"},
                "against": {"condition": "another_task", "layer": "head"},
                **CHANGE,
            },
            "condition: another_task takes no layer",
        ),
        ({"of": "maml", **CHANGE, "condition": "everything"}, "everything of intervention_change"),
        ({"of": "maml", "quantity": "probe", "expected": "less"}, "probe is missing; say which"),
        ({"of": "maml", "probe": "distance", "expected": "less"}, "accuracy takes no probe"),
        ({"of": ["anil", "maml"], "against": "maml", "expected": "less"}, "are the same: maml"),
        (
            {
                "of": "maml",
                "against": {"layer": "head"},
                "layer": "head",
                "quantity": "cka",
                "expected": "less",
            },
            "are the same: {'layer': 'head'}",
        ),
    ],
)
def test_what_is_unknown_is_named(tmp_path, comparison, named):
    with pytest.raises(ConfigError, match=f"claim 'c'.*{named}"):
        read(tmp_path, comparisons=[comparison])
